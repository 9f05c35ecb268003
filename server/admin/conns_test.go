package admin

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// crowd is a server in memory whose live page answers when held is closed.
type crowd struct {
	*testing.T
	l    *testkit.Pipes
	m    *metrics.Hotpath
	held chan struct{}
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{t, testkit.NewPipes(), metrics.NewHotpath(metrics.Options{Stripes: 1}), make(chan struct{})}
	s := New(Config{
		Metrics: prometheus.NewRegistry(),
		Ready:   func() error { return nil },
		Live:    http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-c.held }),
		Count:   c.m,
		Log:     slog.New(slog.DiscardHandler),
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(c.l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
		<-served
	})
	return c
}

// ask asks for path on nc; the answer is for the caller to read.
func (c *crowd) ask(nc net.Conn, path string) {
	c.Helper()
	if _, err := io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		c.Fatal(err)
	}
	synctest.Wait()
}

func (c *crowd) wantAnswer(nc net.Conn, path string) {
	c.Helper()
	c.ask(nc, path)
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		c.Fatal(err)
	}
	if _, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusOK {
		c.Errorf("%s, %v", r.Status, err)
	}
	synctest.Wait()
}

func (c *crowd) want(open int64, refused uint64) {
	c.Helper()
	synctest.Wait()
	if o, r := c.m.AdminConnections.Value(), c.m.AdminRefused.Value(); o != open || r != refused {
		c.Errorf("%d open and %d refused, want %d and %d", o, r, open, refused)
	}
}

// isClosed reports whether the server has closed its end.
func isClosed(nc net.Conn) bool {
	_ = nc.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := nc.Read(make([]byte, 1))
	_ = nc.SetReadDeadline(time.Time{})
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// Beyond the limit the connection that has waited longest for a request makes
// place: first those that were silent, then the idle ones.
func TestIdleMakesPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		var all []net.Conn
		for range MaxConns {
			all = append(all, c.l.Dial())
			synctest.Wait()
		}
		c.wantAnswer(all[0], "/readyz") // and is idle, for less long than the others
		c.want(MaxConns, 0)
		c.wantAnswer(c.l.Dial(), "/readyz")
		c.want(MaxConns, 1)
		for i, nc := range all[:4] {
			if closed := isClosed(nc); closed != (i == 1) {
				t.Errorf("connection %d is closed: %v", i, closed)
			}
		}
		for range MaxConns - 2 {
			c.l.Dial()
		}
		c.want(MaxConns, MaxConns-1)
		if isClosed(all[0]) {
			t.Error("an idle connection was closed before all that had said nothing")
		}
		c.l.Dial()
		c.want(MaxConns, MaxConns)
		if !isClosed(all[0]) {
			t.Error("the connection that was idle longest is open")
		}
	})
}

// If all connections are at a request, a new one is closed.
func TestBusyKeepTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		var all []net.Conn
		for range MaxConns {
			nc := c.l.Dial()
			c.ask(nc, "/live")
			all = append(all, nc)
		}
		if !isClosed(c.l.Dial()) {
			t.Error("one more than the limit is open")
		}
		c.want(MaxConns, 1)
		go io.Copy(io.Discard, all[0])
		all[0].Close()
		synctest.Wait()
		c.want(MaxConns, 1) // its handler still runs
		close(c.held)
		for _, nc := range all[1:] {
			nc.Close()
		}
		c.want(0, 1)
		c.wantAnswer(c.l.Dial(), "/readyz")
	})
}
