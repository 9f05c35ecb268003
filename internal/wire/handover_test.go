package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// takeOver lets an engine read some bytes and leave, and returns the blocking
// connection through got.
func takeOver(n int, got chan net.Conn, fail func(string, ...any)) func(*Conn) {
	return func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			for len(c.Unread()) < n {
				if err := c.Fill(); err == error(ErrWouldBlock) {
					return Sleep, time.Time{}
				} else if err != nil {
					return Done, time.Time{}
				}
			}
			c.Out = append(c.Out, c.Unread()[:n]...)
			c.Consume(n)
			return Leave, time.Time{}
		}})
		nc, err := c.Blocking()
		if err != nil {
			fail("Blocking: %v", err)
		}
		got <- nc
	}
}

// What the engine did not consume is read first, then what TLS and the socket
// hold, in order and complete.
func TestBlockingKeepsEveryByte(t *testing.T) {
	const total = 400_000
	text := strings.Repeat("0123456789", total/10)
	for _, p := range paths {
		for name, sizes := range map[string][]int{
			"one write":         {total},
			"many small writes": {5, 1, 3, 1000, 17_000, total - 18_009},
		} {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				got := make(chan net.Conn, 1)
				s := p.open(t, newOptions(), takeOver(3, got, t.Errorf))
				go func() {
					rest := text
					for _, n := range sizes {
						if _, err := s.client.Write([]byte(rest[:n])); err != nil {
							t.Errorf("writing: %v", err)
						}
						rest = rest[n:]
					}
				}()
				s.want(t, text[:3])
				nc := <-got
				if nc == nil {
					t.Fatal("no connection")
				}
				defer nc.Close()
				if err := nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				rest := make([]byte, total-3)
				if n, err := io.ReadFull(nc, rest); err != nil || string(rest) != text[3:] {
					t.Fatalf("%d of %d bytes came, or not in order: %v", n, len(rest), err)
				}
				go nc.Write([]byte(text)) // both ways
				s.want(t, text)
			})
		}
	}
}

// Part of a record that waits at the hand-over is TLS's, not lost.
func TestBlockingInTheMiddleOfARecord(t *testing.T) {
	got := make(chan net.Conn, 1)
	s, h := openHeld(t, clientTLS(), takeOver(3, got, t.Errorf))
	h.through = 2
	if err := s.client.(interface{ Handshake() error }).Handshake(); err != nil {
		t.Fatal(err)
	}
	send(t, s.client, []byte("abcdef"))
	send(t, s.client, []byte("ghi"))
	send(t, s.client, []byte("jklmno"))
	sealed := h.take()
	send(t, s.raw, sealed[:len(sealed)-10])
	nc := <-got
	defer nc.Close()
	send(t, s.raw, sealed[len(sealed)-10:])
	rest := make([]byte, len("defghijklmno"))
	if _, err := io.ReadFull(nc, rest); err != nil || string(rest) != "defghijklmno" {
		t.Errorf("got %q and %v", rest, err)
	}
	if err := nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Errorf("CloseWrite: %v", err)
	}
	s.want(t, "abc")
	if _, err := s.client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after CloseWrite the client reads %v, want EOF", err)
	}
}

// The backlog is written before another writer may begin.
func TestBlockingWaitsForTheBacklog(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			const size = 4 << 20
			s := p.open(t, newOptions(), func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					c.Out = append(c.Out, make([]byte, size)...)
					_ = c.Flush()
					return Leave, time.Time{}
				}})
				nc, err := c.Blocking()
				if err != nil {
					t.Errorf("Blocking: %v", err)
					return
				}
				if _, err := nc.Write([]byte("then this")); err != nil {
					t.Errorf("writing: %v", err)
				}
			})
			if n, err := io.CopyN(io.Discard, s.client, size); err != nil {
				t.Fatalf("%d bytes of the backlog came: %v", n, err)
			}
			s.want(t, "then this")
		})
	}
}

// A handed-over connection has the backlog's limit on writes.
func TestHandedWriteTimeout(t *testing.T) {
	opt := newOptions()
	opt.WriteTimeout = 50 * time.Millisecond
	got := make(chan net.Conn, 1)
	s := paths[1].open(t, opt, takeOver(1, got, t.Errorf))
	send(t, s.client, []byte("x"))
	nc := <-got
	defer nc.Close()
	n, err := nc.Write(make([]byte, 256<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wrote %d bytes to a peer that does not read: %v", n, err)
	}
}
