package origin

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// CountPath is where the count is, as JSON; MetricsPath, as metrics.
const (
	CountPath   = "/_origin"
	MetricsPath = "/_origin/metrics"
)

const (
	headTime = 10 * time.Second // for a request's head to come
	idleTime = 2 * time.Minute  // for a connection without a request: longer than edges keep theirs
	maxHead  = 256 << 10        // bytes
	grace    = time.Second      // for requests in flight at the end
)

// Config is an origin. Check returns what is wrong with it.
type Config struct {
	Rules       Rules // and Default behind them
	Seed        uint64
	Certificate *tls.Certificate // nil: plaintext, HTTP/1.1 and h2c
	Connections int              // at a time

	limit time.Duration // for a write; 0: writeTime
}

// MaxConnections is how many connections an origin may be given.
const MaxConnections = 1_000_000

// Check returns what is wrong, and what is allowed.
func (c *Config) Check() error {
	if c.Connections < 1 || c.Connections > MaxConnections {
		return fmt.Errorf("%d connections: allowed are 1 to %d", c.Connections, MaxConnections)
	}
	if len(c.Rules) > maxRules {
		return fmt.Errorf("%d rules: allowed are up to %d", len(c.Rules), maxRules)
	}
	return nil
}

// Serve answers on l until ctx ends, and a second longer for requests in flight.
// It returns what it had. l is closed.
func Serve(ctx context.Context, l net.Listener, cfg Config) (Count, error) {
	if err := cfg.Check(); err != nil {
		return Count{}, errors.Join(err, l.Close())
	}
	h, err := newHandler(cfg.Rules, cfg.Seed)
	if err != nil {
		return Count{}, errors.Join(err, l.Close())
	}
	h.limit = cmp.Or(cfg.limit, h.limit)
	registry := prometheus.NewRegistry()
	registry.MustRegister(h.counts)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+CountPath, h.serveCount)
	mux.Handle("GET "+MetricsPath, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	// What waits, waits no longer than until the grace is over.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			// A mux cleans paths and redirects: what the rules answer is not to be.
			if req.URL.Path == CountPath || req.URL.Path == MetricsPath {
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.limit)) // both protocols have one
				mux.ServeHTTP(w, req)
				return
			}
			h.ServeHTTP(w, req)
		}),
		ReadHeaderTimeout: headTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          log.New(io.Discard, "", 0), // what clients do wrong is in the count
		BaseContext:       func(net.Listener) context.Context { return life },
	}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	serve := s.Serve
	if cfg.Certificate != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cfg.Certificate}, MinVersion: tls.VersionTLS12}
		serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
	}
	served := make(chan error, 1)
	go func() { served <- serve(newLimiter(l, cfg.Connections, &h.counts.connections)) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		late, cancel := context.WithTimeout(life, grace)
		if s.Shutdown(late) != nil {
			_ = s.Close() // what is left was asked to end
		}
		cancel()
		end()
		err = <-served
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return h.counts.count(), err
}

// serveCount writes the count as JSON.
func (h *handler) serveCount(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(h.counts.count()) // a client that has gone needs none
}
