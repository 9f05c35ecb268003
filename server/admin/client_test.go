package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReady(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not matter
	ready, _ := newServer(t, nil)
	draining, _ := newServer(t, errors.New("draining"))
	for _, tt := range []struct {
		name    string
		handler http.Handler
		says    []string // none: ready
	}{
		{"ready", ready, nil},
		{"draining", draining, []string{"503", `"draining"`}},
		{"another server", http.NotFoundHandler(), []string{"404"}},
		{"much to say", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		}), []string{"418", `"` + strings.Repeat("x", maxReason) + `"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			address := server.Listener.Addr().String()
			_, port, _ := net.SplitHostPort(address)
			for _, address := range []string{address, ":" + port, "0.0.0.0:" + port} {
				err := Client{Address: address}.Ready(t.Context())
				if len(tt.says) == 0 {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				if err == nil || strings.Contains(err.Error(), "\n") {
					t.Fatalf("%s: %v, want an error of one line", address, err)
				}
				for _, part := range append(tt.says, address) {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q does not say %q", err, part)
					}
				}
			}
		})
	}
}

// TestReadyUnanswered: a server that is not there, or does not answer, is not ready.
func TestReadyUnanswered(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // connections wait to be accepted
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := (Client{Address: l.Addr().String()}).Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer: %v, want the deadline", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (Client{Address: l.Addr().String()}).Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nothing listens: %v", err)
	}
}

// TestClient: what a server answers to a reload and for its settings, with and
// without its token.
func TestClient(t *testing.T) {
	const token = "0123456789abcdef"
	fails := errors.New("hotpath.yaml:1: max-body: is wrong\nhotpath.yaml:2: root: is none")
	for _, tt := range []struct {
		name, token string
		err         error
		answer      string
		says        []string // of the error; none: there is none
	}{
		{"it reloads", token, nil, "one\ntwo\n", nil},
		{"it does not", token, fails, "", []string{fails.Error()}},
		{"without the token", "", nil, "", []string{"401", "the token is missing"}},
	} {
		admin, _ := newServerOf(nil, nil, token, func(c *Config) {
			c.Reload = func() ([]string, error) { return []string{"one", "two"}, tt.err }
		})
		server := httptest.NewServer(admin)
		c := Client{server.Listener.Addr().String(), tt.token}
		answer, err := c.Reload(t.Context())
		if answer != tt.answer && len(tt.says) == 0 {
			t.Errorf("%s: %q, want %q", tt.name, answer, tt.answer)
		}
		wantError(t, tt.name, err, tt.says)
		var all []string
		err = c.Settings(t.Context(), &all)
		if tt.token == "" {
			wantError(t, "settings "+tt.name, err, tt.says)
		} else if err != nil || len(all) != 1 || all[0] != "a setting" {
			t.Errorf("%s: the settings are %q, %v", tt.name, all, err)
		}
		server.Close()
		if _, err := c.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("a server that has gone: %v", err)
		}
	}
}

func wantError(t *testing.T, what string, err error, says []string) {
	t.Helper()
	if (err == nil) != (len(says) == 0) {
		t.Errorf("%s: %v, want %q", what, err, says)
		return
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %q does not say %q", what, err, part)
		}
	}
}
