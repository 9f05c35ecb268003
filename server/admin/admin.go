// Package admin is the listener for operators: a live page, metrics, health,
// readiness and profiles, on an address of its own that the public never
// reaches.
//
//	/              the live page, with links to the rest
//	/live          what the page shows, as an event stream
//	/metrics       Prometheus text or OpenMetrics, as the scraper accepts
//	/healthz       200 while the process lives
//	/readyz        200 while requests are welcome, 503 with the reason while not
//	/config        the settings in effect, in JSON
//	/reload        POST: the configuration is read again; 200 with what has
//	               changed, or 409 with why nothing has
//	/upgrade       POST: the program is started again and takes over; 200 when it
//	               serves, or 409 with why it does not
//	/explain       GET or POST, for a long question: what would become of a request,
//	               and why, in JSON
//	/misses        the paths whose requests miss most, and why, in JSON
//	/purge         POST: what is stored is not used any more, or is stale; 200 with
//	               what that was, or 400 with why nothing was purged
//	/debug/pprof/  Go profiles
//
// Every path but those with POST answers GET and HEAD alone, /healthz and /readyz OPTIONS
// as well, which some balancers send, and no answer may be cached. With a token,
// all but /healthz and /readyz answer only requests that have it. Without, the
// address should be a loopback one; [Server.Serve] warns about any other, and on a
// loopback one names that the DNS gave are refused. What a page of another site
// has a browser ask for is refused in any case. The listener shares nothing with
// the public side but the instruments: neither its permits nor its limits can
// shut an operator out.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// Limits of the listener. Scrapers and people are few, but the port may be
// reachable by more than them.
const (
	headTimeout  = 5 * time.Second  // a request head is one packet
	readTimeout  = 10 * time.Second // a form has a mebibyte at most
	writeTimeout = 30 * time.Second // pprof adds the seconds that a profile runs
	idleTimeout  = 2 * time.Minute  // two of the longest usual scrape intervals
	maxHeader    = 16 << 10         // bytes, as on the public listener

	// A gather walks every instrument: a scraper that has lost patience and
	// comes again must not multiply it.
	maxScrapes = 4
)

// Server answers on the admin address. Its methods may be called from any
// goroutine.
type Server struct {
	server  http.Server
	handler http.Handler
	conns   conns
	ready   func() error
	open    bool // no token is needed
	log     *slog.Logger

	patterns []string // of what is served, for the documents' test
}

// Config is what a Server answers with.
type Config struct {
	Metrics prometheus.Gatherer

	// Ready returns why requests should go elsewhere now, starting or
	// draining, and nil otherwise. It is called for every look at /readyz.
	Ready func() error

	// Live answers / and /live.
	Live http.Handler

	// Settings returns what /config answers with, JSON.
	Settings func() []byte

	// Reload reads the configuration again and returns lines that say what
	// has changed; an error says why nothing has.
	Reload func() ([]string, error)

	// Upgrade starts a successor and returns when that serves; an error says
	// why this process goes on.
	Upgrade func() ([]string, error)

	// Cache answers /explain, /misses and /purge.
	Cache Cache

	// Token is what clients must show; "" means none.
	Token string

	// Count counts the listener's own connections; nil: they are not counted.
	Count *metrics.Hotpath

	Log *slog.Logger
}

// New returns a server that does not listen yet.
func New(cfg Config) *Server {
	s := &Server{ready: cfg.Ready, open: cfg.Token == "", log: cfg.Log, conns: conns{metrics: cfg.Count}}
	errorLog := slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn)

	mux := http.NewServeMux()
	handle := func(mux *http.ServeMux, pattern string, h http.Handler) {
		mux.Handle(pattern, h)
		s.patterns = append(s.patterns, pattern)
	}
	handle(mux, "/{$}", cfg.Live)
	handle(mux, "/live", cfg.Live)
	handle(mux, "/metrics", paced(promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorLog:            errorLog,
		ErrorHandling:       promhttp.ContinueOnError, // one broken collector must not blind the rest
		MaxRequestsInFlight: maxScrapes,
	})))
	handle(mux, "/config", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { settings(w, cfg.Settings()) }))
	own := http.NewCrossOriginProtection()
	handle(mux, "POST /reload", own.Handler(change(cfg.Reload)))
	handle(mux, "POST /upgrade", own.Handler(change(cfg.Upgrade)))
	handle(mux, "POST /purge", own.Handler(purge(cfg.Cache)))
	handle(mux, "/explain", own.Handler(explain(cfg.Cache)))
	handle(mux, "/misses", misses(cfg.Cache))
	handle(mux, "/debug/pprof/", http.HandlerFunc(pprof.Index))
	handle(mux, "/debug/pprof/cmdline", http.HandlerFunc(pprof.Cmdline))
	handle(mux, "/debug/pprof/profile", http.HandlerFunc(pprof.Profile))
	handle(mux, "/debug/pprof/symbol", http.HandlerFunc(pprof.Symbol))
	handle(mux, "/debug/pprof/trace", http.HandlerFunc(pprof.Trace))

	outer := http.NewServeMux() // of what a balancer requests, which has no token
	handle(outer, "/healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }))
	handle(outer, "/readyz", http.HandlerFunc(s.readyz))
	outer.Handle("/", ownSite(authorized(cfg.Token, mux)))

	s.handler = methods(outer)
	s.server = http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         s.conns.connState,
		ErrorLog:          errorLog,
	}
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers on l until Shutdown, then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); ok && s.open && !a.IP.IsLoopback() {
		s.log.Warn("the admin listener asks for no token and is reachable from other machines", "address", a.String())
	}
	if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving admin on %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting and waits for answers in progress, until ctx ends:
// then what is left is cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.conns.closeSilent()
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("waiting for admin requests: %w", err), s.server.Close())
	}
	return nil
}

// methods lets GET and HEAD pass, POST alone to what changes something, POST too to
// what may be asked at length, and OPTIONS to what balancers ask: HAProxy's option httpchk sends it by default, and
// takes the status.
func methods(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
		if r.URL.Path == "/reload" || r.URL.Path == "/upgrade" || r.URL.Path == "/purge" {
			if r.Method != http.MethodPost {
				h.Set("Allow", "POST")
				plain(w, http.StatusMethodNotAllowed, "this is asked for with POST")
				return
			}
		} else if r.Method == http.MethodOptions && probe {
			h.Set("Allow", "GET, HEAD, OPTIONS")
		} else if r.Method == http.MethodPost && r.URL.Path == "/explain" {
			// The content of a QUERY may be longer than a head.
		} else if r.Method != http.MethodGet && r.Method != http.MethodHead {
			allowed, says := "GET, HEAD", "only GET and HEAD are served here"
			if r.URL.Path == "/explain" {
				allowed, says = "GET, HEAD, POST", "only GET, HEAD and POST are served here"
			}
			h.Set("Allow", allowed)
			plain(w, http.StatusMethodNotAllowed, says)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.ready(); err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ready")
}

// plain answers with a line of text.
func plain(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, line)
}
