package attack

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// patience is far more than any attack here takes.
const patience = 30 * time.Second

// target is a server that counts.
type target struct {
	*httptest.Server
	requests atomic.Int64 // that reached the handler
	conns    atomic.Int64 // that were made
}

func serve(t testing.TB, handler http.HandlerFunc) *target {
	t.Helper()
	s := new(target)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handler(w, r)
	}))
	s.EnableHTTP2 = true
	var seen sync.Map
	s.Config.ErrorLog = quiet
	s.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if _, known := seen.LoadOrStore(h.Conn, true); !known {
			s.conns.Add(1)
		}
		return nil, nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// ca is what trusts the server.
func (s *target) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// config attacks one path of the server.
func (s *target) config() Config {
	return Config{
		Targets:     []vegeta.Target{{Method: "GET", URL: s.URL + "/"}},
		Connections: 4,
		Streams:     16,
		Timeout:     5 * time.Second,
		CACert:      s.ca(),
	}
}

func perSecond(n int) vegeta.Pacer { return vegeta.ConstantPacer{Freq: n, Per: time.Second} }

// result is all that an attack gave.
type result struct {
	Summary
	*measure.Run
	outcomes []exchange.Outcome
	took     time.Duration
}

// attackWith runs an attack and checks what holds for every one.
func attackWith(t *testing.T, ctx context.Context, cfg Config) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := result{Run: &measure.Run{Total: measure.NewTally()}}
	var mu sync.Mutex
	began := time.Now()
	s, err := Run(ctx, cfg, Hooks{
		Interval: func(i *measure.Interval) { r.Run.Add(i) },
		Outcomes: func(batch []exchange.Outcome) {
			mu.Lock()
			defer mu.Unlock()
			r.outcomes = append(r.outcomes, batch...)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Summary, r.took = s, time.Since(began)
	r.check(t, cfg)
	return r
}

// check checks that nothing is missing and nothing is there twice.
func (r *result) check(t *testing.T, cfg Config) {
	t.Helper()
	total := r.Total
	if uint64(len(r.outcomes)) != total.Requests() {
		t.Errorf("%d outcomes, %d are tallied", len(r.outcomes), total.Requests())
	}
	if cfg.Pacer != nil && total.Requests() != r.Summary.Scheduled {
		t.Errorf("%d requests were due, %d have an outcome: %v", r.Summary.Scheduled, total.Requests(), total.Errors)
	}
	seen := make(map[uint64]bool)
	for _, o := range r.outcomes {
		if seen[o.Seq] && cfg.Pacer != nil {
			t.Fatalf("request %d has two outcomes", o.Seq)
		}
		seen[o.Seq] = true
		if o.Sent != 0 && (o.Sent < o.Due || o.Ended < o.Sent) || o.Ended < o.Due {
			t.Fatalf("request %d was due at %v, sent at %v and over at %v", o.Seq, o.Due, o.Sent, o.Ended)
		}
	}
	if len(r.Points) == 0 {
		if total.Requests() > 0 {
			t.Errorf("%d requests without a point", total.Requests())
		}
		return
	}
	if n := r.Points[len(r.Points)-1].InFlight; n != 0 {
		t.Errorf("%d requests are in flight after the end", n)
	}
	var points uint64
	for _, p := range r.Points {
		points += p.Requests
	}
	if points != total.Requests() {
		t.Errorf("%d requests in the points, %d in all", points, total.Requests())
	}
}
