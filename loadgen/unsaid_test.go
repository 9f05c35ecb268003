package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// failing is a server that answers with the status but for each n-th request.
func failing(t *testing.T, status int, n int64) (url string) {
	var count atomic.Int64
	return plain(t, func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1)%n != 0 {
			w.WriteHeader(status)
		}
	})
}

// TestUnaskedFailures: no verdict is green while requests fail, unless an objective
// says that they may.
func TestUnaskedFailures(t *testing.T) {
	t.Parallel()
	const unsaid = "requests failed, and no objective is about that: add errors<="
	for _, tt := range []struct {
		why    string
		status int
		every  int64 // of which one succeeds
		args   []string
		code   int
		mark   string
		junit  string
		said   bool
	}{
		{"fast answers that are 503 meet no latency", 503, 40, []string{"-rate", "200", "-duration", "1s", "-slo", "p99<=20s,service-p99<=20s"},
			exitFailure, "### ❌", `failures="2"`, true},
		{"nor do they if half are 404", 404, 2, []string{"-rate", "200", "-duration", "1s", "-slo", "p99<=20s"}, exitFailure, "### ❌", `failures="1"`, true},
		{"an objective for errors is the user's word", 404, 2, []string{"-rate", "200", "-duration", "1s", "-slo", "p99<=20s,success>=40%"}, exitOK, "### ✅", `failures="0"`, false},
		{"without objectives nothing was judged", 503, 40, []string{"-rate", "200", "-duration", "1s"}, exitOK, "### ➖", `skipped="1"`, true},
		{"no rate holds", 404, 2, []string{"capacity", "-min", "100", "-max", "100", "-probe", "300ms", "-slo", "p99<=20s"}, exitFailure, "### ❌", `failures="1"`, true},
		{"a rate that held with errors is said with them", 404, 2, []string{"capacity", "-min", "100", "-max", "100", "-probe", "2s", "-slo", "success>=40%"},
			exitOK, "### ✅", `failures="0"`, false},
	} {
		dir := t.TempDir()
		junit, summary := filepath.Join(dir, "junit.xml"), filepath.Join(dir, "summary.md")
		args := append(tt.args, "-target", failing(t, tt.status, tt.every), "-http1", "-quiet", "-junit", junit, "-github-summary="+summary)
		code, out, stderr := call(t, t.Context(), "", args...)
		xml, _ := os.ReadFile(junit)
		markdown, _ := os.ReadFile(summary)
		if code != tt.code || !strings.HasPrefix(string(markdown), tt.mark) || !strings.Contains(string(xml), tt.junit) {
			t.Errorf("%s: exit %d\n%s\n%s\n%s%s", tt.why, code, markdown, xml, out, stderr)
		}
		if got := strings.Contains(string(xml), strings.NewReplacer("<", "&lt;").Replace(unsaid)); got != tt.said {
			t.Errorf("%s: it is said: %v\n%s", tt.why, got, xml)
		}
		if tt.args[0] == "capacity" && !strings.Contains(out, " requests failed") {
			t.Errorf("%s: no word of what failed in\n%s", tt.why, out)
		}
	}
}
