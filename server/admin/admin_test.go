package admin

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// newServer serves one counter and a line for the live page, and is as ready as
// notReady says.
func newServer(t *testing.T, notReady error) (*Server, *bytes.Buffer) {
	t.Helper()
	reg := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "hotpath_test_total", Help: "A counter."})
	counter.Add(3)
	reg.MustRegister(counter)
	return newServerOf(reg, notReady, "")
}

func newServerOf(reg prometheus.Gatherer, notReady error, token string, change ...func(*Config)) (*Server, *bytes.Buffer) {
	var log bytes.Buffer
	cfg := Config{
		Metrics:  reg,
		Ready:    func() error { return notReady },
		Live:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, "live "+r.URL.Path) }),
		Settings: func() []byte { return []byte("[\"a setting\"]\n") },
		Reload:   func() ([]string, error) { return []string{"reloaded"}, notReady },
		Token:    token,
		Log:      slog.New(slog.NewTextHandler(&log, nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	return New(cfg), &log
}

func get(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	tests := []struct {
		method, path string
		notReady     error
		status       int
		kind         string // beginning of Content-Type
		body         string // part of the body
	}{
		{"GET", "/", nil, 200, "text/plain", "live /\n"},
		{"GET", "/live", nil, 200, "text/plain", "live /live\n"},
		{"GET", "/live/", nil, 404, "text/plain", ""},
		{"GET", "/index.html", nil, 404, "text/plain", ""},
		{"GET", "/metrics", nil, 200, "text/plain", "\nhotpath_test_total 3"},
		{"GET", "/healthz", nil, 200, "text/plain", "ok"},
		{"GET", "/healthz", errors.New("draining"), 200, "text/plain", "ok"},
		{"GET", "/readyz", nil, 200, "text/plain", "ready"},
		{"GET", "/readyz", errors.New("draining"), 503, "text/plain", "draining\n"},
		{"GET", "/debug/pprof/", nil, 200, "text/html", "goroutine"},
		{"GET", "/debug/pprof/goroutine?debug=1", nil, 200, "text/plain", "goroutine profile:"},
		{"GET", "/debug/pprof/cmdline", nil, 200, "text/plain", "test"},
		{"GET", "/debug/pprof/symbol", nil, 200, "text/plain", "num_symbols"},
		{"GET", "/debug/pprof/trace?seconds=0.001", nil, 200, "application/octet-stream", ""},
		{"GET", "/debug/pprof/nothing", nil, 404, "text/plain", ""},
		{"GET", "/config", nil, 200, "application/json", `["a setting"]`},
		{"POST", "/config", nil, 405, "text/plain", "GET and HEAD"},
		{"POST", "/reload", nil, 200, "text/plain", "reloaded\n"},
		{"POST", "/reload", errors.New("draining"), 409, "text/plain", "draining\n"},
		{"GET", "/reload", nil, 405, "text/plain", "POST"},
		{"OPTIONS", "/reload", nil, 405, "text/plain", "POST"},
		{"POST", "/reload/", nil, 405, "text/plain", ""},
		{"GET", "/nothing", nil, 404, "text/plain", ""},
		{"GET", "/metrics/", nil, 404, "text/plain", ""},
		{"GET", "/healthz/x", nil, 404, "text/plain", ""},
		{"HEAD", "/healthz", nil, 200, "text/plain", ""},
		{"POST", "/", nil, 405, "text/plain", "GET and HEAD"},
		{"POST", "/debug/pprof/symbol", nil, 405, "text/plain", ""},
		{"DELETE", "/metrics", nil, 405, "text/plain", ""},
		{"OPTIONS", "/nothing", nil, 405, "text/plain", ""},
		{"OPTIONS", "/metrics", nil, 405, "text/plain", ""},
		{"OPTIONS", "/readyz", nil, 200, "text/plain", "ready"}, // HAProxy's option httpchk
		{"OPTIONS", "/readyz", errors.New("draining"), 503, "text/plain", "draining\n"},
		{"OPTIONS", "/healthz", nil, 200, "text/plain", "ok"},
	}
	for _, tt := range tests {
		t.Run(tt.method+tt.path, func(t *testing.T) {
			s, _ := newServer(t, tt.notReady)
			r := get(s, tt.method, tt.path)
			if r.StatusCode != tt.status {
				t.Errorf("status %d, want %d", r.StatusCode, tt.status)
			}
			if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, tt.kind) {
				t.Errorf("content type %q, want %s", kind, tt.kind)
			}
			if r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("cache-control %q, want no-store", r.Header.Get("Cache-Control"))
			}
			allow := "GET, HEAD"
			if tt.path == "/reload" {
				allow = "POST"
			}
			if tt.status == 405 && r.Header.Get("Allow") != allow {
				t.Errorf("allow %q, want %q", r.Header.Get("Allow"), allow)
			}
			if text := body(t, r); !strings.Contains(text, tt.body) {
				t.Errorf("%q does not contain %q", text, tt.body)
			}
		})
	}
}

// TestProfile asks for CPU samples and has hung up when they begin, which ends
// the profile at once but leaves it whole.
func TestProfile(t *testing.T) {
	s, _ := newServer(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/debug/pprof/profile", nil).WithContext(ctx))
	if profile := w.Body.String(); w.Code != 200 || !strings.HasPrefix(profile, "\x1f\x8b") {
		t.Errorf("status %d, %d bytes that are no profile", w.Code, len(profile))
	}
}

func TestOpenMetrics(t *testing.T) {
	s, _ := newServer(t, nil)
	r := get(s, "GET", "/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text") {
		t.Errorf("content type %q", kind)
	}
	if text := body(t, r); !strings.HasSuffix(text, "# EOF\n") {
		t.Errorf("not OpenMetrics: %q", text)
	}
}

// broken is a collector with a metric that cannot be collected.
type broken struct{}

func (broken) Describe(chan<- *prometheus.Desc) {}
func (broken) Collect(c chan<- prometheus.Metric) {
	c <- prometheus.NewInvalidMetric(prometheus.NewDesc("hotpath_broken", "Broken.", nil, nil), errors.New("no value"))
}

func TestBrokenCollectorLeavesTheRest(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(broken{}, prometheus.NewGauge(prometheus.GaugeOpts{Name: "hotpath_whole"}))
	s, log := newServerOf(reg, nil, "")
	r := get(s, "GET", "/metrics")
	if text := body(t, r); r.StatusCode != 200 || !strings.Contains(text, "hotpath_whole 0") {
		t.Errorf("status %d, %q; want the whole gauge", r.StatusCode, text)
	}
	if !strings.Contains(log.String(), "no value") {
		t.Errorf("the broken collector is not logged: %q", log.String())
	}
}

// TestToken: with a token, all but what balancers ask for needs it.
func TestToken(t *testing.T) {
	const token = "0123456789abcdef"
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	s, _ := newServerOf(prometheus.NewRegistry(), nil, token)
	for _, tt := range []struct {
		name, authorization string
		ok                  bool
	}{
		{"none", "", false},
		{"bearer", "Bearer " + token, true},
		{"bearer in small letters", "bearer " + token, true},
		{"password", basic("anybody", token), true},
		{"password without a user", basic("", token), true},
		{"as user", basic(token, ""), false},
		{"wrong bearer", "Bearer " + token + "0", false},
		{"wrong password", basic("anybody", token[1:]), false},
		{"empty bearer", "Bearer ", false},
		{"bare", token, false},
		{"another scheme", "Digest " + token, false},
		{"no base64", "Basic " + token + "!", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.authorization != "" {
				header = []string{"Authorization", tt.authorization}
			}
			for _, path := range []string{"/", "/live", "/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/nothing"} {
				r := get(s, "GET", path, header...)
				if refused := r.StatusCode == http.StatusUnauthorized; refused == tt.ok {
					t.Errorf("%s: %s", path, r.Status)
				} else if refused && (r.Header.Get("WWW-Authenticate") == "" || strings.Contains(body(t, r), token)) {
					t.Errorf("%s: the refusal does not ask for a token, or has it in it", path)
				}
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				if r := get(s, "GET", path, header...); r.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", path, r.Status)
				}
			}
		})
	}
}

// TestSlowClientIsCut sends half a request head and waits, on fake time.
func TestSlowClientIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		l := testkit.NewPipes()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()

		client := l.Dial()
		start := time.Now()
		if _, err := io.WriteString(client, "GET /healthz HTTP/1.1\r\nHost:"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(client); err != nil {
			t.Errorf("reading until the cut: %v", err)
		}
		if waited := time.Since(start); waited != headTimeout {
			t.Errorf("cut after %v, want %v", waited, headTimeout)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v, want nil after Shutdown", err)
		}
	})
}

// TestShutdownCutsWhatIsLeft has an answer that is not read.
func TestShutdownCutsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		l := testkit.NewPipes()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		client := l.Dial()
		if _, err := io.WriteString(client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // until the answer is being written
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v, want the deadline", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v, want nil after Shutdown", err)
		}
	})
}

// TestShutdownWaitsForNoSilence has connections that ask for nothing: one from
// before, and one that comes in when it is too late.
func TestShutdownWaitsForNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		l := testkit.NewPipes()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		early := l.Dial()
		synctest.Wait()
		s.conns.closeSilent()
		late := l.Dial()
		for _, c := range []net.Conn{early, late} {
			if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("read %d bytes, %v", n, err)
			}
		}
		start := time.Now()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(start); took > 100*time.Millisecond { // it polls
			t.Errorf("Shutdown took %v", took)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v, want nil after Shutdown", err)
		}
	})
}

func TestWarnsWhereOthersReachIt(t *testing.T) {
	for _, tt := range []struct {
		address, token string
		warns          bool
	}{{"127.0.0.1:0", "", false}, {"0.0.0.0:0", "", true}, {"0.0.0.0:0", "0123456789abcdef", false}} {
		s, log := newServerOf(prometheus.NewRegistry(), nil, tt.token)
		l, err := net.Listen("tcp", tt.address)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		r, err := http.Get("http://127.0.0.1:" + port + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		if text := body(t, r); text != "ok\n" {
			t.Errorf("/healthz: %q", text)
		}
		if err := r.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if got := strings.Contains(log.String(), "no token"); got != tt.warns {
			t.Errorf("%s: warned: %v, want %v", tt.address, got, tt.warns)
		}
	}
}

func TestServeFailureIsReported(t *testing.T) {
	s, _ := newServer(t, nil)
	l := testkit.NewPipes()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	broken := struct{ net.Listener }{noClose{l}}
	if err := s.Serve(broken); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

// noClose lets a listener that is closed already be closed again.
type noClose struct{ net.Listener }

func (noClose) Close() error { return nil }

// TestDocumentedPaths: the table of docs/operations.md has what is served, and POST
// if that is the method that a path takes.
func TestDocumentedPaths(t *testing.T) {
	testkit.NeedTree(t)
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## The admin listener\n")
	section, _, _ = strings.Cut(section, "\n#")
	documented := make(map[string]bool) // whether with POST
	for _, row := range regexp.MustCompile("(?m)^\\| `(/[^`]*)` \\| (POST)?").FindAllStringSubmatch(section, -1) {
		documented[row[1]] = row[2] != ""
	}
	h, _ := newServerOf(prometheus.NewRegistry(), nil, "", withCache(new(scribe)))
	served := make(map[string]bool)
	for _, pattern := range h.patterns {
		method, path, changes := strings.Cut(pattern, " ")
		if !changes {
			path = method
		}
		path = strings.TrimSuffix(path, "{$}")
		if strings.HasPrefix(path, "/debug/pprof/") {
			path = "/debug/pprof/" // which has links to the rest
		}
		served[path] = true
		if post, ok := documented[path]; !ok || post != changes {
			t.Errorf("docs/operations.md has %s: %t, with POST: %t", pattern, ok, post)
		}
		if got := get(h, "GET", path).StatusCode == http.StatusMethodNotAllowed; path != "/live" && got != changes {
			t.Errorf("GET of %s is refused: %t", path, got)
		}
		if changes && !strings.Contains(strings.Split(section, "| path |")[0], "`"+path+"`") {
			t.Errorf("docs/operations.md does not say before the table that %s is asked for with POST", path)
		}
	}
	for path := range documented {
		if !served[path] {
			t.Errorf("docs/operations.md has %s, which is not served", path)
		}
	}
}
