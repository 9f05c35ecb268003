// Package redirect is the plain HTTP listener: it sends every request to https, and
// lets the challenges of a certificate's authority be answered. It serves nothing
// else, reads no content, and shares no limit with the public listener: whatever
// is done to it, that one is not disturbed.
package redirect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// Limits of the listener. A redirect is one packet each way, and is not repeated
// over the same connection.
const (
	headTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	maxHeader    = 4 << 10 // to which net/http adds as much

	// MaxConns is how many connections may be open at once; further ones are
	// closed. Each ends with its answer.
	MaxConns = 256

	// ConnBytes is what a connection takes: net/http's two buffers of 4 KiB, a
	// head of fields as short as they can be, each of which takes 32 times its
	// length in a map, and a goroutine.
	ConnBytes = 2*(4<<10) + 32*(maxHeader+4<<10) + 8<<10
)

// Config is what a Server needs.
type Config struct {
	// Port is the port of https.
	Port int

	// Challenge answers a request that is a challenge, and reports whether it
	// was one; nil: none is.
	Challenge func(http.ResponseWriter, *http.Request) bool

	Metrics *metrics.Hotpath
	Log     *slog.Logger
}

// Server answers on the plain HTTP address. Its methods may be called from any
// goroutine.
type Server struct {
	cfg    Config
	server http.Server
	open   atomic.Int64
}

// New returns a server that does not listen yet.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg}
	s.server = http.Server{
		Handler:                      s,
		ReadHeaderTimeout:            headTimeout,
		ReadTimeout:                  headTimeout,
		WriteTimeout:                 writeTimeout,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug), // strangers' mistakes
	}
	s.server.SetKeepAlivesEnabled(false)
	return s
}

// Serve answers on l until Shutdown, then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	if err := s.server.Serve(limited{l, s}); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serving plain HTTP on %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting and waits for answers in progress, until ctx ends: then
// what is left is cut.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("waiting for plain HTTP: %w", err), s.server.Close())
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Server", "hotpath")
	if s.cfg.Challenge != nil && s.cfg.Challenge(w, r) {
		return
	}
	target, ok := location(r, s.cfg.Port)
	if !ok {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "There is no https address to send this request to.", http.StatusBadRequest)
		return
	}
	h["Content-Type"] = nil
	h.Set("Location", target)
	w.WriteHeader(http.StatusPermanentRedirect) // the method stays
}

// name is a host's: letters, digits, and what stands between them (RFC 1123 §2.1,
// and the underscores that are in use).
var name = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// maxName is the longest name that the DNS has (RFC 1035 §2.3.4).
const maxName = 253

// location is the https address of what a request asks for: the same host, path
// and query.
func location(r *http.Request, port int) (string, bool) {
	host, ok := hostOf(r.Host)
	path := r.URL.EscapedPath()
	if !ok || !strings.HasPrefix(path, "/") {
		return "", false // also of OPTIONS * and CONNECT
	}
	if strings.ContainsFunc(r.URL.RawQuery, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return "", false // no part of a URL (RFC 3986 §3.4), which net/url lets pass in a query
	}
	if port != 443 {
		host = fmt.Sprintf("%s:%d", host, port)
	}
	u := url.URL{Scheme: "https", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	return u.String(), true
}

// hostOf is the host of a Host field, in brackets if it is an IPv6 address, and
// without the port.
func hostOf(field string) (string, bool) {
	host := field
	if before, port, ok := strings.Cut(field, "]"); ok {
		address, err := netip.ParseAddr(strings.TrimPrefix(before, "["))
		return "[" + address.String() + "]", err == nil && address.Is6() && address.Zone() == "" && strings.HasPrefix(field, "[") && isPort(port)
	}
	if i := strings.IndexByte(field, ':'); i >= 0 {
		if !isPort(field[i:]) {
			return "", false
		}
		host = field[:i]
	}
	return host, len(host) <= maxName && name.MatchString(host)
}

// isPort reports whether s is nothing, or a colon and a port.
func isPort(s string) bool {
	digits, ok := strings.CutPrefix(s, ":")
	return s == "" || ok && len(digits) <= 5 && strings.Trim(digits, "0123456789") == ""
}

// limited is a listener that closes what is beyond MaxConns.
type limited struct {
	net.Listener
	server *Server
}

// Accept implements [net.Listener].
func (l limited) Accept() (net.Conn, error) {
	m := l.server.cfg.Metrics
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.server.open.Add(1) <= MaxConns {
			m.RedirectConnections.Add(m.Stripe(), 1)
			return &counted{Conn: c, server: l.server}, nil
		}
		l.server.open.Add(-1)
		m.LimitBreaches.Add(m.Stripe(), metrics.LimitRedirects, 1)
		_ = c.Close() // nothing was sent yet
	}
}

// counted is a connection that has a place.
type counted struct {
	net.Conn
	server *Server
	closed atomic.Bool
}

// Close implements [net.Conn].
func (c *counted) Close() error {
	if !c.closed.Swap(true) {
		c.server.open.Add(-1)
		m := c.server.cfg.Metrics
		m.RedirectConnections.Add(m.Stripe(), -1)
	}
	return c.Conn.Close()
}
