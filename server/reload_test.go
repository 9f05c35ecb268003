package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/live"
)

// TestReloadedLimits: each limit of connections that may change while the server
// runs makes other connections than before.
func TestReloadedLimits(t *testing.T) {
	maker := connMaker{metrics: metrics.NewHotpath(metrics.Options{}), wire: wire.Options{Metrics: wire.ServerMetrics(metrics.NewHotpath(metrics.Options{}))}}
	parts := func(cfg config.Config) []any {
		c := maker.conns(cfg)
		options := *c.Wire
		return []any{c.H2.Limits, *c.H1, options.WriteTimeout, options.WriteQuantum, c.HelloTimeout, c.HandshakeTimeout}
	}
	before := parts(config.Default())
	for flag, value := range map[string]string{
		"max-streams": "9", "max-header-bytes": "9KiB", "max-header-fields": "9", "max-continuations": "9", "max-body": "9KiB", "max-output": "99KiB",
		"max-resets": "9", "reset-refill": "9/s", "control-budget": "9", "control-refill": "9/s", "max-control": "9",
		"hello-timeout": "2s", "handshake-timeout": "9s", "head-timeout": "9s", "idle-timeout": "9s", "write-timeout": "9s", "min-write-rate": "9KiB/s",
	} {
		cfg, err := config.Load([]string{"-" + flag, value}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if reflect.DeepEqual(parts(cfg), before) {
			t.Errorf("%s %s changes nothing of a connection", flag, value)
		}
	}
}

// TestLoadWhole: a file that is empty is being written, and one that changes each
// time it is read is not waited for without end.
func TestLoadWhole(t *testing.T) {
	file := writeFile(t, "max-body: 1MiB\n")
	src := &source{args: []string{"-config", file}}
	if cfg, err := src.loadWhole(); err != nil || cfg.MaxBody != 1<<20 {
		t.Errorf("a file that is whole: %v", err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := src.loadWhole(); err == nil {
		t.Error("an empty file is taken for one that is whole")
	}
	if _, err := (&source{args: []string{"-max-body", "1MiB"}}).loadWhole(); err != nil {
		t.Errorf("no file at all: %v", err)
	}
}

// TestWatchFile: a file is loaded when it has changed and stays as it is, once for
// each change, and not while it is written or missing.
func TestWatchFile(t *testing.T) {
	file := writeFile(t, "max-body: 1MiB\n")
	src := &source{args: []string{"-config", file}}
	if _, err := src.load(); err != nil {
		t.Fatal(err)
	}
	w := newWatch(src)
	stamp := time.Now()
	change := func(text string) { // each with a time of its own, however coarse the clock is
		t.Helper()
		stamp = stamp.Add(time.Second)
		err := os.WriteFile(file, []byte(text), 0o600)
		if err == nil {
			err = os.Chtimes(file, stamp, stamp)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	look := func(when string, want bool) {
		t.Helper()
		if due := w.due(); due != want {
			t.Errorf("%s: due %t, want %t", when, due, want)
		} else if due {
			if _, err := src.load(); err != nil {
				t.Fatal(err)
			}
		}
	}
	look("unchanged", false)
	look("still unchanged", false)
	change("max-body: 2")
	look("just changed", false)
	change("max-body: 2MiB\n")
	look("changed again", false)
	look("unchanged since", true)
	look("loaded", false)
	if err := os.Rename(file, file+".old"); err != nil {
		t.Fatal(err)
	}
	look("gone", false)
	look("still gone", false)
	other := filepath.Join(filepath.Dir(file), "other.yaml")
	if err := os.WriteFile(other, []byte("max-body: 2MiB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(other, stamp, stamp); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, file); err != nil {
		t.Fatal(err)
	}
	look("another file of the same size and time", false)
	look("it stays", true)
	look("it is loaded", false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.run(ctx, time.Hour, func() { t.Error("it was loaded after the end") })
}

// TestConfigWatch: the server loads its file when that has changed.
func TestConfigWatch(t *testing.T) {
	c := startConfigured(t, "max-body: 1MiB\nconfig-watch: 100ms\n")
	c.write("max-body: 2MiB\nconfig-watch: 100ms\n")
	c.eventually("the reload", func() error {
		if c.reloads("applied") != 1 {
			return os.ErrDeadlineExceeded
		}
		return nil
	})
}

// TestDrainRefusesReloads: reloads that wait for their turn are refused from the
// moment in which a drain begins, and not each made before it.
func TestDrainRefusesReloads(t *testing.T) {
	r := newRunning(new(source), config.Default(), nil, metrics.NewHotpath(metrics.Options{}), new(servedSites), slog.New(slog.DiscardHandler), new(slog.LevelVar), new(live.Journal))
	r.start(takers{})
	r.mu.Lock() // as a reload that is under way
	refused := make(chan error)
	go func() {
		_, err := r.reload("a test")
		refused <- err
	}()
	drained := make(chan struct{})
	go func() {
		r.drain()
		close(drained)
	}()
	for end := time.Now().Add(patience); r.why.Load() != &errDraining; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a drain waits for a reload before it refuses others")
		}
	}
	r.mu.Unlock()
	if err := <-refused; !errors.Is(err, errDraining) {
		t.Errorf("a reload that waited: %v, want %v", err, errDraining)
	}
	<-drained
}
