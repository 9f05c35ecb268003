package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestReplay: a log in three formats is sent again, twice as fast, and what is not
// sent is said.
func TestReplay(t *testing.T) {
	var mu sync.Mutex
	var paths []string
	var first, last time.Time
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.Method+" "+r.RequestURI+" "+r.Header.Get("X-A"))
		if last = time.Now(); first.IsZero() {
			first = last
		}
	}))
	defer s.Close()
	name := filepath.Join(t.TempDir(), "access.log")
	text := `192.0.2.2 - - [04/Mar/2026:05:06:08 +0000] "GET /third?a=b HTTP/1.1" 200 5 "-" "curl"
192.0.2.1 - - [04/Mar/2026:05:06:07 +0000] "GET /first HTTP/1.1" 200 5
{"time":"2026-03-04T05:06:07.500Z","remote":"192.0.2.3","method":"HEAD","path":"/second","status":200}
192.0.2.1 - - [04/Mar/2026:05:06:07 +0000] "POST /never HTTP/1.1" 200 5
nothing that could be read
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := call(t, t.Context(), "", "-target", s.URL, "-http1", "-replay", name, "-speed", "2", "-header", "X-A: 1", "-json", "-quiet")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if want := "[GET /first 1 HEAD /second 1 GET /third?a=b 1]"; fmt.Sprint(paths) != want {
		t.Errorf("%v, want %s", paths, want)
	}
	if took := last.Sub(first); took < 450*time.Millisecond || took > 2*time.Second {
		t.Errorf("a second at twice the speed took %v", took)
	}
	var got struct {
		Pace     string
		Duration time.Duration
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if want := "replay, 2 times as fast, 3 requests of 3 clients, 2 lines left out"; got.Pace != want || got.Duration != time.Second {
		t.Errorf("%q in %v, want %q in 1s", got.Pace, got.Duration, want)
	}
	for _, want := range []string{"1 of 5 lines of the log could not be read and are left out; line 5: it is neither Common", "1 of 5 lines of the log have methods"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %q", want, stderr)
		}
	}
	code, out, stderr = call(t, t.Context(), text, "-target", s.URL+"/", "-http1", "-replay", "-", "-speed", "10")
	if code != exitOK || !strings.Contains(out, "Requests      [total, rate, throughput]         3, ") {
		t.Errorf("of the standard input: exit %d: %s\n%s", code, stderr, out)
	}
}
