package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestRemoteWrite: a Prometheus that scrapes nothing has the whole run, with its last
// second, when the command has ended.
func TestRemoteWrite(t *testing.T) {
	testkit.Need(t, "prometheus")
	t.Parallel()
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	prometheus := exec.CommandContext(t.Context(), "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--web.enable-remote-write-receiver", "--log.level=error")
	prometheus.Cancel = func() error { return prometheus.Process.Signal(os.Interrupt) }
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = prometheus.Process.Signal(os.Interrupt)
		_ = prometheus.Wait() // it was ended
	}()
	ready := func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	for end := time.Now().Add(patience); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("Prometheus is not ready")
		}
	}
	target := plain(t, func(http.ResponseWriter, *http.Request) {})
	code, _, stderr := call(t, context.Background(), "", "-target", target, "-rate", "200", "-duration", "1500ms", "-quiet", "-name", "nightly",
		"-remote-write", "http://"+address+"/api/v1/write")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for query, want := range map[string]string{
		`sum(hotpath_loadgen_ends_total{job="loadgen",run="nightly"})`:              "300",
		`hotpath_loadgen_requests_due_total{run="nightly"}`:                         "300",
		`sum(hotpath_loadgen_request_duration_seconds_bucket{le="+Inf"})`:           "300",
		`count(count by (instance) (hotpath_loadgen_requests_total{instance!=""}))`: "1",
	} {
		resp, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Data struct {
				Result []struct{ Value [2]any }
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		if err != nil || len(answer.Data.Result) != 1 || answer.Data.Result[0].Value[1] != want {
			t.Errorf("%s: %+v (%v), want %s", query, answer.Data.Result, err, want)
		}
	}
}

// TestRemoteWriteFails: a receiver that refuses is a notice, and the run is what it is.
func TestRemoteWriteFails(t *testing.T) {
	t.Parallel()
	refusing := plain(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such tenant", http.StatusForbidden) })
	target := plain(t, func(http.ResponseWriter, *http.Request) {})
	code, out, stderr := call(t, context.Background(), "", "-target", target, "-requests", "20", "-quiet",
		"-remote-write", strings.Replace(refusing, "//", "//user:secret@", 1), "-remote-write-header", "X-Scope-OrgID: a")
	if code != exitOK || !strings.Contains(out, "100.00%") || !strings.Contains(stderr, `not taken by `+refusing+`: 403 Forbidden "no such tenant"`) || strings.Contains(stderr, "secret") {
		t.Errorf("exit %d: %s\n%s", code, stderr, out)
	}
}
