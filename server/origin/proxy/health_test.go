package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// mesh is a network in memory with fake time: a name is an origin that answers
// with a status, or refuses.
type mesh struct {
	*testing.T
	mu      sync.Mutex
	status  map[string]string // "" refuses
	dials   map[string]int
	running sync.WaitGroup
}

func newMesh(t *testing.T, names ...string) *mesh {
	m := &mesh{T: t, status: map[string]string{}, dials: map[string]int{}}
	for _, n := range names {
		m.status[n] = "200"
	}
	return m
}

func (m *mesh) set(name, status string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status[name] = status
}

func (m *mesh) get(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status[name]
}

// dial connects; every response closes its connection, so that each fetch dials.
func (m *mesh) dial(_ context.Context, _, address string) (net.Conn, error) {
	name, _, _ := strings.Cut(address, ":")
	m.mu.Lock()
	m.dials[name]++
	m.mu.Unlock()
	if m.get(name) == "" {
		return nil, errors.New("refused")
	}
	near, far := net.Pipe()
	m.running.Go(func() {
		defer far.Close()
		c := h1peer.New(m, far)
		if c.Head() != "" {
			c.Say("HTTP/1.1 " + m.get(name) + " X\r\nConnection: close\r\nX-Name: " + name + "\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	return near, nil
}

// TestHealth: an upstream is left out after failed checks and used again after
// good ones, slowly at first.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		p, err := newProxy(filled(Config{
			Upstreams: []string{"http://a", "http://b"}, SlowStart: 20 * time.Second,
			Health: Health{Path: "/health", Interval: 10 * time.Second, Healthy: 2, Unhealthy: 3},
		}), m.dial)
		if err != nil {
			t.Fatal(err)
		}
		defer m.running.Wait()
		defer p.Close()
		state := func() string { return p.Status()[0].State + " " + p.Status()[1].State }
		share := func() (n int) {
			for range 100 {
				if mustFetch(t, p, get("/")).field("x-name") == "a" {
					n++
				}
			}
			return n
		}
		time.Sleep(time.Second)
		if s, n := state(), share(); s != "up up" || n != 50 {
			t.Errorf("at first: %s, share %d", s, n)
		}
		m.set("a", "500")
		time.Sleep(20 * time.Second) // two checks
		if s := state(); s != "up up" {
			t.Errorf("after two failures: %s", s)
		}
		time.Sleep(10 * time.Second)
		if s, n := state(), share(); s != "unhealthy up" || n != 0 || !strings.Contains(p.Status()[0].LastFailure, "500") {
			t.Errorf("after three failures: %s, share %d, %q", s, n, p.Status()[0].LastFailure)
		}
		m.set("b", "500")
		time.Sleep(30 * time.Second)
		if s, n := state(), share(); s != "unhealthy unhealthy" || n != 50 {
			t.Errorf("if all are unhealthy they are asked all the same: %s, share %d", s, n)
		}
		m.set("a", "302")
		m.set("b", "200")
		time.Sleep(20 * time.Second)
		if s := state(); s != "starting starting" {
			t.Errorf("after two good checks: %s", s)
		}
		time.Sleep(20 * time.Second)
		if s := state(); s != "up up" {
			t.Errorf("after the slow start: %s", s)
		}
	})
}

// TestPassive: failed fetches eject an upstream for a while; statuses do not.
func TestPassive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		p, err := newProxy(filled(Config{Upstreams: []string{"http://a", "http://b"}, Passive: Passive{Failures: 3}}), m.dial)
		if err != nil {
			t.Fatal(err)
		}
		defer m.running.Wait()
		defer p.Close()
		m.set("b", "503")
		for range 20 {
			mustFetch(t, p, get("/"))
		}
		if s := p.Status()[1]; s.State != "up" || s.Failures != 0 {
			t.Errorf("answers of 503: %+v", s)
		}
		m.set("a", "")
		dials := func() int { m.mu.Lock(); defer m.mu.Unlock(); return m.dials["a"] }
		before := dials()
		for range 20 { // each is answered by b: no connection came about
			if got := mustFetch(t, p, get("/")); got.field("x-name") != "b" {
				t.Error("answered by an upstream that refuses")
			}
		}
		if n := dials() - before; n != 3 {
			t.Errorf("%d tries before it was ejected, want 3", n)
		}
		if s := p.Status()[0]; s.State != "ejected" || time.Until(s.EjectedUntil) != 30*time.Second || s.LastFailure == "" {
			t.Errorf("ejected: %+v", s)
		}
		m.set("a", "200")
		time.Sleep(31 * time.Second)
		if s := p.Status()[0]; s.State != "starting" {
			t.Errorf("after the ejection: %+v", s)
		}
		time.Sleep(10 * time.Second)
		if s := p.Status()[0]; s.State != "up" {
			t.Errorf("after the slow start: %+v", s)
		}
	})
}

// TestCheckEndsEjection: good checks after failed ones are newer than the failed
// fetches that ejected the upstream. Good ones alone say nothing of those: what
// is checked may work while the rest fails.
func TestCheckEndsEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		p, err := newProxy(filled(Config{
			Upstreams: []string{"http://a", "http://b"}, Passive: Passive{Failures: 3, Ejection: time.Hour},
			Health: Health{Path: "/health", Interval: 10 * time.Second, Healthy: 2, Unhealthy: 3},
		}), m.dial)
		if err != nil {
			t.Fatal(err)
		}
		defer m.running.Wait()
		defer p.Close()
		time.Sleep(time.Second)
		m.set("a", "") // refused
		for range 20 {
			mustFetch(t, p, get("/"))
		}
		m.set("a", "200")
		time.Sleep(30 * time.Second)
		if s := p.Status()[0]; s.State != "ejected" {
			t.Errorf("after fetches that failed between good checks: %+v", s)
		}
		m.set("a", "")
		time.Sleep(30 * time.Second)
		if s := p.Status()[0]; s.State != "unhealthy" {
			t.Errorf("after failed checks: %+v", s)
		}
		m.set("a", "200")
		time.Sleep(20 * time.Second)
		if s := p.Status()[0]; s.State != "starting" {
			t.Errorf("after good checks: %+v", s)
		}
	})
}

// TestRetry: once, if it is safe and the budget allows it.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		name, method string
		body         io.Reader
		retry        Retry
		dead         int // connections that end after the request, before a byte
		kind         string
		conns        int
	}{
		{"GET", "GET", nil, Retry{}, 1, "nil", 2},
		{"DELETE", "DELETE", nil, Retry{}, 1, "nil", 2},
		{"once alone", "GET", nil, Retry{}, 9, "502 connection_terminated", 2},
		{"POST is not idempotent", "POST", nil, Retry{}, 9, "502 connection_terminated", 1},
		{"a content that was taken", "PUT", strings.NewReader("hello"), Retry{}, 9, "502 connection_terminated", 1},
		{"no budget", "GET", nil, Retry{Percent: -1}, 9, "502 connection_terminated", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h1peer.Serve(t, patience, func(n int, conn *h1peer.Peer) {
				head := conn.Head()
				if strings.Contains(head, "Content-Length: 5") {
					_, _ = io.ReadFull(conn.R, make([]byte, 5))
				}
				if n >= c.dead {
					conn.Say(ok200)
				}
			})
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}, Retry: c.retry})
			r := get("/")
			r.Method = c.method
			if c.body != nil {
				r.Body, r.Length = c.body, 5
			}
			_, err := fetch(t, p, r)
			if kindOf(err) != c.kind || len(s.Conns()) != c.conns {
				t.Errorf("%v after %d connections, want %s after %d", err, len(s.Conns()), c.kind, c.conns)
			}
		})
	}
}

// TestRetryOfUsedConnection: net/http would try a connection that broke without
// end, as it sees no byte of an answer that the framer refuses. That is within the
// same bounds, with other idle connections in the pool and without.
func TestRetryOfUsedConnection(t *testing.T) {
	const noBudget = -1
	for _, c := range []struct {
		name, method, answer string
		percent, asked       int
		kind                 string
	}{
		{"died: GET is tried once more", "GET", "", 0, 2, "502 connection_terminated"},
		{"died without a budget: asked once", "GET", "", noBudget, 1, "502 connection_terminated"},
		{"died: POST is asked once", "POST", "", 0, 1, "502 connection_terminated"},
		{"a status of no kind: GET is asked once", "GET", "HTTP/1.1 999 X\r\n\r\n", 0, 1, "502 http_protocol_error"},
		{"a status of no kind: OPTIONS is asked once", "OPTIONS", "HTTP/1.1 999 X\r\n\r\n", 0, 1, "502 http_protocol_error"},
		{"a status of no kind: PUT is asked once", "PUT", "HTTP/1.1 999 X\r\n\r\n", 0, 1, "502 http_protocol_error"},
		{"a status of no kind: POST is asked once", "POST", "HTTP/1.1 999 X\r\n\r\n", 0, 1, "502 http_protocol_error"},
		{"a space before a colon: GET is asked once", "GET", "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n", 0, 1, "502 http_protocol_error"},
		{"half a head: GET is asked once", "GET", "HTTP/1.1 200", 0, 1, "502 http_response_incomplete"},
	} {
		for idle := 1; idle <= 2; idle++ {
			t.Run(c.name+", "+itoa(idle)[2:]+" idle", func(t *testing.T) {
				var broken atomic.Bool
				var asked atomic.Int32
				var together sync.WaitGroup
				together.Add(idle)
				s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
					for first := true; conn.Head() != ""; first = false {
						if broken.Load() {
							asked.Add(1)
							conn.Say(c.answer)
							return
						}
						if first {
							together.Done()
							together.Wait()
						}
						conn.Say(ok200)
					}
				})
				p := proxyTo(t, Config{Upstreams: []string{s.URL()}, Retry: Retry{Percent: c.percent}})
				var warm sync.WaitGroup
				for range idle {
					warm.Go(func() { _, _ = fetch(t, p, get("/")) })
				}
				warm.Wait()
				broken.Store(true)
				r := get("/")
				r.Method = c.method
				if _, err := fetch(t, p, r); kindOf(err) != c.kind || int(asked.Load()) != c.asked {
					t.Errorf("%v, asked %d times; want %s, %d times", err, asked.Load(), c.kind, c.asked)
				}
			})
		}
	}
}

// TestBulkhead: no more fetches at one upstream than it may have, some wait, the
// others are refused at once.
func TestBulkhead(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{}, 10)
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		for conn.Head() != "" {
			started <- struct{}{}
			<-release
			conn.Say(ok200)
		}
	})
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}, MaxRequests: 2, MaxQueue: 1, Timeouts: Timeouts{Queue: patience}})
	done := make(chan error, 10)
	run := func() {
		go func() {
			_, err := fetch(t, p, get("/"))
			done <- err
		}()
	}
	run()
	run()
	<-started
	<-started
	run()
	for deadline := time.Now().Add(patience); p.Status()[0].Queued != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing waits: %+v", p.Status())
		}
	}
	if _, err := fetch(t, p, get("/")); kindOf(err) != "503 connection_limit_reached" {
		t.Errorf("beyond the queue: %v", err)
	}
	if st := p.Status()[0]; st.InFlight != 2 || st.Failures != 0 {
		t.Errorf("status %+v", st)
	}
	close(release)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := len(s.Conns()); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestBulkheadTimeout(t *testing.T) {
	release := make(chan struct{})
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		conn.Head()
		<-release
	})
	defer close(release)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}, MaxRequests: 1, Timeouts: Timeouts{Queue: 30 * time.Millisecond}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Fetch(ctx, get("/"), &recorder{}) }()
	for p.Status()[0].InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := fetch(t, p, get("/")); kindOf(err) != "503 connection_limit_reached" {
		t.Errorf("after the time in the queue: %v", err)
	}
	cancel()
	<-done
}

func TestClosed(t *testing.T) {
	s, _ := replying(t, ok200)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	p.Close()
	if _, err := fetch(t, p, get("/")); kindOf(err) != "503 destination_unavailable" {
		t.Errorf("%v", err)
	}
}
