package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPurgeAndExplainCommands walk through what a person at night does: why is it a
// miss, is it stored, it must go, it may stay if nothing else is there.
func TestPurgeAndExplainCommands(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=60")
		if r.URL.Path == "/private" {
			w.Header().Set("Cache-Control", "private")
		}
		w.Header().Set("Surrogate-Key", "shop item-1")
		w.Header().Set("Vary", "Accept-Language")
	}))
	defer origin.Close()
	c := startConfigured(t, "upstream: "+origin.URL+"\n")
	h2 := c.client("h2")
	run := func(name string, args ...string) string {
		t.Helper()
		status, stdout, stderr := c.command(name, args...)
		if status != 0 || stderr != "" {
			t.Fatalf("%s %q: exit status %d, %q, %q", name, args, status, stdout, stderr)
		}
		return stdout
	}
	says := func(text string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s\ndoes not say %q", text, w)
			}
		}
	}
	get := func(path, want string) {
		t.Helper()
		if got := c.get(h2, path).Header.Get("Cache-Status"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	at := c.url + "/a"
	says(run("explain", at), "outcome    fetched from the origin", "why        Nothing is stored for this resource. (miss)", "stored     nothing")
	get("/a", "hotpath; fwd=uri-miss")
	get("/a", "hotpath; hit")
	says(run("explain", at), "outcome    a hit: what is stored answers", "(fresh)", "vary       accept-language; the request has none",
		"of 1m0s, from max-age", "fresh      for", "tags       shop, item-1", "cache-control: max-age=60")
	says(run("explain", "-H", "Accept-Language: de", at), "(vary_mismatch)", "the request has accept-language: de", "status 200")
	get("/private", "hotpath; fwd=uri-miss")
	says(run("explain", c.url+"/private"), "not stored The response has private.", "(known_uncacheable)")

	for range 3 {
		get("/private", "hotpath; fwd=")
	}
	says(run("misses"), "       4  "+strings.TrimPrefix(c.url, "https://")+"/private  (site ", "The response has private. (private)\n")

	says(run("purge", "-soft", "-tag", "shop", "-count"), "made stale: tag shop\n", "responses that were stored of that: 1, ")
	says(run("explain", at), "a hit: what is stored answers, and is revalidated in the background", "(stale_revalidating)", "purged     last at")
	says(run("purge", "-url", at, "-url", c.url+"/none"), "purged: url "+at+"\n", "stored of that: 1, ")
	says(run("explain", at), "stored     nothing")
	get("/a", "hotpath; fwd=uri-miss")
	if text := run("purge", "-all"); text != "purged: all\n" { // nothing is counted without -count
		t.Errorf("all was purged: %q", text)
	}
	says(run("explain", at), "(invalidated)", "stored     nothing", "purged     last at")
	get("/a", "hotpath; fwd=miss; fwd-status=200; stored; detail=invalidated")
	if _, ok := c.logged("made stale"); !ok {
		t.Errorf("the log does not say that something was purged:\n%s", c.output())
	}

	for _, tt := range []struct {
		args []string
		exit int
		want []string
	}{
		{[]string{"purge"}, exitFailure, []string{"nothing is named"}},
		{[]string{"purge", "shop"}, exitUsage, []string{"shop", "is no flag", "-tag TAG"}},
		{[]string{"purge", "-tag"}, exitUsage, []string{"-tag", "has no value"}},
		{[]string{"purge", "-url", "https://x/ä"}, exitFailure, []string{"byte 0xc3"}},
		{[]string{"purge", "-all", "-site", "none"}, exitFailure, []string{`site "none"`, "allowed is one of"}},
		{[]string{"purge", "-nosuch", "x", "-all"}, exitUsage, []string{"nosuch"}},
		{[]string{"explain"}, exitUsage, []string{"is not one URL"}},
		{[]string{"explain", "-H", "x", at}, exitFailure, []string{`field "x"`}},
		{[]string{"explain", "-client", "shop", at}, exitFailure, []string{`client "shop"`, "allowed is an IP address"}},
		{[]string{"explain", "/a"}, exitFailure, []string{"allowed is an absolute URL"}},
	} {
		status, stdout, stderr := c.command(tt.args[0], tt.args[1:]...)
		if status != tt.exit || stdout != "" {
			t.Errorf("%q: exit status %d, %q", tt.args, status, stdout)
		}
		wantOneLine(t, stderr, tt.want...)
	}
	if m := c.metrics(); m[`hotpath_purges_total{form="url"}`] != 2 || m[`hotpath_purges_total{form="tag"}`] != 1 || m[`hotpath_purges_total{form="all"}`] != 1 {
		t.Errorf("the metrics: %v", m)
	}
}

// TestExplainClient: a client is let in or not by the site's rules, and without one it
// is said that this depends on it.
func TestExplainClient(t *testing.T) {
	c := startConfigured(t, "sites:\n- hosts: [shop.example]\n  upstream: http://127.0.0.1:1\n  allow: [10.0.0.0/8]\n  deny: [10.9.0.0/16]\n")
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{[]string{"-client", "10.0.0.1"}, "outcome    fetched from the origin"},
		{[]string{"-client", "10.9.0.1"}, "outcome    answered with 403, by hotpath itself\nwhy        The site's allow and deny do not let"},
		{[]string{"-client=2001:db8::1"}, "outcome    answered with 403"},
		{nil, "assumed    The client is let in: the site's allow and deny depend on its address.\n"},
	} {
		status, stdout, stderr := c.command("explain", append(tt.flags, "https://shop.example/")...)
		if status != 0 || !strings.Contains(stdout, tt.want) || strings.Contains(stdout, "assumed") != (tt.flags == nil) {
			t.Errorf("%q: exit status %d, %q, %q; want %q", tt.flags, status, stdout, stderr, tt.want)
		}
	}
}

// TestOwnFlags: a command's own flags are told from settings, of which none has such a
// name; and what an origin or a client has written does not reach a terminal as it is.
func TestOwnFlags(t *testing.T) {
	flags, words, settings, err := explainFlags.take([]string{"-H", "a: b", "-admin", ":1", "--H=c: d", "https://a/", "-admin-insecure", "-method=HEAD"})
	if err != nil || !slices.Equal(flags["H"], []string{"a: b", "c: d"}) || flags.Get("method") != "HEAD" ||
		!slices.Equal(words, []string{"https://a/"}) || !slices.Equal(settings, []string{"-admin", ":1", "-admin-insecure"}) {
		t.Errorf("%v, %q, %q, %v", flags, words, settings, err)
	}
	for _, name := range []string{"url", "prefix", "host", "tag", "site", "all", "soft", "count", "H", "method", "content", "client"} {
		if status, _, stderr := command(t, nil, "check", "-"+name, "x"); status != exitUsage || !strings.Contains(stderr, "no setting") {
			t.Errorf("%s is a setting, too: %q", name, stderr)
		}
	}
	if got := printable("a\x1b[31m\nä"); got != `a\x1b[31m\n\u00e4` {
		t.Errorf("%q", got)
	}
}

// TestDocumentedNight: the commands of docs/caching.md for a person at night do what
// stands there.
func TestDocumentedNight(t *testing.T) {
	const maxStored = 4 << 10
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Cache-Tag", "item-1, shop")
		switch r.URL.Path {
		case "/item/1":
			w.Header().Set("Vary", "Accept-Language")
		case "/film":
			_, _ = w.Write(make([]byte, maxStored+1))
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer origin.Close()
	c := startConfigured(t, fmt.Sprintf("upstream: %s\nmax-stored: %d\n", origin.URL, maxStored))
	_, text, _ := strings.Cut(document(t, "docs/caching.md"), "<!-- night -->")
	text, _, _ = strings.Cut(text, "<!-- /night -->")
	fetch := func() { // what no one asked for is missing
		for _, path := range []string{"/item/1", "/film", "/gone", "/legal"} {
			c.fetchFrom(c.client("h2"), "shop.example", path)
		}
	}
	fetch()
	commands, printed := 0, ""
	numbers := regexp.MustCompile(`([0-9]+[hms])+|[0-9]+`) // durations, and what else differs
	for i, block := range strings.Split(text, "```") {
		if i%2 == 0 {
			continue // prose
		}
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			arguments, isCommand := strings.CutPrefix(line, "hotpath ")
			if !isCommand {
				if !strings.Contains(numbers.ReplaceAllString(printed, "N"), numbers.ReplaceAllString(line, "N")) {
					t.Errorf("%q is not in\n%s", line, printed)
				}
				continue
			}
			commands++
			fetch() // what was purged before
			words := strings.Fields(strings.ReplaceAll(arguments, `"Accept-Language: de"`, "Accept-Language:de"))
			status, stdout, stderr := c.command(words[0], words[1:]...)
			if printed = stdout; status != 0 {
				t.Errorf("%s: exit status %d, %q", line, status, stderr)
			}
		}
	}
	if commands != 12 {
		t.Errorf("%d commands, want 12", commands)
	}
}

// TestQueryMethod: a QUERY is answered from what is stored for its content, over both
// protocols.
func TestQueryMethod(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.Copy(w, r.Body)
	}))
	defer origin.Close()
	p := start(t, "-upstream", origin.URL)
	for i, protocol := range append(protocols, protocols...) {
		for _, content := range []string{"a", "b"} {
			want := "hotpath; hit"
			if i == 0 {
				want = "hotpath; fwd=uri-miss"
			}
			r := p.do(p.client(protocol), "QUERY", "/search", strings.NewReader(content), "content-type", "text/plain")
			if got := r.Header.Get("Cache-Status"); r.body != content || !strings.HasPrefix(got, want) {
				t.Errorf("%s: %q, %q; want %q", protocol, r.body, got, want)
			}
		}
	}
}
