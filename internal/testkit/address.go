package testkit

import (
	"net"
	"testing"
)

// FreeAddress is one of the loopback interface that nobody listens on now, for
// a program that cannot say which one it was given.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
