package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// End is how a connection, or what was tried on it, came to its end.
type End struct {
	What   string        // see below, or "GOAWAY …", "RST_STREAM …" with the code's name, "status …"
	Frames int           // that were sent until then, or messages of another kind
	After  time.Duration // since the connection was there
}

// Ends of connections that have no code.
const (
	Closed   = "closed"    // in order
	Reset    = "reset"     // by the kernel: RST
	Alert    = "TLS alert" // an error of TLS
	Held     = "held"      // it still was there when time was over
	Refused  = "refused"   // it did not come about, or ended before it was one
	Answered = "answered"  // all was answered, and nothing ended
	Odd      = "odd"       // an answer that no server gives
)

// Of is the end that an error of a connection stands for.
func Of(err error) string {
	var op *net.OpError
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Held
	case errors.As(err, &op) && op.Op == "remote error": // as crypto/tls reports an alert
		return Alert
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Closed
	}
	return Odd + ": " + err.Error()
}
