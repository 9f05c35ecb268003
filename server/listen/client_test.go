package listen

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// client is a client's TLS configuration for protocols.
func (s *site) client(protocols ...string) *tls.Config {
	return &tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: protocols}
}

// connect opens a connection without TLS, on which nothing takes longer than
// patience.
func (s *site) connect() net.Conn {
	s.Helper()
	var nc net.Conn
	if p, ok := s.ln.(*testkit.Pipes); ok {
		nc = p.Dial()
	} else {
		var err error
		if nc, err = net.Dial("tcp", s.address); err != nil {
			s.Fatal(err)
		}
	}
	s.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return nc
}

// helloOnly opens a connection on which a client sends its ClientHello and then
// neither reads nor sends anything.
func (s *site) helloOnly() net.Conn { return s.helloTo("localhost") }

// helloTo is helloOnly with the name of a host.
func (s *site) helloTo(host string) net.Conn {
	s.Helper()
	d := deaf{s.connect(), make(chan struct{})}
	cfg := s.client("h2")
	cfg.ServerName = host
	_ = tls.Client(d, cfg).Handshake() // fails, the connection stays
	<-d.said
	return d.Conn
}

// deaf is a client's connection that never reads what the server sends.
type deaf struct {
	net.Conn
	said chan struct{}
}

func (d deaf) Read([]byte) (int, error) {
	close(d.said)
	return 0, io.ErrUnexpectedEOF
}

// dial opens a connection and agrees on TLS.
func (s *site) dial(cfg *tls.Config) (*tls.Conn, error) {
	s.Helper()
	c := tls.Client(s.connect(), cfg)
	return c, c.Handshake()
}

// mustDial is dial, which must succeed.
func (s *site) mustDial(protocols ...string) *tls.Conn {
	s.Helper()
	c, err := s.dial(s.client(protocols...))
	if err != nil {
		s.Fatalf("handshake: %v", err)
	}
	return c
}

// dialH1 opens an HTTP/1.1 connection.
func (s *site) dialH1() *h1peer.Peer {
	s.Helper()
	return h1peer.New(s, s.mustDial("http/1.1"))
}

// wantEnd reads the end of a connection, which is not the end of patience.
func wantEnd(s *site, r io.Reader) {
	s.Helper()
	if rest := toEnd(s, r); len(rest) > 0 {
		s.Errorf("%q before the connection's end", rest)
	}
}

// toEnd is wantEnd that returns what is read before.
func toEnd(s *site, r io.Reader) (rest []byte) {
	s.Helper()
	rest, err := io.ReadAll(r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		s.Fatalf("the connection is still open; read %q", rest)
	}
	return rest
}
