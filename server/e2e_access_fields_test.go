package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/requestid"
)

// accessLine is what a line has of an exchange beside the usual members; what a line
// has not is nil.
type accessLine struct {
	Path       string
	Cache      string
	ID         *string `json:"request_id"`
	Site       *string
	SNI        *string
	In         *int64 `json:"bytes_in"`
	Age        *int64 `json:"cache_age"`
	Upstream   *string
	Head       *int64 `json:"upstream_time_us"`
	Total      *int64 `json:"upstream_total_us"`
	DurationUs int64  `json:"duration_us"`
}

// TestAccessLogOfUpstreams: on both protocols a line has what happened between the
// client, the site and its upstream, and the request's ID, which the upstream has
// too: a trusted proxy's if it is well-formed, else a new one.
func TestAccessLogOfUpstreams(t *testing.T) {
	const slow = 30 * time.Millisecond
	asked := make(chan []string, 1)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- slices.Concat(r.Header["X-Request-Id"], r.Header["X_request_id"])
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(r.URL.Path, "/stored") {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		if strings.HasPrefix(r.URL.Path, "/fail") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte("he"))
		w.(http.Flusher).Flush()
		if strings.HasPrefix(r.URL.Path, "/slow") {
			time.Sleep(slow)
		}
		_, _ = w.Write([]byte("llo"))
	}))
	defer up.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()

	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	config := filepath.Join(dir, "hotpath.yaml")
	text := fmt.Sprintf(`access-log: all
access-log-format: json
access-log-file: %s
access-log-fields: [path, cache, duration_us, request_id, site, sni, bytes_in, cache_age, upstream, upstream_time_us, upstream_total_us]
sites:
- {hosts: [trusting.example], upstream: %s, trusted-proxies: [127.0.0.1], cache-key: {drop: [case]}}
- {hosts: [doubting.example], upstream: %[2]s}
- {hosts: [silent.example], upstream: %[2]s, request-id: false}
- {hosts: [down.example], upstream: %s}
- {hosts: [files.example], root: %s}
- {hosts: [paged.example], upstream: %[2]s, errors: {pages: {503: %[5]s}, upstream: true}}
`, log, up.URL, closed.URL, dir, config)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-config", config)

	const uuid = "0af76519-16cd-43dd-8448-eb211c80319c"
	const given, made, none = "given", "made", "none"
	cases := []struct {
		why, host, path string
		body            string
		fields          []string
		upstreamID      string // that the upstream sees: given, made, none; "": it is not asked
		lineID          string // given or made
		upstream        string // in the line; "": none
		aged            bool   // the answer has an age
		slow            bool
	}{
		{"a trusted proxy's ID is the request's", "trusting.example", "/a", "", []string{"X-Request-Id", uuid}, given, given, up.URL, false, false},
		{"one that is not well-formed is replaced", "trusting.example", "/b", "", []string{"X-Request-Id", "a b"}, made, made, up.URL, false, false},
		{"one that is too long is replaced", "trusting.example", "/c", "", []string{"X-Request-Id", strings.Repeat("a", requestid.Most+1)}, made, made, up.URL, false, false},
		{"a proxy that gives none has one made", "trusting.example", "/d", "", nil, made, made, up.URL, false, false},
		{"a stranger's is replaced", "doubting.example", "/e", "", []string{"X-Request-Id", uuid}, made, made, up.URL, false, false},
		{"and one that a CGI server would read as it is removed", "doubting.example", "/f", "", []string{"X_request_id", uuid}, made, made, up.URL, false, false},
		{"and its Connection does not remove ours", "doubting.example", "/g", "", []string{"Connection", "x-request-id"}, made, made, up.URL, false, false},
		{"a site without IDs passes on what it is given", "silent.example", "/h", "", []string{"X-Request-Id", uuid}, given, made, up.URL, false, false},
		{"or nothing", "silent.example", "/i", "", nil, none, made, up.URL, false, false},
		{"what is to be stored has an ID all the same", "trusting.example", "/stored", "", []string{"X-Request-Id", uuid}, given, given, up.URL, false, false},
		{"which is in no key: another ID is a hit", "trusting.example", "/stored", "", []string{"X-Request-Id", "other"}, "", "other", "", true, false},
		{"a hit without an ID gets one in the log", "trusting.example", "/stored", "", nil, "", made, "", true, false},
		{"a repeat has the proxy's again", "trusting.example", "/stored", "", []string{"X-Request-Id", uuid}, "", given, "", true, false},
		{"content is counted", "doubting.example", "/j", "hello, world", nil, made, made, up.URL, false, false},
		{"the head is in time, the end is late", "doubting.example", "/slow", "", nil, made, made, up.URL, false, true},
		{"a failure has its upstream", "down.example", "/k", "", []string{"X-Request-Id", uuid}, "", made, closed.URL, false, false},
		{"a page ends the answer that it stands in for", "paged.example", "/fail", "", nil, made, made, up.URL, false, false},
		{"a file has none", "files.example", "/none", "", []string{"X-Request-Id", uuid}, "", made, "", false, false},
	}
	target := func(protocol string, i int) string { return fmt.Sprintf("%s?%s&case=%d", cases[i].path, protocol, i) }
	ids := make(map[string]string) // of the upstream, by target
	for _, protocol := range protocols {
		for i, tt := range cases {
			c := p.dialing(protocol, &tls.Config{InsecureSkipVerify: true, ServerName: tt.host})
			r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+target(protocol, i), strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = tt.host
			for pair := range slices.Chunk(tt.fields, 2) {
				if protocol == "h2" && pair[0] == "Connection" {
					continue // it has none
				}
				r.Header[pair[0]] = []string{pair[1]}
			}
			answer, err := c.Do(r)
			if err != nil {
				t.Fatalf("%s: %v", tt.why, err)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Fatalf("%s: %v", tt.why, err)
			}
			answer.Body.Close()
			c.CloseIdleConnections()
			if got := answer.Header["X-Request-Id"]; got != nil {
				t.Errorf("%s: the client gets %q", tt.why, got)
			}
			if tt.upstreamID == "" {
				continue
			}
			got := <-asked
			switch {
			case tt.upstreamID == none && len(got) > 0,
				tt.upstreamID == given && !slices.Equal(got, tt.fields[1:]),
				tt.upstreamID == made && (len(got) != 1 || len(got[0]) != 32 || !requestid.Valid(got[0])):
				t.Errorf("%s, %s: the upstream gets %q, want one that is %s", protocol, tt.why, got, tt.upstreamID)
			case len(got) > 0:
				ids[target(protocol, i)] = got[0]
			}
		}
	}
	p.stop()

	lines := linesOf(t, log)
	if len(lines) != len(protocols)*len(cases) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(protocols)*len(cases), strings.Join(lines, "\n"))
	}
	for _, text := range lines { // in the order of their connections' ends, about
		var l accessLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		_, query, _ := strings.Cut(l.Path, "?")
		protocol, number, _ := strings.Cut(query, "&case=")
		i, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		tt := cases[i]
		wrong := func(what string, want any) { t.Errorf("%s, %s: %s, want %v\n%s", protocol, tt.why, what, want, text) }
		switch id := l.ID; {
		case id == nil:
			wrong("request_id", tt.lineID)
		case tt.lineID == made && (len(*id) != 32 || !requestid.Valid(*id)), tt.lineID == given && *id != uuid, tt.lineID == "other" && *id != "other":
			wrong("request_id", tt.lineID)
		case tt.upstreamID != "" && tt.host != "silent.example" && *id != ids[l.Path]:
			wrong("request_id", "what the upstream has, "+ids[l.Path])
		}
		if site := l.Site; site == nil || *site != tt.host {
			wrong("site", tt.host)
		}
		if sni := l.SNI; sni == nil || *sni != tt.host {
			wrong("sni", tt.host)
		}
		if l.In == nil || *l.In != int64(len(tt.body)) {
			wrong("bytes_in", len(tt.body))
		}
		if (l.Age != nil) != tt.aged || tt.aged && (*l.Age < 0 || *l.Age > 60) {
			wrong("cache_age", tt.aged)
		}
		if upstream := l.Upstream; (upstream != nil) != (tt.upstream != "") || upstream != nil && *upstream != tt.upstream {
			wrong("upstream", tt.upstream)
		}
		switch answered := tt.upstreamID != ""; {
		case (l.Head != nil) != answered:
			wrong("upstream_time_us", answered)
		case (l.Total != nil) != (tt.upstream != ""):
			wrong("upstream_total_us", tt.upstream != "")
		case l.Total != nil && *l.Total > l.DurationUs, answered && *l.Head > *l.Total:
			wrong("times", "head, end of the upstream's answer, end of ours")
		case tt.slow && *l.Total-*l.Head < slow.Microseconds()/2:
			wrong("upstream_total_us", "more than the head's")
		}
	}
}
