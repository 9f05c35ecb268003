//go:build unix

package listen

import (
	"log/slog"
	"net"
	"os"
	"syscall"
)

// udpBuffer is the receive buffer in bytes that quic-go asks the system for: at 1
// Gbit/s it holds what comes in 60 ms, in which a busy process may not read.
const udpBuffer = 7 << 20

func init() {
	// quic-go would write to standard error by itself, in no format of the log's.
	if os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") != nil {
		panic("listen: an environment variable with a good name is refused")
	}
}

// WarnOfBuffer logs that the system gives a socket a small receive buffer.
func WarnOfBuffer(c *net.UDPConn, log *slog.Logger) {
	_ = c.SetReadBuffer(udpBuffer) // what comes of it is read
	raw, err := c.SyscallConn()
	if err != nil {
		return // closed
	}
	size := udpBuffer
	if raw.Control(func(fd uintptr) { size, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF) }) != nil || err != nil || size >= udpBuffer {
		return
	}
	log.Warn("HTTP/3: the system's receive buffer is small, and packets are lost under load", "bytes", size, "remedy", "sysctl net.core.rmem_max=7340032")
}
