package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// countConns is a server that counts connections that carried a request, over
// either version of HTTP, with TLS or without.
func countConns(t *testing.T, secure bool, handler http.HandlerFunc) (s *httptest.Server, conns, requests *atomic.Int64) {
	t.Helper()
	conns, requests = new(atomic.Int64), new(atomic.Int64)
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	s.Config.ErrorLog = quiet
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetHTTP2(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	if s.EnableHTTP2 = secure; secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, conns, requests
}

// TestPerRequest: each request has a connection of its own, whatever is spoken, and
// all counts agree.
func TestPerRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why                string
		secure, http1, h2c bool
		pacer              vegeta.Pacer
	}{
		{"HTTP/2", true, false, false, nil},
		{"HTTP/2, at a rate", true, false, false, perSecond(100)},
		{"HTTP/1.1 over TLS", true, true, false, nil},
		{"HTTP/1.1 over TLS, at a rate", true, true, false, perSecond(100)},
		{"HTTP/1.1", false, true, false, nil},
		{"HTTP/1.1, at a rate", false, true, false, perSecond(300)},
		{"HTTP/2 without TLS", false, false, true, nil},
		{"HTTP/2 without TLS, at a rate", false, false, true, perSecond(300)},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			s, conns, requests := countConns(t, tt.secure, hello)
			cfg := Config{
				Targets: []vegeta.Target{{Method: "POST", URL: s.URL, Body: []byte("content")}}, Pacer: tt.pacer, Requests: 100,
				Connections: 4, Streams: 8, Timeout: 10 * time.Second, Insecure: true, HTTP1: tt.http1, H2C: tt.h2c, PerRequest: true,
			}
			r := attackWith(t, context.Background(), cfg)
			if r.Total.Succeeded() != 100 || requests.Load() != 100 || conns.Load() != 100 || r.Total.Connections != 100 {
				t.Errorf("%d of 100 succeeded, the server has answered %d over %d connections, %d are counted: %v",
					r.Total.Succeeded(), requests.Load(), conns.Load(), r.Total.Connections, r.Total.Errors)
			}
			if n := r.Total.BadConnections(); n != 0 {
				t.Errorf("%d ended otherwise than in order: %v", n, r.Total.ConnectionErrors)
			}
		})
	}
}

// TestPerRequestWarmup: requests of the warm-up have connections too, and an attack
// that is interrupted while nothing is due ends at once.
func TestPerRequestWarmup(t *testing.T) {
	t.Parallel()
	s, conns, requests := countConns(t, false, hello)
	cfg := Config{
		Targets: []vegeta.Target{{Method: "GET", URL: s.URL}}, Pacer: perSecond(2), Warmup: time.Second, Duration: time.Hour,
		Connections: 2, Streams: 1, Timeout: 10 * time.Second, PerRequest: true,
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1800*time.Millisecond)
	defer cancel()
	r := attackWith(t, ctx, cfg)
	if n := requests.Load(); n < 3 || conns.Load() != n || r.Summary.Warmup != 2 || r.Total.Succeeded() != uint64(n)-2 || r.took > 5*time.Second {
		t.Errorf("%d requests, %d connections, %d of the warm-up, %d succeeded, after %v", n, conns.Load(), r.Summary.Warmup, r.Total.Succeeded(), r.took)
	}
}

// behind is how many requests were due before the one before on their lane was over:
// none or so on a machine that does nothing else, if the lanes are enough.
func (r *result) behind(lanes uint64) (n uint64) {
	ended := make(map[uint64]time.Duration)
	for _, o := range r.outcomes {
		ended[o.Seq] = o.Ended
	}
	for _, o := range r.outcomes {
		if o.Seq >= lanes && ended[o.Seq-lanes]-o.Due > slotSlack {
			n++
		}
	}
	return n
}

// TestPerRequestLatency: a connection is made when its request is due, so response
// times have that in them, and service times do not.
func TestPerRequestLatency(t *testing.T) {
	t.Parallel()
	const handshake = 40 * time.Millisecond
	for _, pacer := range []vegeta.Pacer{nil, perSecond(20)} {
		t.Run(fmt.Sprintf("open loop %v", pacer != nil), func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.HandlerFunc(hello))
			s.Config.ErrorLog = quiet
			s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				time.Sleep(handshake)
				return nil, nil
			}}
			s.StartTLS()
			t.Cleanup(s.Close)
			r := attackWith(t, context.Background(), Config{
				Targets: []vegeta.Target{{Method: "GET", URL: s.URL}}, Pacer: pacer, Requests: 10,
				Connections: 4, Streams: 1, Timeout: 10 * time.Second, Insecure: true, PerRequest: true,
			})
			if want := r.behind(4); pacer != nil && r.Total.Waited != want {
				t.Errorf("%d waited for room, want %d: what takes time is the handshake", r.Total.Waited, want)
			}
			if least := r.Total.Response().Min(); least < handshake || r.Total.Service.Min() > handshake/2 || r.Total.Succeeded() != 10 {
				t.Errorf("a least response time of %v, a least service time of %v over connections that take %v: %v", least, r.Total.Service.Min(), handshake, r.Total.Errors)
			}
		})
	}
}

// TestPerRequestWaits: requests wait for the one before on their lane, if the server
// takes longer than the lanes have, and for nothing else.
func TestPerRequestWaits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why   string
		takes time.Duration
		least uint64 // of 60 requests
	}{
		{"two lanes of 150 ms each are 13/s: of 40/s all wait but the first", 150 * time.Millisecond, 50},
		{"two lanes of 1 ms are enough", time.Millisecond, 0},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			s, _, _ := countConns(t, true, func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(tt.takes)
				hello(w, r)
			})
			r := attackWith(t, context.Background(), Config{
				Targets: []vegeta.Target{{Method: "GET", URL: s.URL}}, Pacer: perSecond(40), Requests: 60,
				Connections: 2, Streams: 1, Timeout: 10 * time.Second, Insecure: true, PerRequest: true,
			})
			if n, want := r.Total.Waited, r.behind(2); n != want || n < tt.least || r.Total.Succeeded() != 60 {
				t.Errorf("%d of %d waited, %d were due while the one before was not over, want %d at least: %v", n, r.Total.Requests(), want, tt.least, r.Total.Errors)
			}
		})
	}
}

// TestPerRequestGrowth: one connection at a time is not enough for the rate: there
// are more then.
func TestPerRequestGrowth(t *testing.T) {
	t.Parallel()
	s, conns, requests := countConns(t, false, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		hello(w, r)
	})
	r := attackWith(t, context.Background(), Config{
		Targets: []vegeta.Target{{Method: "GET", URL: s.URL}}, Pacer: perSecond(150), Duration: 3 * time.Second,
		Connections: 1, MaxConnections: 64, Streams: 1, Timeout: 10 * time.Second, PerRequest: true,
	})
	if r.Summary.Grown == 0 || r.Total.Succeeded() != 450 || conns.Load() != requests.Load() || r.Total.Waited == 0 {
		t.Errorf("grown by %d, %d of 450 succeeded, %d connections for %d requests, %d waited", r.Summary.Grown, r.Total.Succeeded(), conns.Load(), requests.Load(), r.Total.Waited)
	}
}

// TestPerRequestWithoutServer: connections that cannot be made fail their requests,
// each once.
func TestPerRequestWithoutServer(t *testing.T) {
	t.Parallel()
	for _, pacer := range []vegeta.Pacer{nil, perSecond(100)} {
		r := attackWith(t, context.Background(), Config{
			Targets: []vegeta.Target{{Method: "GET", URL: "http://" + unused + "/"}}, Pacer: pacer, Requests: 50,
			Connections: 2, Streams: 1, Timeout: 500 * time.Millisecond, PerRequest: true,
		})
		r.wantAll(t, exchange.Connect, "connect: connection refused")
		if r.Total.Requests() != 50 {
			t.Errorf("%d outcomes of 50", r.Total.Requests())
		}
	}
}

// TestPerRequestIsSaid: HTTP/1.1 says that the connection has one request, and ends
// it though the server would keep it.
func TestPerRequestIsSaid(t *testing.T) {
	t.Parallel()
	var conns, said atomic.Int64
	address := talk(t, func(c net.Conn) {
		conns.Add(1)
		buffer := make([]byte, 4096)
		for {
			n, err := c.Read(buffer)
			if err != nil {
				return
			}
			if bytes.HasSuffix(buffer[:n], []byte("\r\nConnection: close\r\n\r\n")) {
				said.Add(1)
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	r := attackWith(t, context.Background(), Config{
		Targets: []vegeta.Target{{Method: "GET", URL: "http://" + address + "/"}}, Requests: 20,
		Connections: 2, Streams: 1, Timeout: 10 * time.Second, PerRequest: true,
	})
	if r.Total.Succeeded() != 20 || conns.Load() != 20 || said.Load() != 20 {
		t.Errorf("%d of 20 succeeded over %d connections, %d say that they end: %v", r.Total.Succeeded(), conns.Load(), said.Load(), r.Total.Errors)
	}
}
