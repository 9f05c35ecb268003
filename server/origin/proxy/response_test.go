package proxy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// TestRFC9110Section7_6_1Response: what is of the connection ends here.
func TestRFC9110Section7_6_1Response(t *testing.T) {
	s, _ := replying(t, "HTTP/1.1 200 OK\r\nConnection: keep-alive, x-private, set-cookie, Cache-Control\r\nKeep-Alive: timeout=5\r\n"+
		"X-Private: 1\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: x\r\nSet-Cookie: a=b\r\nX-Z: 1\r\nSet-Cookie: c=d\r\n"+
		"CACHE-CONTROL: private\r\nContent-Length: 2\r\n\r\nok")
	got := mustFetch(t, proxyTo(t, Config{Upstreams: []string{s.URL()}}), get("/"))
	var all []string
	for _, f := range got.head.Fields {
		all = append(all, f.Name+": "+f.Value)
	}
	if want := []string{"set-cookie: a=b", "x-z: 1", "set-cookie: c=d", "cache-control: private"}; !slices.Equal(all, want) {
		t.Errorf("fields %q, want %q", all, want)
	}
}

// TestRFC9110Section6_4_1NoContent: a head alone, with the length that it says.
func TestRFC9110Section6_4_1NoContent(t *testing.T) {
	for _, c := range []struct {
		method, response string
		status           int
		length           int64
	}{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200, 500},
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, -1},
		{"HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, -1},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304, 500},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 0},
	} {
		s, _ := replying(t, c.response)
		p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
		for range 3 {
			r := get("/")
			r.Method = c.method
			got := mustFetch(t, p, r)
			if got.head.Status != c.status || got.head.Length != c.length || got.body.Len() != 0 {
				t.Errorf("%s %q: %+v", c.method, c.response, got.head)
			}
		}
		if n := len(s.Conns()); n != 1 {
			t.Errorf("%s %q: %d connections", c.method, c.response, n)
		}
	}
}

// TestRFC9110Section15_2Informational: 103 and 102 are passed on, in order.
func TestRFC9110Section15_2Informational(t *testing.T) {
	s, _ := replying(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\nConnection: x\r\nX: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"+ok200)
	got := mustFetch(t, proxyTo(t, Config{Upstreams: []string{s.URL()}}), get("/"))
	if want := []string{"103 link: </a>; link: </b>", "102 "}; !slices.Equal(got.informs, want) {
		t.Errorf("informs %q, want %q", got.informs, want)
	}
	if got.body.String() != "ok" {
		t.Errorf("content %q", got.body.String())
	}
}

// TestEventsAtOnce: each event is passed on and flushed when it comes; the head
// does not wait for the first one.
func TestEventsAtOnce(t *testing.T) {
	next := make(chan string)
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		conn.Head()
		conn.Say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n")
		for event := range next {
			conn.Say(event)
		}
	})
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	sink := &recorder{wrote: make(chan struct{}, 10)}
	done := make(chan error)
	go func() { done <- p.Fetch(t.Context(), get("/"), sink) }()
	flushed := func() int {
		sink.mu.Lock()
		defer sink.mu.Unlock()
		return sink.flushes
	}
	for deadline := time.Now().Add(patience); flushed() < 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the head was not flushed")
		}
	}
	for i := range 3 {
		next <- "data: x\n\n"
		<-sink.wrote
		for deadline := time.Now().Add(patience); flushed() < i+2; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("an event was not flushed")
			}
		}
	}
	close(next)
	if err := <-done; err != nil || sink.body.String() != strings.Repeat("data: x\n\n", 3) {
		t.Errorf("%v, content %q", err, sink.body.String())
	}
}

// TestSinkFails: an error of the sink ends the fetch, frees the connection and
// is no fault of the upstream.
func TestSinkFails(t *testing.T) {
	closed := make(chan struct{})
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		conn.Head()
		conn.Say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
		_, _ = conn.R.ReadByte()
		close(closed)
	})
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	gone := errors.New("the client left")
	sink := &recorder{fail: gone}
	if err := p.Fetch(t.Context(), get("/"), sink); !errors.Is(err, gone) || kindOf(err)[:5] != "other" {
		t.Errorf("error %v", err)
	}
	<-closed
	if st := p.Status()[0]; st.Failures != 0 || st.InFlight != 0 {
		t.Errorf("status %+v", st)
	}
}

// TestCancel: a context that ends frees the connection, whatever is waited for.
func TestCancel(t *testing.T) {
	for _, c := range []struct{ name, say string }{
		{"before the head", ""},
		{"in the content", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"},
	} {
		t.Run(c.name, func(t *testing.T) {
			closed, said := make(chan struct{}), make(chan struct{})
			s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
				conn.Head()
				conn.Say(c.say)
				close(said)
				_, _ = conn.R.ReadByte()
				close(closed)
			})
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- p.Fetch(ctx, get("/"), &recorder{}) }()
			<-said
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) || kindOf(err)[:5] != "other" {
				t.Errorf("error %v", err)
			}
			<-closed
			if st := p.Status()[0]; st.Failures != 0 || st.InFlight != 0 {
				t.Errorf("status %+v", st)
			}
		})
	}
}
