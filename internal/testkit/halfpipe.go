package testkit

import (
	"net"
	"time"
)

// HalfPipe is an end of a connection in memory of which, as of TCP, each half can
// be ended alone. It has no buffer, and fake time in it.
type HalfPipe struct{ in, out net.Conn }

// NewHalfPipe connects two ends.
func NewHalfPipe() (a, b HalfPipe) {
	aOut, bIn := net.Pipe()
	bOut, aIn := net.Pipe()
	return HalfPipe{aIn, aOut}, HalfPipe{bIn, bOut}
}

// CloseWrite ends our half: the other end reads io.EOF.
func (h HalfPipe) CloseWrite() error { return h.out.Close() }

// Close ends both: what the other end writes from now on fails.
func (h HalfPipe) Close() error {
	_ = h.out.Close() // neither fails
	return h.in.Close()
}

// Read, Write and the rest implement [net.Conn].
func (h HalfPipe) Read(p []byte) (int, error)  { return h.in.Read(p) }
func (h HalfPipe) Write(p []byte) (int, error) { return h.out.Write(p) }
func (h HalfPipe) LocalAddr() net.Addr         { return h.out.LocalAddr() }
func (h HalfPipe) RemoteAddr() net.Addr        { return h.out.RemoteAddr() }

func (h HalfPipe) SetReadDeadline(t time.Time) error  { return h.in.SetReadDeadline(t) }
func (h HalfPipe) SetWriteDeadline(t time.Time) error { return h.out.SetWriteDeadline(t) }
func (h HalfPipe) SetDeadline(t time.Time) error {
	if err := h.in.SetReadDeadline(t); err != nil {
		return err
	}
	return h.out.SetWriteDeadline(t)
}
