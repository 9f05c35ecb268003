package listen

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
)

// httpServer is net/http, for the connections that the HTTP/1.1 loop gives up.
// They stay with it to their end.
type httpServer struct {
	server *Server
	http   http.Server
	queue  queueListener
}

func newHTTPServer(s *Server) *httpServer {
	h := &httpServer{server: s, queue: queueListener{conns: make(chan net.Conn), done: make(chan struct{})}}
	h.http = http.Server{
		Handler:           http.HandlerFunc(h.serve),
		ReadHeaderTimeout: s.cfg.HeadTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    s.cfg.HeaderBytes,
		// OPTIONS * is the handler's too: net/http's own answer would be seen by
		// neither the metrics nor the access log.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		ConnState: func(nc net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				nc.(*handedConn).release()
			}
		},
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, nc)
		},
	}
	return h
}

func (h *httpServer) start() {
	go func() {
		_ = h.http.Serve(&h.queue) // until shutdown closes the queue
	}()
}

// take gives a connection to net/http.
func (h *httpServer) take(c *conn, nc net.Conn) {
	handed := &handedConn{Conn: nc, conn: c, server: h.server}
	handed.tap = h.server.cfg.Access.Tap(access.HTTP11, c.wire.RemoteAddr(), c.stripe)
	select {
	case h.queue.conns <- handed:
	case <-h.queue.done:
		_ = handed.Close()
		handed.release()
	}
}

// idleCheck is how often a drain looks for connections that have become idle:
// one that does so just as it begins is not closed by its last answer.
const idleCheck = 50 * time.Millisecond

// shutdown lets every connection finish the request that it is at. It is not
// http.Server.Shutdown, which would take no more connections: the loop may yet
// give up one whose request was in flight when the drain began.
func (h *httpServer) shutdown(ctx context.Context) {
	tick := time.NewTicker(idleCheck)
	defer tick.Stop()
	for {
		h.http.SetKeepAlivesEnabled(false) // also closes those that are idle
		select {
		case <-tick.C:
			continue
		case <-h.server.empty:
		case <-ctx.Done():
		}
		_ = h.queue.Close() // ends Serve; connections are Server's to cut off
		return
	}
}

// handedConn is a connection that is net/http's. It keeps its permit until
// net/http's goroutine is done with it: one that broke is closed while its
// handler still runs, and has yet to tell of it.
type handedConn struct {
	net.Conn
	conn   *conn
	server *Server
	tap    access.Tap // of the goroutine that serves it
}

// release gives the permit back.
func (c *handedConn) release() { c.server.close(c.conn, metrics.ClosePeer) }

func (c *handedConn) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

type connKey struct{}

// queueListener is the listener of a server that is given its connections.
type queueListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *queueListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *queueListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *queueListener) Addr() net.Addr { return &net.TCPAddr{} }

// serve is what net/http calls: limits, counts and panics as on the engines.
func (h *httpServer) serve(w http.ResponseWriter, r *http.Request) {
	s := h.server
	hc := r.Context().Value(connKey{}).(*handedConn)
	if t := hc.conn.wire.TLS(); t != nil {
		state := t.ConnectionState()
		r.TLS = &state
	}
	began := time.Now()
	counted := &countedWriter{ResponseWriter: w, result: metrics.Bypass}
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler {
			s.cfg.Metrics.Panics.Add(hc.conn.stripe, 1)
			s.cfg.Log.Error("panic in a handler", "peer", r.RemoteAddr, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			if counted.status == 0 {
				http.Error(counted, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				p = nil
			}
		}
		status := counted.status
		switch {
		case status == 0 && p != nil:
			status = http.StatusInternalServerError // aborted before any answer
		case status == 0:
			status = http.StatusOK // net/http's, for a handler that wrote nothing
		}
		s.cfg.Metrics.Requests.Add(hc.conn.stripe, metrics.H1, metrics.ClassOf(status), counted.result, 1)
		took := time.Since(began)
		s.cfg.Metrics.RequestDuration.ObserveN(hc.conn.stripe, counted.result, took, 1)
		hc.tell(r, access.Answer{Began: began, Duration: took, Status: status, Bytes: counted.bytes, Result: counted.result, Aborted: p != nil || counted.broken})
		if p != nil {
			panic(http.ErrAbortHandler) // net/http closes the connection
		}
	}()
	tooLarge := func() { s.cfg.Metrics.LimitBreaches.Add(hc.conn.stripe, metrics.LimitBodySize, 1) }
	if r.ContentLength > s.cfg.BodyBytes {
		tooLarge()
		http.Error(counted, http.StatusText(http.StatusRequestEntityTooLarge), http.StatusRequestEntityTooLarge)
		return
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &steadyBody{
			ReadCloser: http.MaxBytesReader(w, r.Body, s.cfg.BodyBytes),
			control:    http.NewResponseController(w),
			timeout:    s.cfg.BodyTimeout,
			tooLarge:   sync.OnceFunc(tooLarge),
		}
	}
	s.cfg.Handler.ServeHTTP(counted, r)
}

// countedWriter learns how a request was answered.
type countedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
	broken bool // the connection took no more of them
	result metrics.CacheResult
}

func (w *countedWriter) SetCacheResult(r metrics.CacheResult) { w.result = r }

func (w *countedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		if w.Header().Get("Server") == "" {
			w.Header().Set("Server", "hotpath")
		}
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) && !errors.Is(err, http.ErrContentLength) {
		w.broken = true
	}
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// steadyBody wants some of a request's body within each timeout.
type steadyBody struct {
	io.ReadCloser
	control  *http.ResponseController
	timeout  time.Duration
	tooLarge func() // called when it is larger than allowed
}

func (b *steadyBody) Read(p []byte) (int, error) {
	if err := b.control.SetReadDeadline(time.Now().Add(b.timeout)); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if e := (*http.MaxBytesError)(nil); errors.As(err, &e) {
		b.tooLarge()
	}
	return n, err
}
