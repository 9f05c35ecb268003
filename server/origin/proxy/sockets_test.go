package proxy

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// TestSockets: connections count from the beginning of their dial to their close,
// twice while they are made; beyond the limit one waits as long as it may, and idle
// ones are closed for it.
func TestSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var idle net.Conn
		s := &sockets{newSockets(2), func() { // 4 descriptors
			if idle != nil {
				idle.Close()
				idle = nil
			}
		}}
		refused, failing := errors.New("refused"), false
		dial := s.dial(func(context.Context, string, string) (net.Conn, error) {
			if failing {
				return nil, refused
			}
			c, far := net.Pipe()
			t.Cleanup(func() { far.Close() })
			return c, nil
		})
		connect := func() (net.Conn, error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return dial(ctx, "tcp", "a")
		}
		must := func() net.Conn {
			t.Helper()
			c, err := connect()
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		failing = true
		for range 10 {
			if _, err := connect(); err != refused {
				t.Fatalf("a dial that fails: %v", err)
			}
		}
		failing = false
		first, second, third := must(), must(), must()
		began := time.Now()
		if _, err := connect(); kindOf(err) != "503 connection_limit_reached" {
			t.Errorf("without descriptors: %v", err)
		}
		if waited := time.Since(began); waited < time.Second {
			t.Errorf("it waited for %v", waited)
		}
		idle = first
		fourth := must()
		time.AfterFunc(500*time.Millisecond, func() { second.Close(); second.Close() }) // counts once
		fifth := must()
		if _, err := connect(); kindOf(err) != "503 connection_limit_reached" {
			t.Errorf("after a connection that was closed twice: %v", err)
		}
		for _, c := range []net.Conn{third, fourth, fifth} {
			c.Close()
		}
		if !s.free.TryAcquire(4) {
			t.Error("something still counts")
		}
	})
}

// TestIdleConnectionsMakePlace: connections of https upstreams are in two pools, of
// HTTP/2 or HTTP/1.1 and of HTTP/1.1 for tunnels. What rests in one does not keep
// the other from connecting, and never are there more than may be.
func TestIdleConnectionsMakePlace(t *testing.T) {
	const requests = 4
	var open, most atomic.Int64
	counted := func(ctx context.Context, network, address string) (net.Conn, error) {
		n := open.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			open.Add(-1)
			return nil, err
		}
		return &socket{c, func() { open.Add(-1) }}, nil
	}
	const rounds = 4
	arrived, release := make(chan struct{}, rounds*requests), make(chan struct{}, rounds*requests)
	defer close(release)
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		for conn.Head() != "" {
			arrived <- struct{}{}
			<-release
			conn.Say(ok200)
		}
	})
	p, err := newProxy(filled(Config{Upstreams: []string{s.URL()}, MaxRequests: requests}), counted)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	pools := p.upstreams[0].transports
	pools.upgrade = pools.main.Clone() // one of its own, as for https
	for i := range rounds {
		done := make(chan error, requests)
		for range requests {
			r := get("/")
			if i%2 == 1 {
				r.Fields, r.Upgrade = []hpack.Field{{Name: "upgrade", Value: "anything"}}, "anything"
			}
			go func() {
				_, err := fetch(t, p, r)
				done <- err
			}()
		}
		for n := range requests {
			select {
			case <-arrived:
			case err := <-done:
				t.Fatalf("round %d: %v when %d requests were at the upstream", i, err, n)
			}
		}
		for range requests {
			release <- struct{}{}
		}
		for range requests {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	if n := most.Load(); n > requests+SpareSockets {
		t.Errorf("%d connections at once, want %d at most", n, requests+SpareSockets)
	}
}
