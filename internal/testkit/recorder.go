package testkit

import (
	"bytes"
	"net"
)

// Recorder is a connection that keeps what is written to it.
type Recorder struct {
	net.Conn
	Sent bytes.Buffer
}

// Write implements [net.Conn].
func (r *Recorder) Write(p []byte) (int, error) {
	r.Sent.Write(p)
	return r.Conn.Write(p)
}
