package listen

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// echo answers with what it was sent, or what reading it failed with.
func echo(w http.ResponseWriter, r *http.Request) {
	sent, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	case errors.Is(err, os.ErrDeadlineExceeded):
		http.Error(w, "too slow", http.StatusRequestTimeout)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.TLS == nil || !r.TLS.HandshakeComplete:
		http.Error(w, "TLS unseen", http.StatusInternalServerError)
	default:
		_, _ = w.Write(sent)
	}
}

// bypassed requests of that class, as a function for awaitCount.
func (s *site) bypassed(c metrics.Class) func() uint64 {
	return func() uint64 { return s.m.Requests.Value(metrics.H1, c, metrics.Bypass) }
}

// A connection stays with net/http, keeps its permit there and gives it back
// at its end. What was sent in one piece arrives in order.
func TestHandOver(t *testing.T) {
	s := start(t, echo, func(c *Config) { c.MaxConns = 1 })
	c := s.dialH1()
	c.send("one"+
		"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\ntwo",
		"GET /hit HTTP/1.1", "Host: localhost", "",
		"POST /echo HTTP/1.1", "Host: localhost", "Content-Length: 3")
	c.want(200, body)
	c.want(200, "one")
	if r := c.want(200, "two"); r.Header.Get("Server") != "hotpath" {
		t.Errorf("Server: %q", r.Header.Get("Server"))
	}
	c.send("", "GET /hit HTTP/1.1", "Host: localhost")
	c.want(200, "") // by the handler
	if onHTTP, onLoop := s.m.Connections.Value(metrics.StateNetHTTP), s.m.Connections.Value(metrics.StateH1); onHTTP != 1 || onLoop != 0 {
		t.Errorf("%d connections on net/http and %d on the loop, want 1 and 0", onHTTP, onLoop)
	}
	s.awaitCount("requests past the cache", s.bypassed(metrics.Class2xx), 3)
	wantEnd(s, s.connect())
	s.awaitCount("refusals", s.refused(metrics.RefusePermits), 1)
	c.Close()
	s.awaitCount("connections closed", s.closed(metrics.ClosePeer), 1)
	s.fetch(s.client("http/1.1"))
}

func TestHandOverLimits(t *testing.T) {
	const short = 300 * time.Millisecond
	for _, test := range []struct {
		name    string
		change  func(*Config)
		send    []string
		payload string
		status  int
		body    string
		stays   bool
		breach  bool // of the limit on bodies
	}{
		{"a body at the limit", func(c *Config) { c.BodyBytes = 10 },
			[]string{"POST / HTTP/1.1", "Host: a", "Content-Length: 10"}, "0123456789", 200, "0123456789", true, false},
		{"a body announced too large", func(c *Config) { c.BodyBytes = 10 },
			[]string{"POST / HTTP/1.1", "Host: a", "Content-Length: 11"}, "0123456789a", 413, "Request Entity Too Large", true, true},
		{"a body that grows too large", func(c *Config) { c.BodyBytes = 10 },
			[]string{"POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"}, "b\r\n0123456789a\r\n0\r\n\r\n", 413, "too large", false, true},
		{"a body that stalls", func(c *Config) { c.BodyTimeout = short },
			[]string{"POST / HTTP/1.1", "Host: a", "Content-Length: 10"}, "01234", 408, "too slow", false, false},
		{"a head too large", nil,
			[]string{"POST / HTTP/1.1", "Host: a", "X: " + strings.Repeat("x", 16<<10)}, "", 431, "431 Request Header Fields Too Large", false, false},
		{"two lengths", nil,
			[]string{"POST / HTTP/1.1", "Host: a", "Content-Length: 1", "Content-Length: 2"}, "ab", 400, "400 Bad Request", false, false},
		{"no HTTP", nil, []string{"hello"}, "", 400, "400 Bad Request", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, echo, test.change)
			c := s.dialH1()
			c.send(test.payload, test.send...)
			c.want(test.status, test.body)
			if test.stays {
				c.send("more", "POST / HTTP/1.1", "Host: a", "Content-Length: 4")
				c.want(200, "more")
			} else {
				c.wantEnd()
				s.await("the permit back", func() bool { return s.m.PermitsInUse.Value() == 0 })
			}
			want := uint64(0)
			if test.breach {
				want = 1
			}
			s.awaitCount("breaches", s.breached(metrics.LimitBodySize), want)
		})
	}
}

// net/http ends what is idle or slow as the loop does.
func TestHandOverTimeouts(t *testing.T) {
	const short = 300 * time.Millisecond
	for name, test := range map[string]struct {
		change func(*Config)
		next   string
	}{
		"idle":        {func(c *Config) { c.IdleTimeout = short }, ""},
		"half a head": {func(c *Config) { c.HeadTimeout = short }, "GET / HTTP/1.1\r\nHost:"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, echo, test.change)
			c := s.dialH1()
			c.send("body", "POST / HTTP/1.1", "Host: a", "Content-Length: 4")
			c.want(200, "body")
			if _, err := io.WriteString(c.Conn, test.next); err != nil {
				t.Fatal(err)
			}
			c.wantEnd()
		})
	}
}

func TestHandlerPanics(t *testing.T) {
	for _, test := range []struct {
		name   string
		panics func(w http.ResponseWriter)
		stays  bool // the connection, after a 500
		class  metrics.Class
		panic  uint64 // counted
	}{
		{"before the head", func(http.ResponseWriter) { panic("a test's") }, true, metrics.Class5xx, 1},
		{"with an error", func(http.ResponseWriter) { panic(errors.New("a test's")) }, true, metrics.Class5xx, 1},
		{"in the body", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "part of it")
			panic("a test's")
		}, false, metrics.Class2xx, 1},
		{"to abort", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, false, metrics.Class2xx, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/panic" {
					test.panics(w)
				}
				echo(w, r)
			}, nil)
			other, c := s.dialH1(), s.dialH1()
			c.send("", "POST /panic HTTP/1.1", "Host: a", "Content-Length: 0")
			if test.stays {
				c.want(500, "Internal Server Error")
				c.send("on", "POST / HTTP/1.1", "Host: a", "Content-Length: 2")
				c.want(200, "on")
			} else if r, err := http.ReadResponse(c.r, nil); err == nil {
				if _, err := io.ReadAll(r.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the body ends with %v, want a broken end", err)
				}
			}
			s.awaitCount("panics", s.m.Panics.Value, test.panic)
			if test.class == metrics.Class5xx {
				s.awaitCount("answers of 500", s.bypassed(test.class), 1)
			}
			if log := s.log.String(); test.panic > 0 && (!strings.Contains(log, "/panic") || !strings.Contains(log, "nethttp_test.go")) {
				t.Errorf("no path and stack in the log:\n%s", log)
			}
			other.send("", "GET /hit HTTP/1.1", "Host: a")
			other.want(200, body)
		})
	}
}
