package h1

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// patience is how long a test waits for what should come at once: only a
// failure takes that long.
const patience = 20 * time.Second

// modified is when every stored response was.
var modified = time.Date(2024, 5, 17, 10, 30, 15, 0, time.UTC)

// store is a Source and a Handler: the path is the key. What is not in stored
// is fetched by fetch, if it is set; every other exchange is serve's, or else
// echo's.
type store struct {
	mu     sync.Mutex
	stored map[string]*message.Response
	status *message.FixedField
	fetch  func(ctx context.Context, key string) (*message.Response, error)
	serve  func(ctx context.Context, x *message.Exchange)
	finds  int
	served int // exchanges
}

func (s *store) Look(l *message.Lookup, r *message.Request, now time.Time) bool {
	l.Key = l.Key[:0]
	if r.Method != "GET" && r.Method != "HEAD" {
		return false
	}
	l.Key = append(l.Key, r.Path...)
	l.Repeatable = true
	return s.Again(l, now)
}

func (s *store) Again(l *message.Lookup, _ time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finds++
	l.Response, l.Status = s.stored[view(l.Key)], s.status
	return l.Response != nil
}

// Serve implements message.Handler.
func (s *store) Serve(ctx context.Context, x *message.Exchange) {
	s.mu.Lock()
	s.served++
	s.mu.Unlock()
	switch {
	case s.fetch != nil && x.Key != "":
		x.Reply.Explain(message.Outcome{Result: metrics.Miss})
		r, err := s.fetch(ctx, x.Key)
		if err != nil {
			r = message.New(http.StatusBadGateway, nil, []byte(err.Error()), "", time.Time{})
		}
		x.Reply.Send(message.Select(&x.Request, r))
	case s.serve != nil:
		s.serve(ctx, x)
	default:
		echo(ctx, x)
	}
}

// echo says what was asked for, with the field Via.
func echo(_ context.Context, x *message.Exchange) {
	var body []byte
	if x.Body != nil {
		var err error
		if body, err = io.ReadAll(x.Body); err != nil {
			answerWith(x, http.StatusBadRequest, err.Error())
			return
		}
	}
	answerWith(x, http.StatusOK, fmt.Sprintf("%s %s %s %q", x.Method, x.Path, x.Authority, body))
}

// answerWith answers piece by piece.
func answerWith(x *message.Exchange, status int, body string) {
	err := x.Reply.Head(message.Head{Status: status, Fields: []hpack.Field{{Name: "via", Value: "handler"}}, Length: int64(len(body))})
	if err == nil {
		_, err = io.WriteString(x.Reply, body)
	}
	if err == nil {
		_ = x.Reply.End(nil) // the client sees it
	}
}

// exchanges is how many requests the handler got.
func (s *store) exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// put stores a body; "" removes it.
func (s *store) put(path, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.stored, path); body != "" {
		s.stored[path] = response(body)
	}
}

// found is how often Find was called.
func (s *store) found() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finds
}

func response(body string) *message.Response {
	return message.New(http.StatusOK, nil, []byte(body), `"tag"`, modified)
}

// storing is a store of bodies by path.
func storing(pairs ...string) *store {
	s := &store{stored: make(map[string]*message.Response)}
	for i := 0; i < len(pairs); i += 2 {
		s.stored[pairs[i]] = response(pairs[i+1])
	}
	return s
}

// peer is the client of a connection under test.
type peer struct {
	*h1peer.Peer
	loop    *Conn
	metrics *metrics.Hotpath
	ended   chan struct{} // closed when the connection has ended
	reason  metrics.CloseReason
}

func testConfig(s *store) *Config {
	return &Config{
		Source:       s,
		Handler:      s,
		Metrics:      metrics.NewHotpath(metrics.Options{Stripes: 1}),
		Log:          slog.New(slog.DiscardHandler),
		HeaderBytes:  4 << 10,
		HeaderFields: 20,
		OutputBytes:  256 << 10,
		Head:         10 * time.Second,
		Idle:         60 * time.Second,
		BodyBytes:    1 << 20,
		BodyTimeout:  patience,
		Quantum:      32 << 10,
		TunnelIdle:   5 * time.Minute,
	}
}

// connect opens a connection over TCP.
func connect(t testing.TB, cfg *Config) *peer {
	t.Helper()
	server, client := tcpPair(t)
	return attach(t, cfg, server, client)
}

// tcpPair is both ends of a connection whose client waits for patience at most.
func tcpPair(t testing.TB) (server, client *net.TCPConn) {
	t.Helper()
	server, client = testkit.TCPPair(t)
	_ = client.SetDeadline(time.Now().Add(patience))
	return server, client
}

// attach serves one end of a connection as server/listen does, without TLS.
func attach(t testing.TB, cfg *Config, server, client net.Conn) *peer {
	w := wire.New(server, nil, &wire.Options{Metrics: wire.ServerMetrics(cfg.Metrics), WriteTimeout: patience, WriteQuantum: 32 << 10})
	p := &peer{Peer: h1peer.New(t, client), loop: NewConn(cfg, w), metrics: cfg.Metrics, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.reason = p.loop.Serve()
	}()
	t.Cleanup(func() {
		client.Close()
		p.wait()
	})
	return p
}

// oneConn is a listener of what is put into it.
type oneConn chan net.Conn

func (l oneConn) Accept() (net.Conn, error) {
	nc, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return nc, nil
}
func (l oneConn) Close() error   { return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// wait waits for the connection's end on our side.
func (p *peer) wait() {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Fatal("the connection has not ended")
	}
}

// get is a plain request for a path, with more lines.
var get = h1peer.Get

func byHandler(r h1peer.Response) bool { return r.Header.Get("Via") != "" }

// hits is how many hits of a class were counted.
func (p *peer) hits(class metrics.Class) uint64 {
	return p.metrics.Requests.Value(metrics.H1, class, metrics.Hit)
}

func (p *peer) wantHits(class metrics.Class, n uint64) {
	p.Helper()
	for end := time.Now().Add(patience); p.hits(class) != n; {
		if time.Now().After(end) {
			p.Fatalf("%d hits were counted, want %d", p.hits(class), n)
		}
		time.Sleep(time.Millisecond) // counted after they were sent
	}
}

// peek looks at the connection's state between two turns, on fake time.
func (p *peer) peek(f func(*Conn)) {
	synctest.Wait()
	f(p.loop)
	p.loop.inbox.Post(stream.Message[uint64]{Kind: stream.Grown}) // of no exchange
	synctest.Wait()
}

// readUnexpectedEnd reads an answer that is broken off.
func (p *peer) readUnexpectedEnd() {
	p.Helper()
	resp, err := http.ReadResponse(p.R, nil)
	if err != nil {
		p.Fatalf("reading an answer: %v", err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil {
		p.Fatalf("%d bytes of content pass for the whole", len(b))
	}
}
