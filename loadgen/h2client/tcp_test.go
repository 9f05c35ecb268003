package h2client

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// soon is when the engine must have seen the connection's end: wire looks for
// it after 5 seconds.
const soon = 3 * time.Second

// tcp is an engine on a socket, and the other end. Times are real.
type tcp struct {
	server net.Conn
	wire   *wire.Conn
	*exchangetest.Driver
	ended chan *exchange.Failure
}

// serveTCP begins with a server's SETTINGS and these requests, due at once.
func serveTCP(t *testing.T, settings []frame.Setting, requests ...*exchange.Request) *tcp {
	t.Helper()
	server, client := testkit.TCPPair(t)
	return serveOn(t, server, client, settings, requests...)
}

// hidden is a connection that shows no descriptor: it is served by a pump.
type hidden struct{ net.Conn }

func serveOn(t *testing.T, server, client net.Conn, settings []frame.Setting, requests ...*exchange.Request) *tcp {
	t.Helper()
	c := &tcp{server: server, wire: wire.NewClient(client, nil, exchangetest.Options()), Driver: exchangetest.NewDriver(), ended: make(chan *exchange.Failure, 1)}
	c.Add(0, requests...)
	engine := New(&exchange.Config{Epoch: time.Now().Add(-start), Streams: 10, Timeout: time.Minute}, c.wire, c.Driver)
	c.send(t, frame.AppendSettings(nil, settings...), frame.AppendWindowUpdate(nil, 0, 1<<30))
	go func() { c.ended <- engine.Serve() }()
	return c
}

func (c *tcp) send(t *testing.T, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if _, err := c.server.Write(f); err != nil {
			t.Fatal(err)
		}
	}
}

// readUntil reads frames up to one of a type that ends its stream.
func (c *tcp) readUntil(t *testing.T, typ frame.Type) {
	t.Helper()
	p := h2peer.New(t, c.server, time.Minute)
	p.WantPreface()
	for !p.Until(typ).Ends() {
	}
}

// A large content does not keep the engine from what comes meanwhile, although
// windows and socket would take it at once.
func TestUploadTakesTurns(t *testing.T) {
	const size = 8 << 20
	c := serveTCP(t, []frame.Setting{{ID: frame.InitialWindowSize, Value: frame.MaxWindow}}, request(t, 0, "POST", "https://test/", noise(size)))
	c.readUntil(t, frame.Data)
	c.Close()
	c.send(t, ok(1))
	if _, err := io.Copy(io.Discard, c.server); err != nil {
		t.Error(err)
	}
	c.server.Close()
	if f := <-c.ended; f != nil {
		t.Error(f)
	}
	c.Check(t)
	if c.Rests < size/turnBytes {
		t.Errorf("%d turns for %d bytes", c.Rests, size)
	}
}

// The connection's end is seen at once if it came with GOAWAY, in one read.
func TestEndBehindGoAway(t *testing.T) {
	r := request(t, 0, "GET", "https://test/", "")
	c := serveTCP(t, nil, r, r)
	c.readUntil(t, frame.Headers)
	begun := time.Now()
	c.send(t, frame.AppendGoAway(nil, 1, frame.InternalError, ""))
	c.server.Close()
	if f := <-c.ended; !same(f, wentAway(frame.InternalError)) {
		t.Errorf("ended for %v", f)
	}
	if took := time.Since(begun); took > soon {
		t.Errorf("seen after %v", took)
	}
	c.Check(t)
	if len(c.Outcomes) != 1 || len(c.Returned) != 1 {
		t.Errorf("%d outcomes and %d given back", len(c.Outcomes), len(c.Returned))
	}
}

// A connection that its owner closes is no failure of the server's.
func TestInterrupted(t *testing.T) {
	r := request(t, 0, "GET", "https://test/", "")
	for name, i := range map[string]struct {
		requests []*exchange.Request
		hidden   bool
	}{
		"in flight":         {[]*exchange.Request{r, r}, false},
		"in flight, a pump": {[]*exchange.Request{r, r}, true},
		"idle":              {nil, false},
		"idle, a pump":      {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			server, socket := testkit.TCPPair(t)
			var client net.Conn = socket
			if i.hidden {
				client = hidden{socket}
			}
			c := serveOn(t, server, client, nil, i.requests...)
			if len(i.requests) > 0 {
				c.readUntil(t, frame.Headers)
			}
			if err := c.wire.Close(); err != nil {
				t.Fatal(err)
			}
			if f := <-c.ended; f != exchange.WasStopped {
				t.Errorf("ended for %v", f)
			}
			c.Check(t)
			for _, o := range c.Outcomes {
				if o.Failure != exchange.WasStopped || o.Ended < o.Sent {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}
