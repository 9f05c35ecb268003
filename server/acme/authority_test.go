package acme

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// scripted is an authority that misbehaves.
func scripted(t *testing.T, answer http.HandlerFunc) Settings {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return Settings{Directory: server.URL + "/dir", CAFile: ca, Storage: t.TempDir(), Challenge: ByTLS}
}

// directory answers as far as to the account, which answer is for.
func directory(w http.ResponseWriter, r *http.Request, account http.HandlerFunc) {
	w.Header().Set("Replay-Nonce", "n")
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/account" {
		account(w, r)
		return
	}
	base := "https://" + r.Host
	fmt.Fprintf(w, `{"newNonce":"%s/nonce","newAccount":"%s/account","newOrder":"%s/order"}`, base, base, base)
}

// TestMisbehave: an authority that refuses, fails, sends nonsense or no end of it is
// a cause that is counted, and nothing is kept of what it has sent.
func TestMisbehave(t *testing.T) {
	problem := func(status int, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			directory(w, r, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"type":"urn:ietf:params:acme:error:%s","detail":"so it is"}`, kind)
			})
		}
	}
	for _, tt := range []struct {
		why    string
		answer http.HandlerFunc
		want   metrics.ACMEOutcome
	}{
		{"limits", problem(429, "rateLimited"), metrics.ACMELimited},
		{"an account that is refused", problem(403, "unauthorized"), metrics.ACMEAccount},
		{"nonsense", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "<html>")
		}, metrics.ACMEOther},
		{"an answer without end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for {
				if _, err := io.WriteString(w, strings.Repeat(" ", 64<<10)); err != nil {
					return
				}
			}
		}, metrics.ACMEUnreachable},
	} {
		i := newInstance(t)
		s := scripted(t, tt.answer)
		i.Configure(s, []string{"a.example"})
		i.eventually(tt.why+" is counted", func() bool { return i.attempts(tt.want) > 0 })
		i.Stop()
		if files, err := filepath.Glob(filepath.Join(s.Storage, "*", "[ac]*", "*")); err != nil || len(files) > 0 {
			t.Errorf("%s: files are left: %q, %v", tt.why, files, err)
		}
		if !strings.Contains(i.log.String(), "name=a.example cause="+tt.want.String()) || !strings.Contains(i.log.String(), "next=") {
			t.Errorf("%s: the log has neither name nor cause nor the next attempt", tt.why)
		}
	}
}

// TestSlow: an authority that does not answer delays neither another configuration
// nor the end.
func TestSlow(t *testing.T) {
	asked := make(chan struct{}, 100)
	s := scripted(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	i := newInstance(t)
	i.Configure(s, []string{"a.example"})
	<-asked
	begin := time.Now()
	i.Configure(s, []string{"a.example", "b.example"})
	i.Stop()
	if took := time.Since(begin); took > requestTimeout/2 {
		t.Errorf("to stop takes %v", took)
	}
	if n := i.attempts(metrics.ACMEUnreachable); n != 0 {
		t.Errorf("%d attempts that were given up count as failures", n)
	}
}
