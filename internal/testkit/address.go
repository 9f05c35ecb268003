package testkit

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
)

// FreeAddress is one of the loopback interface on which nothing listens now, for
// a program that must be given the address on which to listen.
func FreeAddress(t testing.TB) string {
	t.Helper()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
