//go:build unix

package config

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestRootIsAPipe: a root that is a named pipe is refused at once, although to
// open it would wait for its other end.
func TestRootIsAPipe(t *testing.T) {
	path := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		testkit.Lacks(t, "this file system has no FIFOs: "+err.Error())
	}
	checked := make(chan error, 1)
	go func() { checked <- checkRoot(path) }()
	select {
	case err := <-checked:
		if err == nil || !strings.Contains(err.Error(), "is not a directory") {
			t.Errorf("%v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("waits for the other end of the pipe")
	}
}
