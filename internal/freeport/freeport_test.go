package freeport

import (
	"net"
	"testing"
)

// TestAddress: what is given can be listened on, over TCP and UDP at once, and is
// not of the ports that systems give out by themselves.
func TestAddress(t *testing.T) {
	for range 20 {
		address, err := Address()
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		if port := tcp.Addr().(*net.TCPAddr).Port; port >= 32768 {
			t.Errorf("port %d can be given to another", port)
		}
		if err := free(address); err == nil {
			t.Errorf("%s is said to be free, and is taken", address)
		}
		_, _ = tcp.Close(), udp.Close()
	}
}
