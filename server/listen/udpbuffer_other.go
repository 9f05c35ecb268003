//go:build !unix

package listen

import (
	"log/slog"
	"net"
)

// WarnOfBuffer does nothing: what the system gives cannot be read.
func WarnOfBuffer(*net.UDPConn, *slog.Logger) {}
