//go:build !linux

package wire

import "net"

// Adopt returns l as it is.
func Adopt(l net.Listener) (net.Listener, error) { return l, nil }
