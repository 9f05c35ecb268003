package listen

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
)

// logged gives a server an access log, in file.
func logged(t *testing.T, recorder **access.Recorder) (file string, change func(*Config)) {
	file = filepath.Join(t.TempDir(), "access.log")
	return file, func(c *Config) {
		r, err := access.New(access.Config{Mode: access.All, Format: access.JSON, File: file, Metrics: c.Metrics, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		*recorder, c.Access, c.H1.Access, c.H2.Access = r, r, r, r
	}
}

// written ends a log, and returns what is in its file.
func written(t *testing.T, recorder *access.Recorder, file string) string {
	t.Helper()
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAccessLogOfNetHTTP: what the loop gives up is told once, also where
// net/http answers without a handler.
func TestAccessLogOfNetHTTP(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/own": // as net/http would
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusBadRequest)
		case "/unexpected":
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusExpectationFailed)
		case "/panic":
			panic("a test")
		case "/abort":
			_, _ = io.WriteString(w, "part")
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.WriteString(w, "hello")
		}
	}
	for _, tt := range []struct{ name, send, want string }{
		{"a handler", "POST /a HTTP/1.1\r\nHost: test\r\nUser-Agent: me\r\nReferer: you\r\nContent-Length: 0\r\n\r\n", "POST /a HTTP/1.1 200 5 test you me"},
		{"HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", "GET /a HTTP/1.0 200 5   "},
		{"HEAD", "HEAD /a HTTP/1.0\r\n\r\n", "HEAD /a HTTP/1.0 200 0   "},
		{"a panic", "GET /panic HTTP/1.0\r\n\r\n", "GET /panic HTTP/1.0 500 22   "},
		{"an abort", "GET /abort HTTP/1.0\r\n\r\n", "GET /abort HTTP/1.0 200 4    aborted"},
		{"a handler's 400 like net/http's", "GET /own HTTP/1.0\r\n\r\n", "GET /own HTTP/1.0 400 0   "},
		{"a handler's 417", "GET /unexpected HTTP/1.0\r\n\r\n", "GET /unexpected HTTP/1.0 417 0   "},
		{"an expectation", "GET /a HTTP/1.1\r\nHost: test\r\nExpect: x\r\n\r\n", "  HTTP/1.1 417 0   "},
		{"an expectation of HTTP/1.0", "HEAD /a HTTP/1.0\r\nExpect: x\r\n\r\n", "  HTTP/1.1 417 0   "},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", "OPTIONS * HTTP/1.1 200 5 test  "},
		{"another version", "GET / HTTP/3.0\r\nHost: test\r\n\r\n", "  HTTP/1.1 505 60   "},
		{"a body too large", "PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 2000000\r\n\r\n", "PUT /a HTTP/1.1 413 25 test  "},
		{"no head", "what is this\r\n\r\n", "  HTTP/1.1 400 15   "},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", "  HTTP/1.1 400 45   "},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: zip\r\n\r\n", "  HTTP/1.1 501 29   "},
		{"a head too large", "GET / HTTP/1.1\r\nHost: test\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", "  HTTP/1.1 431 35   "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var recorder *access.Recorder
			file, change := logged(t, &recorder)
			s := start(t, handler, change)
			c := s.mustDial("http/1.1")
			if _, err := io.WriteString(c, tt.send); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(c) // an abort may end it anyhow
			s.end()
			text := written(t, recorder, file)
			var got []string
			for line := range strings.Lines(text) {
				var l struct {
					Method, Path, Protocol, Host, Referer string
					Agent                                 string `json:"user_agent"`
					Status, Bytes                         int
					Aborted                               bool
				}
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				told := fmt.Sprintf("%s %s %s %d %d %s %s %s", l.Method, l.Path, l.Protocol, l.Status, l.Bytes, l.Host, l.Referer, l.Agent)
				if l.Aborted {
					told += " aborted"
				}
				got = append(got, told)
				if n := s.m.Requests.Value(metrics.H1, metrics.ClassOf(l.Status), metrics.Bypass); n != 1 {
					t.Errorf("counted %d times", n)
				}
			}
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want %q; the client got %q", got, tt.want, answer)
			}
		})
	}
}

// A connection that broke keeps its permit until its handler has told what came
// of the request: a drain that waits for permits loses no line.
func TestBrokenConnectionIsTold(t *testing.T) {
	broken, release := make(chan struct{}), make(chan struct{})
	handler := func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 64<<10)
		for {
			if _, err := w.Write(part); err != nil {
				break
			}
		}
		close(broken)
		<-release
	}
	var recorder *access.Recorder
	file, change := logged(t, &recorder)
	s := start(t, handler, change)
	c := s.mustDial("http/1.1")
	if _, err := io.WriteString(c, "GET /endless HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	<-broken
	if n := s.m.PermitsInUse.Value(); n != 1 {
		t.Errorf("%d permits are in use while the handler runs, want 1", n)
	}
	close(release)
	s.end()
	text := written(t, recorder, file)
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, `"aborted":true`) {
		t.Errorf("the log has %q", text)
	}
}
