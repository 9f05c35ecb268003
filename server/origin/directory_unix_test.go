//go:build unix

package origin

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestDirectoryNotRegular: what could block for ever is answered at once.
func TestDirectoryNotRegular(t *testing.T) {
	d, root := newDirectory(t, filled(DirectoryConfig{}))
	if err := syscall.Mkfifo(root+"/fifo", 0o644); err != nil {
		testkit.Lacks(t, "this file system has no FIFOs: "+err.Error())
	}
	socket, err := net.Listen("unix", root+"/socket")
	if err != nil {
		testkit.Lacks(t, "this file system has no sockets: "+err.Error())
	}
	defer socket.Close()
	for _, name := range []string{"fifo", "socket"} {
		if a := fetchKey(t, d, "/"+name, nil); a.Response.Status != 404 {
			t.Errorf("%s: status %d", name, a.Response.Status)
		}
		// As if it had taken a file's place after it was looked at.
		file, _, err := openRegular(d.root.tree, name)
		if err == nil {
			file.Close()
			t.Fatalf("%s: was opened", name)
		}
		if !d.absent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNewDirectoryOfAPipe: the error says what is there instead of a directory,
// at once: to open a pipe would wait for its other end.
func TestNewDirectoryOfAPipe(t *testing.T) {
	path := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		testkit.Lacks(t, "this file system has no FIFOs: "+err.Error())
	}
	failed := make(chan error, 1)
	go func() {
		_, err := NewDirectory(path, filled(DirectoryConfig{}))
		failed <- err
	}()
	select {
	case err := <-failed:
		if err == nil || !strings.Contains(err.Error(), "is a named pipe, not a directory") {
			t.Errorf("%v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("waits for the other end of the pipe")
	}
}
