package h1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Misses are answered by the loop, in order with the hits around them.
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
	p.send(all.String())
	for i, body := range want {
		if a := p.want(200, body); a.byNetHTTP() {
			t.Fatalf("answer %d is net/http's", i)
		}
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
	p.send("HEAD /new HTTP/1.1\r\nHost: test\r\n\r\n" + get("/new"))
	if a := p.read("HEAD"); a.StatusCode != 200 || a.ContentLength != 7 {
		t.Errorf("%d, %d bytes announced", a.StatusCode, a.ContentLength)
	}
	p.want(200, "fetched")
}

// What a fetch cannot bring as a 200 is net/http's, with the request that asked
// for it and those behind it.
func TestFetchWithoutAResponse(t *testing.T) {
	for name, fetch := range map[string]func(context.Context, string) (*message.Response, error){
		"an error":   func(context.Context, string) (*message.Response, error) { return nil, errors.New("no") },
		"a stream":   func(context.Context, string) (*message.Response, error) { return nil, nil },
		"a redirect": func(context.Context, string) (*message.Response, error) { return redirect, nil },
		"a panic":    func(context.Context, string) (*message.Response, error) { panic("in the origin") },
	} {
		t.Run(name, func(t *testing.T) {
			s := storing("/hit", "hit")
			s.fetch = fetch
			p := connect(t, testConfig(s))
			p.send(get("/hit") + get("/miss") + get("/hit"))
			p.want(200, "hit")
			p.want(200, `GET /miss test ""`)
			p.want(200, `GET /hit test ""`)
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

// A condition on what is not stored is net/http's.
func TestConditionalMiss(t *testing.T) {
	s := storing()
	s.fetch = func(context.Context, string) (*message.Response, error) { panic("not to be fetched here") }
	p := connect(t, testConfig(s))
	p.send(get("/miss", `If-None-Match: "tag"`))
	p.want(200, `GET /miss test ""`)
}

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
	p.send(get("/slow"))
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
	p.send(get("/slow") + get("/hit"))
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(release)
	p.want(200, "fetched")
	p.want(200, "hit")
	p.wantEnd()
}

// A panic on the connection's goroutine ends that connection alone.
func TestPanicInTheSource(t *testing.T) {
	s := &panicking{store: storing("/", "home")}
	cfg := testConfig(s.store)
	cfg.Source = s
	p, other := connect(t, cfg), connect(t, cfg)
	p.send(get("/panic"))
	p.wait()
	if p.left || p.reason != metrics.CloseError {
		t.Errorf("ended for %v, left: %v", p.reason, p.left)
	}
	if n := cfg.Metrics.Panics.Value(); n != 1 {
		t.Errorf("%d panics were counted, want 1", n)
	}
	other.send(get("/"))
	other.want(200, "home")
}

type panicking struct {
	*store
}

func (s *panicking) Key(dst []byte, r *message.Request) ([]byte, bool) {
	if r.Path == "/panic" {
		panic("in the source")
	}
	return s.store.Key(dst, r)
}
