package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// holder keeps back what a TLS client writes, so that a test may cut it up.
// through is how many writes pass before.
type holder struct {
	net.Conn
	through int
	held    []byte
}

func (h *holder) Write(p []byte) (int, error) {
	if h.through > 0 {
		h.through--
		return h.Conn.Write(p)
	}
	h.held = append(h.held, p...)
	return len(p), nil
}

// take returns what was held.
func (h *holder) take() []byte {
	held := h.held
	h.held = nil
	return held
}

// openHeld opens an echo over the poller whose TLS client writes through a
// holder, which lets the ClientHello pass.
func openHeld(t testing.TB, config *tls.Config, start func(*Conn)) (served, *holder) {
	t.Helper()
	server, nc := testkit.TCPPair(t)
	h := &holder{Conn: nc, through: 1}
	s := serve(t, server, nc, false, newOptions(), func(c *Conn) {
		c.config = serverTLS()
		if err := c.Handshake(time.Now().Add(patience)); err != nil {
			t.Errorf("handshake: %v", err)
			c.Close()
			return
		}
		start(c)
	})
	s.client = tls.Client(h, config)
	return s, h
}

func (s served) want(t testing.TB, what string) {
	t.Helper()
	got := make([]byte, len(what))
	if n, err := io.ReadFull(s.client, got); err != nil || string(got) != what {
		t.Fatalf("got %.40q (%d bytes), want %.40q (%d bytes): %v", got[:n], n, what, len(what), err)
	}
}

func send(t testing.TB, w io.Writer, p []byte) {
	t.Helper()
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
}

// A client's first request comes in one segment with its Finished: it must not
// wait inside TLS for bytes that do not come.
func TestFirstRequestWithFinished(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := clientTLS()
			config.MaxVersion = version
			s, h := openHeld(t, config, echo)
			if version == tls.VersionTLS12 {
				h.through = 2 // the server answers the second flight
			}
			if err := s.client.(*tls.Conn).Handshake(); err != nil {
				t.Fatal(err)
			}
			send(t, s.client, []byte("first "))
			send(t, s.client, []byte("second"))
			send(t, s.raw, h.take())
			s.want(t, "first second")
		})
	}
}

// However the records are cut into segments, the plaintext is the same.
func TestRecordsCutUp(t *testing.T) {
	long := strings.Repeat("x", 3*maxRecord+100)
	for _, c := range []struct {
		name  string
		write []string // a record each, or more if it is too long for one
		cut   int      // bytes of a segment; 0: all in one
	}{
		{"byte by byte", []string{"a", "", "bc", strings.Repeat("d", 300)}, 1},
		{"several records in one segment", []string{"a", "bb", "ccc", "dddd"}, 0},
		{"a header cut in two", []string{"a", "b", "c"}, recordHeaderLen - 2},
		{"full records in one segment", []string{long}, 0},
		{"full records in odd pieces", []string{long, "end"}, 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, h := openHeld(t, clientTLS(), echo)
			h.through = 2
			if err := s.client.(*tls.Conn).Handshake(); err != nil {
				t.Fatal(err)
			}
			for _, p := range c.write {
				send(t, s.client, []byte(p))
			}
			sealed := h.take()
			for len(sealed) > 0 {
				n := len(sealed)
				if c.cut > 0 {
					n = min(n, c.cut)
				}
				send(t, s.raw, sealed[:n]) // Go sets TCP_NODELAY
				sealed = sealed[n:]
			}
			s.want(t, strings.Join(c.write, ""))
		})
	}
}

// What is wrong in TLS ends in an alert that the client receives, even if
// more of its input is unread.
func TestBadRecords(t *testing.T) {
	tooLong := append([]byte{23, 3, 3, 0xff, 0xff}, make([]byte, 70_000)...)
	forged := append([]byte{23, 3, 3, 0, 64}, make([]byte, 64)...)
	for _, c := range []struct {
		name   string
		record []byte
		alert  string
	}{
		{"longer than allowed", tooLong, "record overflow"},
		{"longer than allowed, only its header", tooLong[:recordHeaderLen], "record overflow"},
		{"forged", forged, "bad record MAC"},
		{"of an unknown version", append([]byte{23, 9, 9, 0, 1}, 0), "protocol version not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each lingers until the client closes
			s, h := openHeld(t, clientTLS(), echo)
			h.through = 2
			if err := s.client.(*tls.Conn).Handshake(); err != nil {
				t.Fatal(err)
			}
			send(t, s.raw, c.record)
			if _, err := io.ReadAll(s.client); err == nil || !strings.Contains(err.Error(), c.alert) {
				t.Errorf("got %v, want the alert %q", err, c.alert)
			}
			s.raw.Close()
			s.wait(t)
		})
	}
}

// What is no ClientHello ends the handshake at once, without waiting for the
// record that it would be the header of.
func TestHandshakeWithoutTLS(t *testing.T) {
	for name, garbage := range map[string]string{
		"plain HTTP":     "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
		"h2 without TLS": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"zeros":          string(make([]byte, 10)),
	} {
		t.Run(name, func(t *testing.T) {
			server, client := testkit.TCPPair(t)
			c := New(server, serverTLS(), newOptions())
			send(t, client, []byte(garbage))
			if err := c.Handshake(time.Now().Add(patience)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the handshake ended with %v", err)
			}
		})
	}
}

func TestRecordLen(t *testing.T) {
	record := func(n, have int) []byte {
		return append([]byte{23, 3, 3, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{0}, have)...)
	}
	for _, c := range []struct {
		name string
		b    []byte
		want int
	}{
		{"nothing", nil, 0},
		{"part of the header", record(1, 0)[:4], 0},
		{"the header", record(1, 0), 0},
		{"no content", record(0, 0), 5},
		{"part", record(10, 9), 0},
		{"whole", record(10, 10), 15},
		{"and more", record(10, 30), 15},
		{"the largest", record(maxCiphertext, maxCiphertext), 5 + maxCiphertext},
		{"the largest, in part", record(maxCiphertext, maxCiphertext-1), 0},
		{"too large, the header", record(maxCiphertext+1, 0), 5},
		{"no TLS", []byte("GET / HTTP/1.1"), 14},
		{"too large, in part", record(maxCiphertext+1, 100), 105},
	} {
		if got := recordLen(c.b); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestEchoOnEveryPath(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := p.open(t, newOptions(), echo)
			s.ask(t, "hello")
			s.ask(t, large)
			s.ask(t, "again")
			m := s.opt.Metrics
			least := uint64(len(large))
			if m.Sent.Value() < least || m.Received.Value() < least {
				t.Errorf("counted %d bytes in and %d out, less than was echoed", m.Received.Value(), m.Sent.Value())
			}
		})
	}
}
