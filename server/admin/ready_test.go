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
				err := Ready(t.Context(), address)
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
	if err := Ready(ctx, l.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer: %v, want the deadline", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Ready(t.Context(), l.Addr().String()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nothing listens: %v", err)
	}
}
