package proxy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// recorder is a Sink that keeps everything.
type recorder struct {
	mu      sync.Mutex
	informs []string
	head    *origin.Head
	body    bytes.Buffer
	flushes int
	ended   bool
	trailer []hpack.Field
	tunnel  int // its status

	near  func() io.ReadWriteCloser // the client's side of a tunnel
	wrote chan struct{}             // receives after each Write, if not nil
	fail  error                     // of Write
}

func (s *recorder) Inform(status int, fields []hpack.Field) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.informs = append(s.informs, itoa(status)+" "+lines(fields))
	return nil
}

func (s *recorder) Head(h origin.Head) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != nil {
		return errors.New("a second head")
	}
	s.head = &h
	return nil
}

func (s *recorder) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.body.Write(p)
	err := s.fail
	s.mu.Unlock()
	if s.wrote != nil {
		s.wrote <- struct{}{}
	}
	return len(p), err
}

func (s *recorder) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushes++
	return nil
}

func (s *recorder) End(trailers []hpack.Field) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.trailer = true, trailers
	return nil
}

func (s *recorder) Answer(origin.Answer) error { return errors.New("a proxy has no files") }

func (s *recorder) Tunnel(status int, fields []hpack.Field) (io.ReadWriteCloser, error) {
	s.tunnel, s.head = status, &origin.Head{Status: status, Fields: fields}
	if s.near == nil {
		return nil, errors.New("no tunnel")
	}
	return s.near(), nil
}

// field is the value of the response's field, its lines joined with "|".
func (s *recorder) field(name string) string {
	if s.head == nil {
		return "no head"
	}
	return valueOf(s.head.Fields, name)
}

func valueOf(fields []hpack.Field, name string) string {
	var all []string
	for _, f := range fields {
		if f.Name == name {
			all = append(all, f.Value)
		}
	}
	return strings.Join(all, "|")
}

func lines(fields []hpack.Field) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Name+": "+f.Value)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func itoa(n int) string {
	return string(rune('0'+n/100)) + string(rune('0'+n/10%10)) + string(rune('0'+n%10))
}

// replying is an origin that answers every request with the same bytes, and gives
// the heads to a channel.
func replying(t testing.TB, response string) (*h1peer.Server, chan string) {
	heads := make(chan string, 100)
	return h1peer.Serve(t, patience, func(_ int, c *h1peer.Peer) {
		for {
			head := c.Head()
			if head == "" {
				return
			}
			heads <- head
			c.Say(response)
		}
	}), heads
}

const ok200 = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// proxyTo makes a Proxy and closes it with the test.
func proxyTo(t testing.TB, c Config) *Proxy {
	t.Helper()
	p, err := New(filled(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// filled is c with what a test does not care about.
func filled(c Config) Config {
	c.MaxRequests = cmp.Or(c.MaxRequests, 100)
	c.Balance, c.Host = cmp.Or(c.Balance, RoundRobin), cmp.Or(c.Host, hostClient)
	c.Timeouts.Dial = cmp.Or(c.Timeouts.Dial, 5*time.Second)
	c.Timeouts.Head, c.Timeouts.Idle = cmp.Or(c.Timeouts.Head, time.Minute), cmp.Or(c.Timeouts.Idle, time.Minute)
	c.Health.Interval, c.Health.Timeout = cmp.Or(c.Health.Interval, 10*time.Second), cmp.Or(c.Health.Timeout, 2*time.Second)
	c.Health.Healthy, c.Health.Unhealthy = cmp.Or(c.Health.Healthy, 2), cmp.Or(c.Health.Unhealthy, 3)
	return c
}

var (
	someClient  = netip.MustParseAddrPort("192.0.2.7:4711")
	otherClient = netip.MustParseAddr("192.0.2.8")
)

// get is a request as an engine makes it; fields are names and values.
func get(path string, fields ...string) *origin.Request {
	r := &origin.Request{
		Request: message.Request{Method: "GET", Scheme: "https", Authority: "example.com", Path: path, Client: someClient.Addr()},
		Peer:    someClient, Secure: true, Proto: "2.0",
	}
	for i := 0; i < len(fields); i += 2 {
		r.Fields = append(r.Fields, hpack.Field{Name: fields[i], Value: fields[i+1]})
	}
	return r
}

// post is a request with a content.
func post(body io.Reader, length int64, fields ...string) *origin.Request {
	r := get("/post", fields...)
	r.Method, r.Body, r.Length = "POST", body, length
	return r
}

// fetch runs a fetch that must end in time.
func fetch(t testing.TB, p *Proxy, r *origin.Request) (*recorder, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sink := &recorder{}
	err := p.Fetch(ctx, r, sink)
	return sink, err
}

// mustFetch is a fetch that must succeed.
func mustFetch(t testing.TB, p *Proxy, r *origin.Request) *recorder {
	t.Helper()
	sink, err := fetch(t, p, r)
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	if !sink.ended && sink.tunnel == 0 {
		t.Fatal("a fetch without an error and without an end")
	}
	return sink
}

// kindOf is the proxy error type of an error, with its status.
func kindOf(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		if err == nil {
			return "nil"
		}
		return "other: " + err.Error()
	}
	return itoa(e.Status) + " " + e.ProxyStatus
}

// hasLine reports whether a head has a line.
func hasLine(head, line string) bool { return strings.Contains(head, "\r\n"+line+"\r\n") }

// fieldLines are the lines of a head with a name.
func fieldLines(head, name string) (all []string) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ": "); ok && strings.EqualFold(n, name) {
			all = append(all, v)
		}
	}
	return all
}
