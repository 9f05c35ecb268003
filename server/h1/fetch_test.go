package h1

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Misses are answered in order with the hits around them.
func TestMixedPipelineKeepsOrder(t *testing.T) {
	s := storing("/hit", "hit")
	s.fetch = func(_ context.Context, key string) (*message.Response, error) {
		if strings.HasSuffix(key, "0") {
			time.Sleep(time.Millisecond) // slower than what comes behind it
		}
		return response("miss " + key), nil
	}
	p := connect(t, testConfig(s))
	var all strings.Builder
	var want []string
	for i := range 100 {
		path, body := "/hit", "hit"
		if i%3 == 0 {
			path = fmt.Sprint("/", i)
			body = "miss " + path
		}
		all.WriteString(get(path))
		want = append(want, body)
	}
	p.Write(all.String())
	for _, body := range want {
		p.WantResponse(200, body)
	}
	p.wantHits(metrics.Class2xx, 66)
	if n := p.metrics.Requests.Value(metrics.H1, metrics.Class2xx, metrics.Miss); n != 34 {
		t.Errorf("%d misses were counted, want 34", n)
	}
}

func TestMissOfHead(t *testing.T) {
	s := storing()
	s.fetch = func(context.Context, string) (*message.Response, error) { return response("fetched"), nil }
	p := connect(t, testConfig(s))
	p.Write("HEAD /new HTTP/1.1\r\nHost: test\r\n\r\n" + get("/new"))
	if a := p.Response("HEAD"); a.StatusCode != 200 || a.ContentLength != 7 {
		t.Errorf("%d, %d bytes announced", a.StatusCode, a.ContentLength)
	}
	p.WantResponse(200, "fetched")
}

// Whatever a handler answers a miss with, or fails with, it is asked once and
// what is behind the miss is still answered.
func TestMissesThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		serve  func(context.Context, *message.Exchange)
		status int
		body   string
	}{
		"an error":    {func(_ context.Context, x *message.Exchange) { answerWith(x, 502, "no") }, 502, "no"},
		"a redirect":  {func(_ context.Context, x *message.Exchange) { x.Reply.Send(redirect) }, 301, ""},
		"a condition": {func(_ context.Context, x *message.Exchange) { x.Reply.Send(response("x").NotModified) }, 304, ""},
		"no answer":   {func(context.Context, *message.Exchange) {}, 500, "Internal Server Error\n"},
		"a panic":     {func(context.Context, *message.Exchange) { panic("in the origin") }, 500, "Internal Server Error\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := storing("/hit", "hit")
			s.serve = c.serve
			p := connect(t, testConfig(s))
			p.Write(get("/hit") + get("/miss", `If-None-Match: "tag"`) + get("/hit"))
			p.WantResponse(200, "hit")
			p.WantResponse(c.status, c.body)
			p.WantResponse(200, "hit")
			if n := s.exchanges(); n != 1 {
				t.Errorf("the handler was asked %d times", n)
			}
			want := uint64(0)
			if name == "a panic" {
				want = 1
			}
			if n := p.metrics.Panics.Value(); n != want {
				t.Errorf("%d panics were counted, want %d", n, want)
			}
		})
	}
}

var redirect = message.New(http.StatusMovedPermanently, nil, nil, "", time.Time{})

// A fetch that takes long ends with its connection.
func TestFetchEndsWithTheConnection(t *testing.T) {
	s := storing("/hit", "hit")
	began, canceled := make(chan struct{}), make(chan struct{})
	s.fetch = func(ctx context.Context, _ string) (*message.Response, error) {
		close(began)
		<-ctx.Done()
		close(canceled)
		return nil, ctx.Err()
	}
	p := connect(t, testConfig(s))
	p.Write(get("/slow"))
	<-began
	if err := p.loop.wire.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-canceled:
	case <-time.After(patience):
		t.Error("the fetch goes on")
	}
}

// A client that half-closes while its request is fetched gets the answer.
func TestHalfClosedDuringAFetch(t *testing.T) {
	s := storing("/hit", "hit")
	release := make(chan struct{})
	s.fetch = func(context.Context, string) (*message.Response, error) {
		<-release
		return response("fetched"), nil
	}
	p := connect(t, testConfig(s))
	p.Write(get("/slow") + get("/hit"))
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(release)
	p.WantResponse(200, "fetched")
	p.WantResponse(200, "hit")
	p.WantEOF()
}

// A panic on the connection's goroutine ends that connection alone.
func TestPanicInTheSource(t *testing.T) {
	s := &panicking{store: storing("/", "home")}
	cfg := testConfig(s.store)
	cfg.Source = s
	p, other := connect(t, cfg), connect(t, cfg)
	p.Write(get("/panic"))
	p.wait()
	if p.reason != metrics.CloseError {
		t.Errorf("ended for %v", p.reason)
	}
	if n := cfg.Metrics.Panics.Value(); n != 1 {
		t.Errorf("%d panics were counted, want 1", n)
	}
	other.Write(get("/"))
	other.WantResponse(200, "home")
}

type panicking struct {
	*store
}

func (s *panicking) Look(l *message.Lookup, r *message.Request, now time.Time) bool {
	if r.Path == "/panic" {
		panic("in the source")
	}
	return s.store.Look(l, r, now)
}
