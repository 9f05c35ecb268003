package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports that no system gives out by itself: Linux begins at 32768, macOS and
// Windows at 49152. What tests that run meanwhile listen on, or connect from,
// is none of them.
const (
	firstPort = 16384
	lastPort  = 32767
)

// FreeAddress is one of the loopback interface on which nothing listens now, for
// a program that must be given the address on which to listen.
func FreeAddress(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort+1)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatalf("no port is free between %d and %d: %v", firstPort, lastPort, err)
	return ""
}
