//go:build unix

package origin

import (
	"net"
	"syscall"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestDirectoryNotRegular: what could block for ever is answered at once.
func TestDirectoryNotRegular(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{})
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
		file, _, err := d.open(name)
		if err == nil {
			file.Close()
			t.Fatalf("%s: was opened", name)
		}
		if a, err := d.failed("opening", name, err); err != nil || a.Response.Status != 404 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
