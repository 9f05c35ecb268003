package proxy

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
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

// pieces is a connection on which these bytes come, one at each read.
type pieces struct {
	net.Conn
	left [][]byte
}

func (p *pieces) Write(b []byte) (int, error) { return len(b), nil }

func (p *pieces) Read(b []byte) (int, error) {
	n := copy(b, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

// TestCollectedHeads: for a request with Expect a head is collected whole; one after
// the other, each beginning in the bytes that end the last, they have a limit.
func TestCollectedHeads(t *testing.T) {
	early := "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("a", 3000) + "\r\n\r\n"
	all := []byte(strings.Repeat(early, maxInforms))
	origin := new(pieces)
	for part := range slices.Chunk(all, bufferSize) {
		origin.left = append(origin.left, part)
	}
	c := newConn(origin)
	c.begin(otherMethod, nil, false, new(reply))
	c.held = &body{watch: new(watch), over: make(chan struct{})}
	if _, err := c.Write([]byte("POST / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	var err error
	for p := make([]byte, bufferSize); err == nil && len(origin.left) > 0; {
		_, err = c.Read(p)
	}
	if e := new(protocolError); !errors.As(err, &e) || e.kind != httpResponseHeadSize {
		t.Errorf("%d bytes of heads: %v, want that they are too long", len(all), err)
	}
	if read := len(all) - bufferSize*len(origin.left); read > maxCollected+2*bufferSize {
		t.Errorf("%d bytes were taken, want about %d", read, maxCollected)
	}
}
