package wire

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// patience is how long a test waits for what should come at once: only a
// failure takes that long.
const patience = 20 * time.Second

var serverTLS = sync.OnceValue(func() *tls.Config {
	return &tls.Config{
		Certificates:                []tls.Certificate{testkit.NewIdentity().TLS},
		DynamicRecordSizingDisabled: true,
	}
})

func clientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func newOptions() *Options {
	return &Options{
		Metrics:      ServerMetrics(metrics.NewHotpath(metrics.Options{Stripes: 1})),
		WriteTimeout: patience,
		WriteQuantum: 32 << 10,
		Handshakes:   NewGate(1),
	}
}

// hidden is a connection that shows no descriptor: it is served by a pump.
type hidden struct{ net.Conn }

// path is a way by which bytes reach an engine.
type path struct {
	name string
	pair func(testing.TB) (server, client net.Conn)
	tls  bool
}

var paths = []path{
	{"poller", func(t testing.TB) (net.Conn, net.Conn) { return testkit.TCPPair(t) }, false},
	{"poller, TLS", func(t testing.TB) (net.Conn, net.Conn) { return testkit.TCPPair(t) }, true},
	{"pump", func(t testing.TB) (net.Conn, net.Conn) { s, c := testkit.TCPPair(t); return hidden{s}, c }, false},
	{"pump, TLS", func(t testing.TB) (net.Conn, net.Conn) { s, c := testkit.TCPPair(t); return hidden{s}, c }, true},
	{"pipe", func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() }, false},
	{"pipe, TLS", func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() }, true},
}

// served is a connection under an engine, and its client.
type served struct {
	*Conn
	client net.Conn      // speaks plaintext: a tls.Conn if there is TLS
	raw    net.Conn      // below it
	ended  chan struct{} // closed when Serve has returned
}

// open prepares a connection, shakes hands and lets start serve it, on a
// goroutine of its own. The client gives up after patience.
func (p path) open(t testing.TB, opt *Options, start func(*Conn)) served {
	t.Helper()
	server, client := p.pair(t)
	return serve(t, server, client, p.tls, opt, start)
}

func serve(t testing.TB, server, client net.Conn, secure bool, opt *Options, start func(*Conn)) served {
	t.Helper()
	s := served{client: client, raw: client, ended: make(chan struct{})}
	var config *tls.Config
	if secure {
		config = serverTLS()
		s.client = tls.Client(client, clientTLS())
	}
	s.Conn = New(server, config, opt)
	if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		if secure {
			if err := s.Handshake(time.Now().Add(patience)); err != nil {
				t.Errorf("handshake: %v", err)
				server.Close()
				return
			}
		}
		start(s.Conn)
	}()
	if secure {
		if err := s.client.(*tls.Conn).Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		client.Close()
		s.wait(t)
	})
	return s
}

// wait waits for the connection's end on our side.
func (s served) wait(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("the connection has not ended")
	}
}

// engine is an Engine made of functions.
type engine struct {
	turn    func(now time.Time) (Step, time.Time)
	pending func() bool
}

func (e engine) Turn(now time.Time) (Step, time.Time) { return e.turn(now) }
func (e engine) Pending() bool                        { return e.pending != nil && e.pending() }

// echoBuffered is how much may wait for the peer until an echo stops reading.
const echoBuffered = 256 << 10

// echo sends back what comes, until the client's end.
func echo(c *Conn) {
	c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
		for {
			c.Out = append(c.Out, c.Unread()...)
			c.Consume(len(c.Unread()))
			if len(c.Out) >= FlushSize {
				if c.Flush() != nil {
					return Done, time.Time{}
				}
				if c.Buffered() > echoBuffered {
					return Sleep, time.Time{}
				}
			}
			switch err := c.Fill(); {
			case err == nil:
			case err == error(ErrWouldBlock):
				if c.Flush() != nil {
					return Done, time.Time{}
				}
				return Sleep, time.Time{}
			default:
				return Done, time.Time{}
			}
		}
	}})
}

// ask sends p and expects it back.
func (s served) ask(t testing.TB, p string) {
	t.Helper()
	go s.client.Write([]byte(p)) // a pipe holds nothing: read meanwhile
	got := make([]byte, len(p))
	if n, err := io.ReadFull(s.client, got); err != nil || string(got) != p {
		t.Fatalf("asked %.20q, got %.20q (%d of %d bytes): %v", p, got[:n], n, len(p), err)
	}
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}
