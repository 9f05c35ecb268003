package h3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestMain fails the package if a goroutine of the server outlives the tests.
func TestMain(m *testing.M) { testkit.Run(m, "hotpath/server/") }

// patience is how long a test waits for what comes at once.
const patience = 20 * time.Second

// The limits of a test that has none of its own: none is in its way.
var spacious = Limits{
	Streams: 100, HeaderBytes: 16 << 10, HeaderFields: 100, BodyBytes: 1 << 20,
	Resets: 100, ResetsPerSec: 1, Control: 100, ControlPerSec: 1,
	Head: patience, Idle: patience, Progress: patience, TunnelIdle: patience, Quantum: 1 << 10,
}

// setup is what a test is about.
type setup struct {
	limits func(*Limits)                                           // changes the spacious ones
	source message.Source                                          // nil: nothing is stored
	serve  func(p *peer, ctx context.Context, x *message.Exchange) // nil: answers with the path
	ledger *memory.Ledger
	panics int                    // how many the test provokes
	broken func(*metrics.Hotpath) // takes metrics away, so that counting in them is a panic
	quic   *quic.Config           // the client's
	silent bool                   // the client opens no control stream
}

// peer is a scripted client and, at the other end of a socket, the engine.
type peer struct {
	*testing.T
	conn    *quic.Conn
	engine  *Conn
	metrics *metrics.Hotpath
	log     *testkit.LogBuffer
	panics  int
	done    chan metrics.CloseReason
	once    sync.Once
	shut    func()
	control *quic.SendStream
}

var identity = sync.OnceValue(func() testkit.Identity { return testkit.NewIdentity() })

func newPeer(t *testing.T, s setup) *peer {
	t.Helper()
	p := &peer{T: t, metrics: metrics.NewHotpath(metrics.Options{Stripes: 1}), log: new(testkit.LogBuffer), panics: s.panics, done: make(chan metrics.CloseReason, 1)}
	if s.broken != nil {
		s.broken(p.metrics)
	}
	limits := spacious
	if s.limits != nil {
		s.limits(&limits)
	}
	if s.source == nil {
		s.source = shelf(nil)
	}
	if s.serve == nil {
		s.serve = func(_ *peer, _ context.Context, x *message.Exchange) {
			x.Reply.Send(message.New(200, nil, []byte(x.Path), "", time.Time{}))
		}
	}
	cfg := &Config{
		Source:  s.source,
		Handler: message.HandlerFunc(func(ctx context.Context, x *message.Exchange) { s.serve(p, ctx, x) }),
		Metrics: p.metrics,
		Log:     slog.New(slog.NewTextHandler(p.log, nil)),
		Limits:  limits,
		Ledger:  s.ledger,
	}
	server, client := socket(t), socket(t)
	l, err := (&quic.Transport{Conn: server}).Listen(&tls.Config{Certificates: []tls.Certificate{identity().TLS}, NextProtos: []string{"h3"}}, &quic.Config{
		MaxIncomingStreams: int64(limits.Streams), MaxIncomingUniStreams: UniStreams, RequireStreamCreditRelease: true, MaxIdleTimeout: patience,
		InitialStreamReceiveWindow: FirstStreamWindow, InitialConnectionReceiveWindow: FirstConnWindow,
		MaxStreamReceiveWindow: MaxStreamWindow, MaxConnectionReceiveWindow: MaxConnWindow,
	})
	if err != nil {
		t.Fatal(err)
	}
	dialer := &quic.Transport{Conn: client}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if p.conn, err = dialer.Dial(ctx, server.LocalAddr(), &tls.Config{RootCAs: identity().Pool(), ServerName: "localhost", NextProtos: []string{"h3"}}, s.quic); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p.engine = NewConn(cfg, accepted, 0, nil)
	go func() { p.done <- p.engine.Serve() }()
	p.shut = func() {
		_ = dialer.Close()
		_ = l.Close()
		_ = client.Close()
		_ = server.Close()
	}
	t.Cleanup(p.close)
	if !s.silent {
		p.control = p.uni(streamControl, frame(frameSettings, nil))
	}
	return p
}

func socket(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// close ends the connection and checks what must hold after every test.
func (p *peer) close() {
	p.once.Do(func() {
		_ = p.conn.CloseWithError(codeNoError, "")
		<-p.done
		if n := p.metrics.StreamsOpen.Value(); n != 0 {
			p.Errorf("%d streams open after the connection's end", n)
		}
		if n := int(p.metrics.Panics.Value()); n != p.panics {
			p.Errorf("%d panics, want %d:\n%s", n, p.panics, p.log)
		}
		p.shut()
	})
}

// frame is a frame with its payload.
func frame(kind uint64, payload []byte) []byte {
	return append(appendFrameHead(nil, kind, len(payload)), payload...)
}

// headers is a HEADERS frame of pairs.
func headers(pairs ...string) []byte {
	e := begin()
	for i := 0; i < len(pairs); i += 2 {
		e.add(pairs[i], pairs[i+1])
	}
	return e.end(nil)
}

// request is the head of a request, with more fields.
func request(method, path string, more ...string) []byte {
	return headers(append([]string{":method", method, ":scheme", "https", ":authority", "localhost", ":path", path}, more...)...)
}

// uni opens a unidirectional stream that begins with kind and more.
func (p *peer) uni(kind uint64, more []byte) *quic.SendStream {
	p.Helper()
	s, err := p.conn.OpenUniStream()
	if err == nil {
		_, err = s.Write(append(quicvarint.Append(nil, kind), more...))
	}
	if err != nil {
		p.Fatal(err)
	}
	return s
}

// send opens a stream for a request, without its end.
func (p *peer) send(b ...[]byte) *quic.Stream {
	p.Helper()
	s, err := p.conn.OpenStreamSync(p.Context())
	if err == nil {
		_, err = s.Write(bytes.Join(b, nil))
	}
	if err != nil && !brokenOff(err) { // it is answered, or refused, before its end
		p.Fatal(err)
	}
	_ = s.SetReadDeadline(time.Now().Add(patience))
	return s
}

// ask sends a whole request.
func (p *peer) ask(b ...[]byte) *quic.Stream {
	p.Helper()
	s := p.send(b...)
	_ = s.Close() // nothing, if it is reset
	return s
}

// answer is what came on a stream.
type answer struct {
	interim  []string // statuses of informational heads
	status   string
	fields   []hpack.Field
	body     string
	trailers []hpack.Field
	err      error // nil: it has ended well
}

// read reads an answer to its end.
func read(s *quic.Stream) (a answer) {
	r := bufio.NewReader(s)
	for {
		h, err := readFrameHead(r)
		if err != nil {
			if err != io.EOF {
				a.err = err
			}
			return a
		}
		payload := make([]byte, h.length)
		if _, a.err = io.ReadFull(r, payload); a.err != nil {
			return a
		}
		if h.kind == frameData {
			a.body += string(payload)
			continue
		}
		fields, _, err := decodeFields(nil, payload, 1<<20, 1<<10)
		switch {
		case err != nil:
			a.err = err
			return a
		case a.status != "":
			a.trailers = fields
		case fields[0].Value < "200":
			a.interim = append(a.interim, fields[0].Value)
		default:
			a.status, a.fields = fields[0].Value, fields[1:]
		}
	}
}

func (a answer) field(name string) string {
	for _, f := range a.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// want checks an answer's status and content.
func (p *peer) want(a answer, status, body string) {
	p.Helper()
	if a.status != status || a.body != body || a.err != nil {
		p.Errorf("%s %.60q, %v; want %s %.60q", a.status, a.body, a.err, status, body)
	}
}

// wantReset checks that a stream is reset with a code.
func (p *peer) wantReset(a answer, code quic.StreamErrorCode) {
	p.Helper()
	var reset *quic.StreamError
	if !errors.As(a.err, &reset) || reset.ErrorCode != code {
		p.Errorf("%s %.60q, %v; want a reset with %#x", a.status, a.body, a.err, uint64(code))
	}
}

// wantEnd checks that the server ends the connection with a code, and why it says.
func (p *peer) wantEnd(code quic.ApplicationErrorCode, reason metrics.CloseReason) {
	p.Helper()
	select {
	case <-p.conn.Context().Done():
	case <-time.After(patience):
		p.Fatal("the connection goes on")
	}
	var app *quic.ApplicationError
	if err := context.Cause(p.conn.Context()); !errors.As(err, &app) || app.ErrorCode != code {
		p.Errorf("the connection has ended with %v, want %#x", err, uint64(code))
	}
	got := <-p.done
	p.done <- got
	if got != reason {
		p.Errorf("it was closed for reason %d, want %d", got, reason)
	}
}

// wantLimit checks how often a limit was reached.
func (p *peer) wantLimit(l metrics.Limit, n uint64) {
	p.Helper()
	for end := time.Now().Add(patience); p.metrics.LimitBreaches.Value(l) < n && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := p.metrics.LimitBreaches.Value(l); got != n {
		p.Errorf("limit %d was reached %d times, want %d", l, got, n)
	}
}

// shelf is a message.Source by path, for GET and HEAD.
type shelf map[string]*message.Response

func (s shelf) Look(l *message.Lookup, r *message.Request, _ time.Time) bool {
	l.Response = s[r.Path]
	return l.Response != nil && (r.Method == "GET" || r.Method == "HEAD")
}

func (s shelf) Again(*message.Lookup, time.Time) bool { return false }

// stored is a shelf of pairs of a path and a content.
func stored(pairs ...string) shelf {
	s := make(shelf)
	for i := 0; i < len(pairs); i += 2 {
		s[pairs[i]] = message.New(200, []hpack.Field{{Name: "x-of", Value: pairs[i]}}, []byte(pairs[i+1]), `"`+pairs[i]+`"`, time.Time{})
	}
	return s
}

// large is content that no first window holds.
var large = strings.Repeat("0123456789abcdef", 1<<17)
