//go:build !linux

package wire

import (
	"context"
	"net"
)

// Listen opens a TCP listener without TCP keep-alive.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	return lc.Listen(ctx, "tcp", address)
}
