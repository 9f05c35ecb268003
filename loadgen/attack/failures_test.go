package attack

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// wantAll checks that every request failed in one way.
func (r *result) wantAll(t *testing.T, kind exchange.Kind, text string) {
	t.Helper()
	if got := r.Total.Failed[kind]; got != r.Total.Requests() || got == 0 {
		t.Errorf("%d of %d requests failed by %v: %v", got, r.Total.Requests(), kind, r.Total.Errors)
	}
	if got := r.Total.Errors[text]; text != "" && got != r.Total.Requests() {
		t.Errorf("%d of %d errors are %q: %v", got, r.Total.Requests(), text, r.Total.Errors)
	}
}

// unused is an address on which nothing listens. One that was free a moment ago
// would not do: another test may be given it.
const unused = "127.0.0.1:1" // tcpmux, RFC 1078: no ephemeral port, and no longer in use

// TestServerThatIsBad: whatever a server does, or does not, every request that
// was due has an outcome with the reason, and the run ends at its time.
func TestServerThatIsBad(t *testing.T) {
	t.Parallel()
	speak := func(say func(net.Conn)) func(*testing.T) string {
		return func(t *testing.T) string { return talk(t, say) }
	}
	for _, tt := range []struct {
		name  string
		serve func(*testing.T) string // returns an address, of plaintext
		kind  exchange.Kind
		text  string
	}{
		{"is not there", func(*testing.T) string { return unused }, exchange.Connect, "connect: connection refused"},
		{"closes at once", speak(func(net.Conn) {}), exchange.Closed, ""},
		{"talks nonsense", speak(func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example ESMTP, and so on\r\n") }), exchange.Malformed, ""},
		{"speaks HTTP/1.1", speak(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), exchange.ALPN, ""},
		{"says nothing", speak(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), exchange.Timeout, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{
				Targets:     []vegeta.Target{{Method: "GET", URL: "http://" + tt.serve(t) + "/"}},
				H2C:         true,
				Pacer:       perSecond(200),
				Duration:    time.Second,
				Connections: 2,
				Streams:     64,
				Timeout:     2 * time.Second,
			}
			r := attackWith(t, context.Background(), cfg)
			if r.Total.Requests() != 200 {
				t.Errorf("%d requests have an outcome, want 200", r.Total.Requests())
			}
			r.wantAll(t, tt.kind, tt.text)
			if most := cfg.Duration + cfg.Timeout + time.Second; r.took > most {
				t.Errorf("it took %v, more than %v", r.took, most)
			}
			// A closed loop neither spins nor hangs.
			cfg.Pacer = nil
			r = attackWith(t, context.Background(), cfg)
			if n := r.Total.Requests(); n == 0 || n > 2500 || r.Total.Succeeded() > 0 {
				t.Errorf("closed loop: %d requests, %d succeeded: %v", n, r.Total.Succeeded(), r.Total.Errors)
			}
			if most := cfg.Duration + cfg.Timeout + time.Second; r.took > most {
				t.Errorf("closed loop: it took %v, more than %v", r.took, most)
			}
		})
	}
}

// talk accepts connections, lets say talk on each and closes it.
func talk(t *testing.T, say func(net.Conn)) string {
	t.Helper()
	return h1peer.Serve(t, patience, func(_ int, c *h1peer.Peer) { say(c.Conn) }).Address()
}

func TestTLSFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(*testing.T) (url string, ca []byte)
		kind exchange.Kind
	}{
		{"certificate that is not trusted", func(t *testing.T) (string, []byte) { return serve(t, hello).URL, nil }, exchange.TLS},
		{"no TLS", func(t *testing.T) (string, []byte) {
			return "https://" + talk(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), nil
		}, exchange.TLS},
		{"another protocol alone", func(t *testing.T) (string, []byte) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(hello))
			s.TLS, s.Config.ErrorLog = &tls.Config{NextProtos: []string{"acme-tls/1"}}, quiet
			s.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
			s.StartTLS()
			s.TLS.NextProtos = []string{"acme-tls/1"}
			t.Cleanup(s.Close)
			return s.URL, (&target{Server: s}).ca()
		}, exchange.ALPN},
		{"silence", func(t *testing.T) (string, []byte) {
			return "https://" + talk(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), nil
		}, exchange.TLS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, ca := tt.make(t)
			r := attackWith(t, context.Background(), Config{
				Targets:     []vegeta.Target{{Method: "GET", URL: url}},
				Pacer:       perSecond(100),
				Duration:    500 * time.Millisecond,
				Connections: 2,
				Streams:     4,
				Timeout:     300 * time.Millisecond,
				CACert:      ca,
			})
			if tt.name == "silence" { // some time out before the handshake does
				if got := r.Total.Failed[exchange.TLS] + r.Total.Failed[exchange.Timeout]; got != 50 {
					t.Errorf("%v", r.Total.Errors)
				}
				return
			}
			r.wantAll(t, tt.kind, "")
		})
	}
}

func TestInsecure(t *testing.T) {
	s := serve(t, hello)
	cfg := s.config()
	cfg.CACert, cfg.Insecure, cfg.Requests = nil, true, 10
	if r := attackWith(t, context.Background(), cfg); r.Total.Succeeded() != 10 {
		t.Errorf("%d of 10 succeeded: %v", r.Total.Succeeded(), r.Total.Errors)
	}
}

// TestGoAway: a server that ends each connection after some requests, with
// GOAWAY, costs no request.
func TestGoAway(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%50 == 0 {
			w.Header().Set("Connection", "close") // net/http makes it a GOAWAY
		}
		hello(w, r)
	})
	cfg := s.config()
	cfg.Pacer, cfg.Duration = perSecond(1000), time.Second
	r := attackWith(t, context.Background(), cfg)
	if r.Total.Succeeded() != 1000 || s.conns.Load() < 10 {
		t.Errorf("%d of 1000 succeeded on %d connections, %d sent again: %v", r.Total.Succeeded(), s.conns.Load(), r.Total.Retries, r.Total.Errors)
	}
}

// TestRestart: requests that are due while the server is away fail, or wait for
// it and are late; those after it succeed.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := serve(t, hello)
	address := s.Listener.Addr().String()
	cfg := s.config()
	cfg.Pacer, cfg.Duration = perSecond(500), 2*time.Second
	restarted := make(chan struct{})
	go func() {
		defer close(restarted)
		time.Sleep(500 * time.Millisecond)
		s.CloseClientConnections()
		s.Listener.Close()
		s.CloseClientConnections()
		time.Sleep(500 * time.Millisecond)
		l, err := tls.Listen("tcp", address, s.TLS.Clone())
		if err != nil {
			t.Error(err)
			return
		}
		// Its own copy: a server completes its configuration when it begins to
		// serve, and connections of the first still read theirs.
		again := &http.Server{Handler: http.HandlerFunc(hello), TLSConfig: s.TLS.Clone(), ErrorLog: quiet}
		t.Cleanup(func() { again.Close() })
		go again.Serve(l)
	}()
	r := attackWith(t, context.Background(), cfg)
	<-restarted
	if failed := r.Total.Unsuccessful(); failed < 100 || failed > 600 || r.Total.Failed[exchange.Connect] == 0 {
		t.Errorf("%d of 1000 failed: %v", failed, r.Total.Errors)
	}
	for _, o := range r.outcomes {
		if o.Due > 1700*time.Millisecond && !o.Succeeded() {
			t.Fatalf("the request that was due at %v failed: %v", o.Due, o.Failure)
		}
	}
}

// TestTimeout: an answer that does not come fails its request at its time, and
// no other.
func TestTimeout(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%10 == 0 {
			<-r.Context().Done()
			return
		}
		hello(w, r)
	})
	cfg := s.config()
	cfg.Pacer, cfg.Duration, cfg.Timeout = perSecond(200), time.Second, 300*time.Millisecond
	r := attackWith(t, context.Background(), cfg)
	if got := r.Total.Failed[exchange.Timeout]; got != 20 || r.Total.Succeeded() != 180 {
		t.Errorf("%d timed out and %d succeeded, want 20 and 180: %v", got, r.Total.Succeeded(), r.Total.Errors)
	}
	for _, o := range r.outcomes {
		if late := o.Latency() - cfg.Timeout; o.Failure != nil && (late < 0 || late > 200*time.Millisecond) {
			t.Errorf("a request timed out after %v", o.Latency())
		}
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			w.WriteHeader(http.StatusFound)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			hello(w, r)
		}
	})
	cfg := s.config()
	cfg.Targets = nil
	for _, path := range []string{"/", "/moved", "/broken"} {
		cfg.Targets = append(cfg.Targets, vegeta.Target{Method: "GET", URL: s.URL + path})
	}
	cfg.Requests = 300
	r := attackWith(t, context.Background(), cfg)
	got := r.Total
	// Each connection begins with the target of its number.
	if got.Statuses[200]+got.Statuses[302]+got.Statuses[500] != 300 || got.Succeeded() != 300-got.Statuses[500] ||
		got.Errors["500 Internal Server Error"] != got.Statuses[500] || got.Statuses[500] < 90 {
		t.Errorf("%d of 200, %d of 302, %d of 500; %d succeeded: %v", got.Statuses[200], got.Statuses[302], got.Statuses[500], got.Succeeded(), got.Errors)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 50 {
			_, _ = io.WriteString(w, "hellO")
			return
		}
		hello(w, r)
	})
	cfg := s.config()
	cfg.Digest, cfg.Requests = exchange.DigestFirst, 100
	r := attackWith(t, context.Background(), cfg)
	if r.Total.Failed[exchange.Digest] != 1 || r.Total.Succeeded() != 99 {
		t.Errorf("%v", r.Total.Errors)
	}
	cfg.Digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of hello
	if r := attackWith(t, context.Background(), cfg); r.Total.Succeeded() != 100 {
		t.Errorf("with the sum given: %v", r.Total.Errors)
	}
}

// TestNumberOfRequestsWithoutServer: a closed loop over a number of requests ends,
// also if none is ever answered.
func TestNumberOfRequestsWithoutServer(t *testing.T) {
	t.Parallel()
	r := attackWith(t, context.Background(), Config{
		Targets:     []vegeta.Target{{Method: "GET", URL: "http://" + unused + "/"}},
		H2C:         true,
		Requests:    100_000,
		Connections: 4,
		Streams:     8,
		Timeout:     500 * time.Millisecond,
	})
	if r.Total.Failed[exchange.Connect] != 100_000 || r.took > 10*time.Second {
		t.Errorf("%d of 100000 failed, after %v: %v", r.Total.Failed[exchange.Connect], r.took, r.Total.Errors)
	}
}

// TestPrefaceComesEarly: each connection sends its preface before all are made:
// a server closes one that sends nothing.
func TestPrefaceComesEarly(t *testing.T) {
	t.Parallel()
	received := make(chan string, 2)
	address := talk(t, func(c net.Conn) {
		preface := make([]byte, len(frame.Preface))
		_, _ = io.ReadFull(c, preface)
		received <- string(preface)
		_, _ = io.Copy(io.Discard, c)
	})
	cfg := Config{
		Targets:     []vegeta.Target{{Method: "GET", URL: "http://" + address + "/"}},
		H2C:         true,
		Requests:    2,
		Connections: 2,
		Streams:     1,
		Timeout:     200 * time.Millisecond,
	}
	_, err := Run(context.Background(), cfg, Hooks{Ready: func(context.Context) (time.Time, error) {
		for range 2 {
			select {
			case got := <-received:
				if got != frame.Preface {
					t.Errorf("the server received %q", got)
				}
			case <-time.After(patience):
				t.Error("the server receives nothing")
			}
		}
		return time.Now(), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNotReady: an attack whose moment 0 does not come sends nothing.
func TestNotReady(t *testing.T) {
	t.Parallel()
	s := serve(t, hello)
	cfg := s.config()
	cfg.Requests = 100
	want := errors.New("not today")
	_, err := Run(context.Background(), cfg, Hooks{Ready: func(context.Context) (time.Time, error) { return time.Time{}, want }})
	if !errors.Is(err, want) || s.requests.Load() != 0 {
		t.Errorf("%v; the server has seen %d requests", err, s.requests.Load())
	}
}
