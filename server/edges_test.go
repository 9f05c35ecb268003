package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/h2"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// startLog is the log of a server under test: served is closed when it serves.
type startLog struct {
	testkit.LogBuffer
	once   sync.Once
	served chan struct{}
}

func (l *startLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("serving")) {
		defer l.once.Do(func() { close(l.served) })
	}
	return l.LogBuffer.Write(p)
}

// startAndStop runs the server until it serves.
func startAndStop(t *testing.T, args ...string) {
	t.Helper()
	args = append([]string{"-listen", "127.0.0.1:0", "-admin", "off", "-access-log-file", filepath.Join(t.TempDir(), "access.log")}, args...)
	cfg, err := config.Load(args, nil, config.ReadFile)
	if err != nil {
		t.Errorf("%q is no configuration: %v", args, err)
		return
	}
	cfg.DrainDelay, cfg.DrainTimeout = 0, min(cfg.DrainTimeout, time.Second) // the start is what counts here
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	log := &startLog{served: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, log) }()
	select {
	case <-log.served:
		cancel()
		err = <-ended
	case err = <-ended:
		if err == nil {
			t.Errorf("%q: it has not begun to serve", args)
		}
	}
	if err != nil {
		t.Errorf("%q is valid, and the start fails: %v", args, err)
	}
}

// TestEveryEdgeStarts: a server starts with the least and the largest value of
// each setting, and with all of the least ones: what is allowed is what the
// parts of the server take.
func TestEveryEdgeStarts(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	id := testIdentity(t)
	// What goes with a value that is nothing alone.
	beside := map[string][]string{
		"memory-limit":      {"-cache-bytes", "1MiB"},
		"access-log-sample": {"-access-log", "sampled"},
		"access-log-format": {"-access-log", "all"},
		"access-log-rate":   {"-access-log", "all"},
	}
	var least []string
	last := ""
	for _, e := range config.Edges() {
		if e.Key == "log-level" {
			continue // the log is what says that it serves
		}
		args := append([]string{"-cert", id.cert, "-key", id.key, "-" + e.Key + "=" + e.Value}, beside[e.Key]...)
		startAndStop(t, args...)
		if e.Key != last && e.Key != "memory-limit" {
			least = append(least, "-"+e.Key+"="+e.Value)
		}
		last = e.Key
	}
	startAndStop(t, append([]string{"-cert", id.cert, "-key", id.key}, least...)...)
}

// TestDefaultsStandOnce: the table of settings has the defaults. What a part of
// the server does with a zero, which only tests give it, is the same.
func TestDefaultsStandOnce(t *testing.T) {
	cfg := config.Default()
	want := h2.Limits{
		Streams: cfg.MaxStreams, HeaderBytes: int(cfg.MaxHeaderBytes), HeaderFields: cfg.MaxHeaderFields, Continuations: cfg.MaxContinuations,
		BodyBytes: cfg.MaxBody, OutputBytes: int(cfg.MaxOutput),
		Resets: cfg.MaxResets, ResetsPerSec: cfg.ResetRefill, Control: cfg.ControlBudget, ControlPerSec: cfg.ControlRefill, ControlQueue: cfg.MaxControl,
		Head: cfg.HeadTimeout, Idle: cfg.IdleTimeout, Progress: cfg.WriteTimeout,
		Quantum:    int(cfg.WriteTimeout.Seconds() * float64(cfg.MinWriteRate)),
		TunnelIdle: tunnelIdle, // no setting
	}
	if got := (h2.Config{}).WithDefaults().Limits; got != want {
		t.Errorf("the limits of HTTP/2 are by default\n%+v, the settings'\n%+v", got, want)
	}
	fields := reflect.ValueOf(want)
	for i := range fields.NumField() {
		if fields.Field(i).IsZero() {
			t.Errorf("%s of the limits of HTTP/2 is no setting: it has a default of its own", fields.Type().Field(i).Name)
		}
	}
	for _, tt := range []struct {
		key       string
		got, want any
	}{
		{"cache-entries", cache.DefaultEntries, cfg.CacheEntries},
		{"cache-bytes", int64(cache.DefaultBytes), cfg.CacheBytes},
		{"max-stored", int64(origin.DefaultMaxStored), cfg.MaxStored},
		{"max-fetches", edge.DefaultFetches, cfg.MaxFetches},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %v by default, in another place %v", tt.key, tt.want, tt.got)
		}
	}
}

// TestReadmeDefaults: the settings that README.md shows have their defaults
// there.
func TestReadmeDefaults(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, line := range config.Default().Lines() {
		row := "| `-" + line.Key + "` | "
		_, rest, ok := strings.Cut(string(text), row)
		if !ok || line.Default == "" {
			continue
		}
		rows++
		if shown, _, _ := strings.Cut(rest, " |"); shown != "`"+line.Default+"`" {
			t.Errorf("README.md says that %s is %s by default, the settings `%s`", line.Key, shown, line.Default)
		}
	}
	if rows < 5 {
		t.Errorf("README.md shows %d defaults, want its table", rows)
	}
}
