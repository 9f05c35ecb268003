package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// helloOnly lets the first write of a TLS client pass, and drops what follows.
type helloOnly struct {
	net.Conn
	writes atomic.Int32
}

func (h *helloOnly) Write(p []byte) (int, error) {
	if h.writes.Add(1) > 1 {
		return len(p), nil
	}
	return h.Conn.Write(p)
}

// TestMessageThatDoesNotEnd: a client's handshake message of 48 KiB, which TLS
// would wait for, ends the handshake when 16 KiB of it are there.
func TestMessageThatDoesNotEnd(t *testing.T) {
	if !tlsBuffersTested {
		t.Skip(TLSBuffers())
	}
	for _, plain := range []bool{false, true} {
		server, nc := testkit.TCPPair(t)
		opt := newOptions()
		opt.PlainTLS = plain
		c := New(server, serverTLS(), opt)
		ended := make(chan error, 1)
		go func() { ended <- c.Handshake(time.Now().Add(patience)) }()
		h := &helloOnly{Conn: nc}
		config := clientTLS()
		config.MaxVersion = tls.VersionTLS12 // its next message is in the clear
		client := tls.Client(h, config)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = client.Handshake() // it breaks off
		}()
		eventually(t, "the client answers", func() bool { return h.writes.Load() > 1 })
		record := make([]byte, recordHeaderLen+maxRecord)
		copy(record, []byte{recordHandshake, majorVersion, 3, maxRecord >> 8, maxRecord & 0xff})
		copy(record[recordHeaderLen:], []byte{16, 0, 0xc0, 0}) // ClientKeyExchange, RFC 5246 §7.4.7
		if _, err := nc.Write(record); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, ErrHandshakeTooLarge) {
			t.Errorf("PlainTLS %t: %v, want %v", plain, err, ErrHandshakeTooLarge)
		}
		c.Close()
		<-done
	}
}

// TestOverfull is what a client may leave unfinished of a handshake message, by
// phase. A server may leave what TLS takes.
func TestOverfull(t *testing.T) {
	if !tlsBuffersTested {
		t.Skip(TLSBuffers())
	}
	for _, c := range []struct {
		what   string
		phase  phase
		client bool
		bytes  int
		want   error
	}{
		{"most of a certificate", handshaking, false, maxClientMessage - 1, nil},
		{"more than any certificate", handshaking, false, maxClientMessage, ErrHandshakeTooLarge},
		{"part of a KeyUpdate", turning, false, 4, nil},
		{"no KeyUpdate", turning, false, maxClientUpdate, ErrHandshakeTooLarge},
		{"a server's tickets", turning, true, maxRecord, nil},
	} {
		conn := &Conn{opt: newOptions(), tls: tls.Server(nil, serverTLS()), phase: c.phase, client: c.client}
		handOf(conn.tls).Write(make([]byte, c.bytes))
		if err := conn.overfull(); err != c.want {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
}
