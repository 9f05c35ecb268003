//go:build unix

package access

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once: only a
// failure takes that long.
const patience = 20 * time.Second

// TestNamedPipe: one with a reader is written to; one without
// holds up neither the start nor, when the log is reopened, the writer.
func TestNamedPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	pipe := func() {
		t.Helper()
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pipe()
	began := make(chan error, 1)
	go func() {
		_, err := New(Config{Mode: All, File: name})
		began <- err
	}()
	select {
	case err := <-began:
		if err == nil || !strings.Contains(err.Error(), "a named pipe needs a reader") {
			t.Errorf("started with a pipe that is not read: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the start waits for a reader")
	}

	r, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := start(t, Config{Mode: All, File: name})
	lines, tap := bufio.NewReader(r), s.Tap(HTTP2, 0, nil)
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	wantLine := func(path string) {
		t.Helper()
		tap.End(get(path), ok(200))
		tap.Flush(0)
		if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, " "+path+" ") {
			t.Fatalf("read %q, %v", line, err)
		}
	}
	wantLine("/1")
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	pipe()
	s.Reopen()
	wantLine("/2")
}
