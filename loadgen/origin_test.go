package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/loadgen/origin"
)

// TestOriginHelp: all flags and all settings of rules are in the help, and in the
// document.
func TestOriginHelp(t *testing.T) {
	_, out, _ := call(t, t.Context(), "", "origin", "-h")
	document, err := os.ReadFile("../docs/loadgen.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"listen", "rules", "rule", "seed", "cert", "key", "connections"} {
		if !strings.Contains(out, "\n  -"+name+" ") {
			t.Errorf("the help does not have -%s", name)
		}
	}
	for _, line := range origin.Usage() {
		if !strings.Contains(out, "\n  "+line[0]+" ") {
			t.Errorf("the help does not have %s", line[0])
		}
		if !strings.Contains(string(document), "`"+line[0]+"`") {
			t.Errorf("docs/loadgen.md does not have %s", line[0])
		}
	}
}

// TestOriginIsWitness: an edge that asks its origin for every fourth request is
// seen through by the origin's count, warm-up and what was before left out.
func TestOriginIsWitness(t *testing.T) {
	address := testkit.FreeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	type ended struct {
		code int
		out  string
	}
	done := make(chan ended, 1)
	go func() {
		code, out, _ := call(t, ctx, "", "origin", "-listen", address, "-rule", "/* size=100")
		done <- ended{code, out}
	}()
	waitFor(t, address)
	behind, err := url.Parse("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // of which the report has nothing
		resp, err := http.Get(behind.String() + "/before")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	var asked atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 100}
	defer proxy.Transport.(*http.Transport).CloseIdleConnections()
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%4 == 0 {
			proxy.ServeHTTP(w, r)
			return
		}
		fmt.Fprint(w, "a hit, it says")
	}))
	defer edge.Close()
	page := filepath.Join(t.TempDir(), "page")
	args := []string{"-target", edge.URL, "-http1", "-rate", "400", "-duration", "1s", "-warmup", "500ms", "-origin", behind.String(), "-html", page}
	code, out, stderr := call(t, ctx, "", append(args, "-json")...)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var got struct {
		Origin struct {
			Requests, Broken uint64
			HitRatio         float64 `json:"hit_ratio"`
			Statuses         map[string]uint64
			BytesOut         uint64 `json:"bytes_out"`
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	// 100 of the second, and some around its begin; with the warm-up it would be 150.
	if o := got.Origin; o.Requests < 90 || o.Requests > 130 || math.Abs(o.HitRatio-(1-float64(o.Requests)/400)) > 1e-9 || o.Statuses["200"] < 90 || o.BytesOut < 9000 {
		t.Errorf("%+v, want about 100 requests of 400", o)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "The origin") {
		t.Errorf("the page: %v, nothing of the origin", err)
	}
	code, out, stderr = call(t, ctx, "", "-target", edge.URL, "-http1", "-requests", "40", "-connections", "1", "-origin", behind.String()+"/")
	if code != exitOK || !strings.Contains(out, "Origin        [requests, hit ratio, bytes]      10, 75.00%, 1000\nOrigin Codes  [code:count]                      200:10\n") {
		t.Errorf("exit %d: %s\n%s", code, stderr, out)
	}
	cancel()
	select {
	case e := <-done:
		var n origin.Count
		if err := json.Unmarshal([]byte(e.out), &n); err != nil || e.code != exitOK || n.Requests != n.Whole || n.Requests < 160 {
			t.Errorf("the origin ended with %d and %q: %v", e.code, e.out, err)
		}
	case <-time.After(patience):
		t.Error("the origin does not end")
	}
}

// TestOriginIsLost: a run whose origin has gone meanwhile is reported all the
// same, and the exit code says that something is missing.
func TestOriginIsLost(t *testing.T) {
	target, cacert, _ := server(t)
	var asked atomic.Int64
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			http.Error(w, "gone", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"requests":5,"rules":[]}`)
	}))
	defer behind.Close()
	code, out, stderr := call(t, t.Context(), "", "-target", target, "-cacert", cacert, "-requests", "10", "-origin", behind.URL, "-quiet")
	if code != exitFailure || !strings.Contains(out, "Requests ") || !strings.Contains(stderr, "without the origin's count") {
		t.Errorf("exit %d, %q\n%s", code, stderr, out)
	}
}
