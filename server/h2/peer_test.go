package h2

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/nethttp"
)

// setup is what a test changes of the connection that it talks to.
type setup struct {
	limits   Limits
	source   *store
	look     message.Source // instead of source
	ledger   *memory.Ledger
	handler  handler                                                 // through nethttp
	serve    func(p *peer, ctx context.Context, x *message.Exchange) // instead of handler
	settings []frame.Setting                                         // the client's
	silent   bool                                                    // the client does not say hello
	panics   int                                                     // how many the test provokes
	access   *access.Config                                          // nil: no access log
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
	*testing.T
	conn    net.Conn
	engine  *Conn
	metrics *metrics.Hotpath
	log     *testkit.LogBuffer
	encoder hpack.Encoder
	decoder hpack.Decoder
	credit  map[uint32]int // what WINDOW_UPDATE frames gave us, by stream
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
			p.hello(s.settings...)
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
	cfg := Config{
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
		Limits:  s.limits,
		Ledger:  s.ledger,
	}.WithDefaults()
	if s.look != nil {
		cfg.Source = s.look
	}
	if s.access != nil {
		cfg.Access = recorder(t, *s.access, m)
	}
	*p = peer{
		T:       t,
		conn:    client,
		engine:  NewConn(cfg, wire.New(server, nil, &wire.Options{Metrics: wire.ServerMetrics(m), WriteTimeout: 30 * time.Second, WriteQuantum: 30 << 10})),
		metrics: m,
		log:     log,
		decoder: hpack.NewDecoder(hpack.DefaultTableSize),
		credit:  make(map[uint32]int),
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
	p.conn.Close()
	<-p.done
	if n := p.metrics.StreamsOpen.Value(); n != 0 {
		p.Errorf("%d streams open after the connection's end", n)
	}
	if n := int(p.metrics.Panics.Value()); n != p.panics {
		p.Errorf("%d panics, want %d:\n%s", n, p.panics, p.log)
	}
}

// hello exchanges prefaces and settings.
func (p *peer) hello(settings ...frame.Setting) {
	p.Helper()
	p.write([]byte(frame.Preface), frame.AppendSettings(nil, settings...), frame.AppendSettingsAck(nil))
	if f := p.next(); f.Type != frame.Settings || f.Flags.Has(frame.FlagAck) {
		p.Fatalf("the first frame is %v", f)
	}
	p.want(frame.Settings, 0, frame.FlagAck)
}

func (p *peer) write(parts ...[]byte) {
	p.Helper()
	if _, err := p.conn.Write(slices.Concat(parts...)); err != nil {
		p.Fatalf("writing: %v", err)
	}
}

// received is a frame; of a header block the whole, with its CONTINUATION
// frames.
type received struct {
	frame.Header
	payload []byte
	fields  []hpack.Field
	frames  int
}

func (f received) end() bool { return f.Flags.Has(frame.FlagEndStream) }

func (f received) field(name string) string {
	var values []string
	for _, f := range f.fields {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return strings.Join(values, "|")
}

// read reads a frame, io.EOF at the connection's end.
func (p *peer) read() (received, error) {
	var head [frame.HeaderLen]byte
	if _, err := io.ReadFull(p.conn, head[:]); err != nil {
		return received{}, err
	}
	f := received{Header: frame.ParseHeader(head[:]), frames: 1}
	if err := frame.Check(f.Header, frame.MaxMaxSize); err != nil {
		p.Errorf("the engine sent an illegal frame: %v", err)
	}
	f.payload = make([]byte, f.Length)
	_, err := io.ReadFull(p.conn, f.payload)
	return f, err
}

// next reads the next frame that is no WINDOW_UPDATE, and keeps the account of
// those.
func (p *peer) next() received {
	p.Helper()
	f, err := p.read()
	if err == nil && f.Type == frame.WindowUpdate {
		n, err := frame.Increment(f.Header, f.payload)
		if err != nil {
			p.Fatal(err)
		}
		p.credit[f.StreamID] += int(n)
		return p.next()
	}
	for err == nil && f.Type == frame.Headers && !f.Flags.Has(frame.FlagEndHeaders) {
		var more received
		if more, err = p.read(); err == nil && (more.Type != frame.Continuation || more.StreamID != f.StreamID) {
			p.Fatalf("%v in a header block", more.Header)
		}
		f.payload = append(f.payload, more.payload...)
		f.Flags |= more.Flags
		f.frames++
	}
	if err != nil {
		p.Fatalf("reading a frame: %v", err)
	}
	if f.Type == frame.Headers {
		f.fields = p.decode(f.payload)
	}
	return f
}

func (p *peer) decode(block []byte) []hpack.Field {
	p.Helper()
	var list hpack.List
	if err := p.decoder.Decode(&list, block); err != nil {
		p.Fatalf("header block %x: %v", block, err)
	}
	for i, f := range list.Fields {
		list.Fields[i] = hpack.Field{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value)}
	}
	return list.Fields
}

// want reads a frame and checks its type, stream and flags.
func (p *peer) want(typ frame.Type, id uint32, flags frame.Flags) received {
	p.Helper()
	f := p.next()
	if f.Type != typ || f.StreamID != id || f.Flags != flags {
		p.Fatalf("%v of stream %d with flags %#x (%x), want %v of %d with %#x", f.Type, f.StreamID, f.Flags, f.payload, typ, id, flags)
	}
	return f
}

func (p *peer) wantReset(id uint32, code frame.ErrCode) {
	p.Helper()
	if f := p.want(frame.RSTStream, id, 0); frame.Code(f.payload) != code {
		p.Errorf("stream %d reset with %v, want %v", id, frame.Code(f.payload), code)
	}
}

// wantHead reads the head of a response.
func (p *peer) wantHead(id uint32, status int) received {
	p.Helper()
	f := p.next()
	if f.Type != frame.Headers || f.StreamID != id || f.field(":status") != strconv.Itoa(status) {
		p.Fatalf("%v of stream %d %v (%q), want HEADERS of %d with status %d", f.Type, f.StreamID, f.fields, f.payload, id, status)
	}
	return f
}

// response is a response of one stream, nothing else between its frames.
type response struct {
	received // its head
	body     []byte
	trailers []hpack.Field
}

func (p *peer) wantResponse(id uint32, status int) response {
	p.Helper()
	r := response{received: p.wantHead(id, status)}
	for ended := r.end(); !ended; {
		f := p.next()
		switch {
		case f.StreamID != id:
			p.Fatalf("%v of stream %d in the response of %d", f.Type, f.StreamID, id)
		case f.Type == frame.Data:
			r.body = append(r.body, f.payload...)
		case f.Type == frame.Headers && f.end():
			r.trailers = f.fields
		default:
			p.Fatalf("%v %x in a response", f.Type, f.payload)
		}
		ended = f.end()
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
	f := p.want(frame.GoAway, 0, 0)
	if _, got := frame.LastStream(f.payload); got != code {
		p.Errorf("GOAWAY with %v (%s), want %v", got, f.payload[8:], code)
	}
	p.wantEnd(reason)
}

func (p *peer) wantEnd(reason metrics.CloseReason) {
	p.Helper()
	if f, err := p.read(); err != io.EOF {
		p.Fatalf("%v (%v) where the connection should end", f, err)
	}
	got := <-p.done
	p.done <- got
	if got != reason {
		p.Errorf("ended for reason %d, want %d", got, reason)
	}
}

// wantSilence checks that nothing is sent until something happens.
func (p *peer) wantSilence() {
	p.Helper()
	synctest.Wait()
	_ = p.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	if f, err := p.read(); err == nil {
		p.Fatalf("%v of stream %d: %x, want nothing", f.Type, f.StreamID, f.payload)
	}
	_ = p.conn.SetReadDeadline(time.Time{})
}

// wantAlive checks that the connection answers a PING, in order.
func (p *peer) wantAlive() {
	p.Helper()
	p.write(frame.AppendPing(nil, false, []byte("are you?")))
	if f := p.want(frame.Ping, 0, frame.FlagAck); string(f.payload) != "are you?" {
		p.Errorf("PING answered with %q", f.payload)
	}
}

func (p *peer) wantBreaches(l metrics.Limit, n int) {
	p.Helper()
	if got := int(p.metrics.LimitBreaches.Value(l)); got != n {
		p.Errorf("limit %d counted %d times, want %d", l, got, n)
	}
}
