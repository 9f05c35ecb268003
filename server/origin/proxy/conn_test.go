package proxy

import (
	"errors"
	"io"
	"net"
	"testing"
)

// TestConnBreaksBeforeWrite: a request is not written to a connection that broke
// after it was chosen, so that it can be sent elsewhere whatever its method.
func TestConnBreaksBeforeWrite(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin int // when: 0 before the bytes came, 1 after
		bytes string
	}{
		{"chosen, then unasked bytes", 0, "HTTP/1.1 200 OK\r\n\r\n"},
		{"unasked bytes, then chosen", 1, "HTTP/1.1 200 OK\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			conn := newConn(near)
			if c.begin == 0 {
				conn.begin(otherMethod, nil, false, new(reply))
			}
			go func() { _, _ = io.WriteString(far, c.bytes) }()
			if n, err := conn.Read(make([]byte, 100)); n != 0 || !errors.Is(err, errUnasked) {
				t.Errorf("read %d bytes, %v", n, err)
			}
			if c.begin == 1 {
				conn.begin(otherMethod, nil, false, new(reply))
			}
			if n, err := conn.Write([]byte("GET")); n != 0 || !errors.Is(err, errUnasked) || conn.begun.Load() {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
		})
	}
}

// TestPeek: before a used connection is written to, what waits in its socket is
// found even if it has not been read.
func TestPeek(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(net.Conn)
		want error
	}{
		{"nothing", func(net.Conn) {}, nil},
		{"bytes", func(far net.Conn) { _, _ = io.WriteString(far, "HTTP/1.1 408 Request Timeout\r\n\r\n") }, errUnasked},
		{"the end", func(far net.Conn) { far.Close() }, errEnded},
	} {
		t.Run(c.name, func(t *testing.T) {
			near, far := pair(t)
			conn := newConn(near)
			if conn.peek == nil {
				t.Skip("this system has no way to look")
			}
			c.do(far)
			var err error
			for range 1000 { // the loopback interface takes a moment
				if err = conn.peek.pending(); err != nil || c.want == nil {
					break
				}
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}
