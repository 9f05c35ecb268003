package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestPattern: load that looks like the world, over two agents, against an origin:
// each form is there, and the report says what was sent.
func TestPattern(t *testing.T) {
	behind := testkit.FreeAddress(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a token of these tests, long enough\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 3)
	start := func(args ...string) {
		go func() {
			code, _, _ := call(t, ctx, "", args...)
			ended <- code
		}()
	}
	start("origin", "-listen", behind, "-rule", "/item/* size=100 vary=accept-language")
	waitFor(t, behind)
	var workers []string
	for range 2 {
		address := testkit.FreeAddress(t)
		workers = append(workers, address)
		start("agent", "-listen", address, "-token-file", token)
		waitFor(t, address)
	}
	url := "http://" + behind
	code, out, stderr := call(t, ctx, "", "-target", url+"/item/{n}", "-http1", "-keys", "30", "-popularity", "zipf:1.1", "-vary", "accept-language: de,en",
		"-ranges", "20%", "-conditional", "40%", "-seed", "3", "-rate", "1000", "-duration", "1s", "-json", "-origin", url,
		"-workers", strings.Join(workers, ","), "-token-file", token, "-results", filepath.Join(t.TempDir(), "results"))
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var got struct {
		Pattern     string
		StatusCodes map[string]int `json:"status_codes"`
		Origin      struct{ Requests int }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if want := "30 keys, zipf:1.1, 2 variants, 20% ranges, 40% conditional"; got.Pattern != want {
		t.Errorf("the pattern %q, want %q", got.Pattern, want)
	}
	s := got.StatusCodes
	if s["206"] < 150 || s["206"] > 250 || s["304"] < 250 || s["304"] > 450 || s["200"]+s["206"]+s["304"] != 1000 || got.Origin.Requests != 1000 {
		t.Errorf("statuses %v, the origin had %d; want about 200 of 206, 370 of 304, 1000 in all", s, got.Origin.Requests)
	}
	cancel()
	for range 3 {
		if code := <-ended; code != exitOK {
			t.Errorf("exit %d", code)
		}
	}
}
