package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/h1"
	"github.com/e0ac7cd4/hotpath/server/h2"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/nethttp"
)

// patience is how long a test waits for what should come at once: only a
// failure takes that long.
const patience = 20 * time.Second

// body is what /hit answers.
const body = "from memory"

// store holds /hit alone.
type store struct{ hit *message.Response }

func (s *store) Look(l *message.Lookup, r *message.Request, _ time.Time) bool {
	l.Key = append(l.Key[:0], r.Path...)
	l.Response, l.Repeatable = s.hit, true
	return r.Method == http.MethodGet && r.Path == "/hit"
}

func (s *store) Again(l *message.Lookup, _ time.Time) bool {
	l.Response = s.hit
	return true
}

// echo answers with what it was sent, or what reading it failed with.
func echo(w http.ResponseWriter, r *http.Request) {
	sent, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.TLS == nil || !r.TLS.HandshakeComplete:
		http.Error(w, "TLS unseen", http.StatusInternalServerError)
	default:
		_, _ = w.Write(sent)
	}
}

// site is a server under test.
type site struct {
	*testing.T
	*Server
	m       *metrics.Hotpath
	gate    wire.Gate
	log     *testkit.LogBuffer
	address string
	roots   *x509.CertPool
	ln      net.Listener
	served  chan error
	stop    sync.Once // of accepting
}

// testConfig has generous limits, and a gate for one handshake.
func testConfig(certificate tls.Certificate, handler http.Handler, log io.Writer) Config {
	m := metrics.NewHotpath(metrics.Options{Stripes: 2})
	logger := slog.New(slog.NewTextHandler(log, nil))
	s := &store{message.New(http.StatusOK, nil, []byte(body), "", time.Time{})}
	return Config{
		TLS:           TLSConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }),
		Metrics:       m,
		Log:           logger,
		MaxConns:      1000,
		MaxHandshakes: 1000,
		Conns: Conns{
			H2: &h2.Config{
				Source: s, Handler: nethttp.Handler(handler), Metrics: m, Log: logger,
				Limits: h2.Limits{
					Streams: 100, HeaderBytes: 4 << 10, HeaderFields: 32, Continuations: 8, BodyBytes: 1 << 20, OutputBytes: 256 << 10,
					Resets: 100, ResetsPerSec: 10, Control: 1000, ControlPerSec: 100, ControlQueue: 1000,
					Head: patience, Idle: patience, Progress: patience, TunnelIdle: patience, Quantum: 1 << 10,
				},
			},
			H1: &h1.Config{
				Source: s, Handler: nethttp.Handler(handler), Metrics: m, Log: logger,
				HeaderBytes: 4 << 10, HeaderFields: 32, BodyBytes: 1 << 20, OutputBytes: 256 << 10, Head: patience, Idle: patience,
				BodyTimeout: patience, Quantum: 1 << 10, TunnelIdle: patience,
			},
			Wire:             &wire.Options{Metrics: wire.ServerMetrics(m), WriteTimeout: patience, WriteQuantum: 1 << 10, Handshakes: wire.NewGate(1)},
			HelloTimeout:     patience,
			HandshakeTimeout: patience,
		},
	}
}

// start starts a server with what change makes of its configuration. At the
// test's end it is stopped, and then must have given everything back.
func start(t *testing.T, handler http.HandlerFunc, change func(*Config)) *site {
	t.Helper()
	ln, err := wire.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, ln, handler, change)
}

// startInMemory is start without sockets, for tests in a bubble of fake time.
func startInMemory(t *testing.T, handler http.HandlerFunc, change func(*Config)) *site {
	t.Helper()
	return startOn(t, testkit.NewPipes(), handler, change)
}

func startOn(t *testing.T, ln net.Listener, handler http.HandlerFunc, change func(*Config)) *site {
	t.Helper()
	certificate := testkit.NewIdentity().TLS
	s := &site{T: t, log: new(testkit.LogBuffer), roots: x509.NewCertPool(), served: make(chan error, 1)}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	s.roots.AddCert(leaf)
	cfg := testConfig(certificate, handler, s.log)
	if change != nil {
		change(&cfg)
	}
	s.Server, s.m, s.gate = New(cfg), cfg.Metrics, cfg.Wire.Handshakes
	s.ln = ln
	s.address = s.ln.Addr().String()
	go func() { s.served <- s.Serve(s.ln) }()
	t.Cleanup(s.end)
	return s
}

// stopAccepting is the first step of a stop.
func (s *site) stopAccepting() {
	s.stop.Do(func() {
		if err := s.StopAccepting(s.ln); err != nil {
			s.Error(err)
		}
		if err := <-s.served; err != nil {
			s.Errorf("Serve: %v", err)
		}
	})
}

// end stops the server, if the test did not, and checks that nothing stays
// taken or open.
func (s *site) end() {
	s.stopAccepting()
	s.mu.Lock()
	draining := s.draining
	s.mu.Unlock()
	if !draining {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx) // what a test left open is cut off
	}
	gauges := map[string]func() int64{
		"permits in use":         s.m.PermitsInUse.Value,
		"handshakes in progress": s.m.HandshakesInProgress.Value,
		"open streams":           s.m.StreamsOpen.Value,
		"taken permits":          func() int64 { return int64(len(s.permits)) },
		"taken handshakes":       func() int64 { return int64(s.handshakes.inUse()) },
		"handshakes in the gate": func() int64 { return int64(len(s.gate)) },
		"in handshake":           func() int64 { return s.m.Connections.Value(metrics.StateHandshake) },
		"on h1":                  func() int64 { return s.m.Connections.Value(metrics.StateH1) },
		"on h2":                  func() int64 { return s.m.Connections.Value(metrics.StateH2) },
		"known connections": func() int64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return int64(len(s.conns))
		},
	}
	for name, value := range gauges {
		s.await(name+" back to 0", func() bool { return value() == 0 })
	}
	if accepted, closed := s.m.ConnectionsAccepted.Value(), s.closedAll(); closed != accepted {
		s.Errorf("%d connections accepted, %d closed", accepted, closed)
	}
}

// await polls for what must come to hold.
func (s *site) await(what string, holds func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited in vain for: %s\n%s", what, s.log)
		}
	}
}

// awaitCount polls for a counter's value, which it must not pass.
func (s *site) awaitCount(what string, value func() uint64, want uint64) {
	s.Helper()
	s.await(what, func() bool { return value() >= want })
	if n := value(); n != want {
		s.Errorf("%s: %d, want %d", what, n, want)
	}
}

// Counters with their labels, for awaitCount.

func (s *site) shaken(v metrics.TLSVersion, o metrics.HandshakeOutcome) func() uint64 {
	return func() uint64 { return s.m.Handshakes.Value(v, o) }
}

func (s *site) closed(r metrics.CloseReason) func() uint64 {
	return func() uint64 { return s.m.ConnectionsClosed.Value(r) }
}

func (s *site) refused(r metrics.RefuseReason) func() uint64 {
	return func() uint64 { return s.m.ConnectionsRefused.Value(r) }
}

func (s *site) breached(l metrics.Limit) func() uint64 {
	return func() uint64 { return s.m.LimitBreaches.Value(l) }
}

// teapot is a handler for tests whose requests are all hits.
func teapot(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
