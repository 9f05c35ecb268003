package attack

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// shortLived is a server of plaintext HTTP/2 that takes so many requests on a
// connection, says GOAWAY with the last of them, answers them and closes, as
// nginx does by its keepalive_requests. It reads on until the client closes, so
// that no reset eats what it has said.
type shortLived struct {
	net.Listener
	takes    int
	answers  bool // else it closes without
	requests atomic.Int64
	beyond   atomic.Int64 // that came behind the last
	conns    atomic.Int64
}

func newShortLived(t *testing.T, takes int, answers bool) *shortLived {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &shortLived{Listener: l, takes: takes, answers: answers}
	var running sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			running.Go(func() { s.serve(t, c) })
		}
	})
	return s
}

func (s *shortLived) serve(t *testing.T, c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(c, make([]byte, len(frame.Preface))); err != nil {
		return // the attack ended before it was served
	}
	peer := h2peer.New(t, c, patience)
	_, _ = c.Write(frame.AppendSettings(nil))
	for taken := 0; ; {
		f, err := peer.Read()
		switch {
		case err != nil:
			return
		case f.Type != frame.Headers:
			continue
		case taken == s.takes:
			s.beyond.Add(1)
			continue
		}
		taken++
		s.requests.Add(1)
		var out []byte
		if taken == s.takes {
			out = frame.AppendGoAway(out, f.StreamID, frame.NoError, "")
		}
		if s.answers {
			out = append(out, h2peer.Headers(f.StreamID, true, ":status", "200")...)
		}
		_, _ = c.Write(out)
		if taken == s.takes {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}
}

func (s *shortLived) config() Config {
	return Config{
		Targets:     []vegeta.Target{{Method: "GET", URL: "http://" + s.Addr().String() + "/"}},
		H2C:         true,
		Connections: 8,
		Streams:     32,
		Timeout:     10 * time.Second,
	}
}

// TestShortLivedConnections: requests that a connection had no more room for were
// never processed. None of them fails, and after the first connection hardly any
// is sent in vain.
func TestShortLivedConnections(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		takes, requests int
		pacer           vegeta.Pacer
	}{
		{1, 2000, nil}, {5, 2000, nil}, {10, 5000, nil}, {1, 500, perSecond(500)}, {10, 1000, perSecond(1000)},
	} {
		t.Run(fmt.Sprintf("%d a connection, open loop %v", tt.takes, tt.pacer != nil), func(t *testing.T) {
			t.Parallel()
			s := newShortLived(t, tt.takes, true)
			cfg := s.config()
			cfg.Pacer, cfg.Requests = tt.pacer, uint64(tt.requests)
			r := attackWith(t, context.Background(), cfg)
			if got := r.Total.Succeeded(); got != uint64(tt.requests) || s.requests.Load() != int64(tt.requests) {
				t.Errorf("%d of %d succeeded, the server has answered %d: %v", got, tt.requests, s.requests.Load(), r.Total.Errors)
			}
			// Each of 8 connections learns once.
			if most := int64(8 * 32); s.beyond.Load() > most {
				t.Errorf("%d requests were sent to connections that were full, want %d at most", s.beyond.Load(), most)
			}
			if int64(r.Total.Retries) < s.beyond.Load() {
				t.Errorf("%d sent again, %d were turned away", r.Total.Retries, s.beyond.Load())
			}
		})
	}
}

// TestFruitlessConnections: a server that says GOAWAY to each connection and
// answers nothing gets each request three times, and no more.
func TestFruitlessConnections(t *testing.T) {
	t.Parallel()
	s := newShortLived(t, 1, false) // the first of a connection is taken and lost
	cfg := s.config()
	cfg.Connections, cfg.Streams, cfg.Requests = 1, 4, 8
	r := attackWith(t, context.Background(), cfg)
	if r.Total.Succeeded() != 0 || r.Total.Failed[exchange.GoAway]+r.Total.Failed[exchange.Closed] != 8 {
		t.Errorf("%v", r.Total.Errors)
	}
	if n := r.Total.Ends[exchange.Unprocessed]; n == 0 || n > 8-maxTries+1 {
		t.Errorf("%d were unprocessed to the last: %v", n, r.Total.Ends)
	}
}

// TestLifespan: what a connection is given, by what the ones before have taken.
func TestLifespan(t *testing.T) {
	var l lifespan
	hand := func(most int) (n int) {
		for ; n < most && l.room(); n++ {
			l.handed++
			l.open++
		}
		return n
	}
	l.begin()
	if n := hand(100); n != 100 {
		t.Errorf("the first connection is given %d of 100", n)
	}
	l.open, l.away = 0, 90
	l.end()
	l.begin()
	if n := hand(100); n != 10 {
		t.Errorf("after one that took 10, the next is given %d", n)
	}
	l.open = 1
	if l.room() {
		t.Error("more is given before all have come back")
	}
	l.open = 0
	if n := hand(50); n != 50 {
		t.Errorf("one that lives on is given %d of 50 more", n)
	}
	l.open = 0
	l.end()
	l.begin()
	if n := hand(100); n != 100 {
		t.Errorf("after one that took 60 and turned none away, the next is given %d", n)
	}
}
