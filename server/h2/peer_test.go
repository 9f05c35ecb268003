package h2

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/nethttp"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// patience is how long a test waits for a frame, of its bubble's time.
const patience = time.Hour

// setup is what a test changes of the connection that it talks to.
type setup struct {
	limits    Limits
	source    *store
	look      message.Source // instead of source
	ledger    *memory.Ledger
	handler   handler                                                 // through nethttp
	serve     func(p *peer, ctx context.Context, x *message.Exchange) // instead of handler
	settings  []frame.Setting                                         // the client's
	silent    bool                                                    // the client does not say hello
	panics    int                                                     // how many the test provokes
	access    *access.Config                                          // nil: no access log
	perClient *perclient.Config                                       // nil: no limit of a client
}

// handler answers a request on its own goroutine. It may wait for p.release,
// after it has sent to p.entered.
type handler func(p *peer, w writer, r *http.Request)

// writer is all that our ResponseWriter offers beyond the minimum.
type writer interface {
	http.ResponseWriter
	http.Flusher
	io.StringWriter
	FlushError() error
}

// peer is a scripted client on one end of a pipe, and the engine on the other.
// Time stands still but for what the test sleeps, and what is written together
// arrives in one turn.
type peer struct {
	*h2peer.Peer
	engine  *Conn
	metrics *metrics.Hotpath
	log     *testkit.LogBuffer
	encoder hpack.Encoder
	panics  int
	entered chan *http.Request
	release chan struct{}
	done    chan metrics.CloseReason
}

// run runs script in a bubble, against an engine of its own. Goroutines that
// outlive the connection fail the test.
func run(t *testing.T, s setup, script func(*peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, s)
		defer p.close()
		if !s.silent {
			p.SayHello(s.settings...)
		}
		script(p)
	})
}

func newPeer(t *testing.T, s setup) *peer {
	client, server := net.Pipe()
	m := metrics.NewHotpath(metrics.Options{Stripes: 1})
	log := new(testkit.LogBuffer)
	if s.source == nil {
		s.source = new(store)
	}
	if s.handler == nil {
		s.handler = func(_ *peer, w writer, r *http.Request) { _, _ = w.WriteString(r.URL.Path) }
	}
	p := new(peer)
	cfg := &Config{
		Source: s.source,
		Handler: message.HandlerFunc(func(ctx context.Context, x *message.Exchange) {
			if s.serve != nil {
				s.serve(p, ctx, x)
				return
			}
			nethttp.Serve(ctx, x, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handler(p, w.(writer), r) }))
		}),
		Metrics: m,
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Limits:  filled(s.limits),
		Ledger:  s.ledger,
	}
	if s.look != nil {
		cfg.Source = s.look
	}
	if s.perClient != nil {
		cfg.PerClient = perclient.New(*s.perClient).Requests(m)
	}
	if s.access != nil {
		cfg.Access = recorder(t, *s.access, m)
	}
	*p = peer{
		Peer:    h2peer.New(t, client, patience),
		engine:  NewConn(cfg, wire.New(server, nil, &wire.Options{Metrics: wire.ServerMetrics(m), WriteTimeout: 30 * time.Second, WriteQuantum: 30 << 10})),
		metrics: m,
		log:     log,
		panics:  s.panics,
		entered: make(chan *http.Request, 1000),
		release: make(chan struct{}),
		done:    make(chan metrics.CloseReason, 1),
	}
	go func() { p.done <- p.engine.Serve() }()
	return p
}

// close ends the connection and checks what must hold after every test.
func (p *peer) close() {
	p.Helper()
	p.Conn.Close()
	<-p.done
	if n := p.metrics.StreamsOpen.Value(); n != 0 {
		p.Errorf("%d streams open after the connection's end", n)
	}
	if n := int(p.metrics.Panics.Value()); n != p.panics {
		p.Errorf("%d panics, want %d:\n%s", n, p.panics, p.log)
	}
}

// wantHead reads the head of a response.
func (p *peer) wantHead(id uint32, status int) h2peer.Frame {
	p.Helper()
	f := p.NextFrame()
	if f.Type != frame.Headers || f.StreamID != id || f.Field(":status") != strconv.Itoa(status) {
		p.Fatalf("%v of stream %d %v (%q), want HEADERS of %d with status %d", f.Type, f.StreamID, f.Fields, f.Payload, id, status)
	}
	return f
}

// response is a response of one stream, nothing else between its frames.
type response struct {
	h2peer.Frame // its header
	body         []byte
	trailers     []hpack.Field
}

func (p *peer) wantResponse(id uint32, status int) response {
	p.Helper()
	r := response{Frame: p.wantHead(id, status)}
	for ended := r.Ends(); !ended; {
		f := p.NextFrame()
		switch {
		case f.StreamID != id:
			p.Fatalf("%v of stream %d in the response of %d", f.Type, f.StreamID, id)
		case f.Type == frame.Data:
			r.body = append(r.body, f.Payload...)
		case f.Type == frame.Headers && f.Ends():
			r.trailers = f.Fields
		default:
			p.Fatalf("%v %x in a response", f.Type, f.Payload)
		}
		ended = f.Ends()
	}
	return r
}

func (p *peer) wantBody(id uint32, status int, body string) response {
	p.Helper()
	r := p.wantResponse(id, status)
	if string(r.body) != body {
		p.Errorf("stream %d: body %.80q, want %.80q", id, r.body, body)
	}
	return r
}

// wantGoAway reads GOAWAY and the connection's end.
func (p *peer) wantGoAway(code frame.ErrCode, reason metrics.CloseReason) {
	p.Helper()
	p.WantGoAway(code)
	p.wantEnd(reason)
}

func (p *peer) wantEnd(reason metrics.CloseReason) {
	p.Helper()
	p.WantEOF()
	got := <-p.done
	p.done <- got
	if got != reason {
		p.Errorf("ended for reason %d, want %d", got, reason)
	}
}

func (p *peer) wantBreaches(l metrics.Limit, n int) {
	p.Helper()
	if got := int(p.metrics.LimitBreaches.Value(l)); got != n {
		p.Errorf("limit %d counted %d times, want %d", l, got, n)
	}
}
