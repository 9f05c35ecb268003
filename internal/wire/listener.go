package wire

import (
	"context"
	"net"
)

// Listen opens a TCP listener as [Adopt] returns one. TCP keep-alive is off:
// connections that are silent end by our own, shorter limits, and switching it on
// costs four system calls for each connection.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return Adopt(l)
}
