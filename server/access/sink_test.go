package access

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestReopen: after a rename the log goes on in a new file; if there can be
// none, in the old one.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "access.log")
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Mode: All, File: name})
		tap := s.Tap(HTTP2, 0, nil)
		ask := func(path string) {
			tap.End(get(path), ok(200))
			tap.Flush(0)
		}
		rename := func(to string) {
			if err := os.Rename(name, filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
		ask("/1")
		rename("one")
		s.Reopen()
		synctest.Wait()
		ask("/2")
		time.Sleep(linger)
		synctest.Wait()
		rename("two")
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		ask("/3")
		s.Reopen()
		synctest.Wait()
		ask("/4")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string][]string{"one": {"/1"}, "two": {"/2", "/3", "/4"}} {
			lines := linesOf(t, filepath.Join(dir, file))
			for i, path := range want {
				if len(lines) != len(want) || !strings.Contains(lines[i], " "+path+" ") {
					t.Errorf("file %s has %q, want %q", file, lines, want)
				}
			}
		}
		if s.log.Count("access log reopened") != 1 || s.log.Count("cannot be reopened") != 1 {
			t.Errorf("the log says: %s", s.log)
		}
	})
}

// TestCopyTruncate: what empties the file in place leaves no hole in it.
func TestCopyTruncate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Mode: All})
		tap := s.Tap(HTTP2, 0, nil)
		for range 2 {
			tap.End(get("/"), ok(200))
			tap.Flush(0)
			time.Sleep(linger)
			synctest.Wait()
			if lines := linesOf(t, s.cfg.File); len(lines) != 1 || lines[0][0] != '1' {
				t.Errorf("the file has %q", lines)
			}
			if err := os.Truncate(s.cfg.File, 0); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestFullDisk: lines that the file does not take are counted, and complained
// of once a minute.
func TestFullDisk(t *testing.T) {
	testkit.NeedFull(t)
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Mode: All, File: "/dev/full"})
		tap := s.Tap(HTTP2, 0, nil)
		for i := range 90 { // seconds
			tap.End(get("/"), ok(200))
			tap.Flush(0)
			time.Sleep(time.Second)
			synctest.Wait()
			if want := 1 + i/60; s.log.Count("writing the access log") != want {
				t.Fatalf("after %d s: %d complaints, want %d", i, s.log.Count("writing the access log"), want)
			}
		}
		s.wantCounts(t, 0, 0, 90)
		if s.log.Count("lost=60") != 1 {
			t.Errorf("the log says: %s", s.log)
		}
	})
}

// disk takes so many octets, and is full then.
type disk struct {
	bytes.Buffer
	room int
}

func (d *disk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) Close() error { return nil }

// TestTornLine: a line that a full disk cut in two is closed before the next
// one, so that it is lost and no more.
func TestTornLine(t *testing.T) {
	for _, tt := range []struct {
		room            int
		want            string
		written, failed uint64
	}{
		{0, "five\n", 1, 4},
		{2, "on\nfive\n", 1, 4},
		{4, "one\nfive\n", 2, 3},
		{6, "one\ntw\nfive\n", 2, 3},
		{9, "one\ntwo\nt\nfive\n", 3, 2},
		{99, "one\ntwo\nthree\nfour\nfive\n", 5, 0},
	} {
		d := &disk{room: tt.room}
		s := subject{m: metrics.NewHotpath(metrics.Options{Stripes: 1}), log: new(testkit.LogBuffer)}
		k := sink{file: d, metrics: s.m, log: slog.New(slog.NewTextHandler(s.log, nil))}
		k.write([]byte("one\ntwo\nthree\n"), began)
		k.write([]byte("four\n"), began)
		d.room = 99
		k.write([]byte("five\n"), began)
		if d.String() != tt.want {
			t.Errorf("room for %d: the file has %q, want %q", tt.room, d.String(), tt.want)
		}
		s.wantCounts(t, tt.written, 0, tt.failed)
	}
}

// TestReopenOfATornFile: if the name still leads to the file that ends within
// a line, that line is closed; a new file begins with a line.
func TestReopenOfATornFile(t *testing.T) {
	for renamed, want := range map[bool]string{false: "tw\nthree\n", true: "three\n"} {
		name := filepath.Join(t.TempDir(), "access.log")
		k := sink{name: name, metrics: metrics.NewHotpath(metrics.Options{Stripes: 1}), log: slog.New(slog.DiscardHandler)}
		if err := k.open(); err != nil {
			t.Fatal(err)
		}
		if _, err := k.file.Write([]byte("tw")); err != nil {
			t.Fatal(err)
		}
		k.torn = true // the disk was full
		if renamed {
			if err := os.Rename(name, name+".1"); err != nil {
				t.Fatal(err)
			}
		}
		k.reopen()
		k.write([]byte("three\n"), began)
		k.close()
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("renamed: %v: the file has %q, want %q; %v", renamed, text, want, err)
		}
	}
}
