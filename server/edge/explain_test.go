package edge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	clients "github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/rules"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// TestExplainForetells: for ten thousand random requests of sites with rules and
// without, between random answers, purges and pauses, what is explained is what then
// happens, for the same reason.
func TestExplainForetells(t *testing.T) {
	seen := make(map[string]int)
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { inBubble(t, func(t *testing.T) { foretell(t, seed, 1000, seen) }) })
	}
	for _, reason := range []rfc9111.Reason{rfc9111.Fresh, rfc9111.StaleRevalidating, rfc9111.StaleAllowed, rfc9111.Miss, rfc9111.VaryMismatch,
		rfc9111.Expired, rfc9111.NoCacheResponse, rfc9111.Invalidated, rfc9111.RequestNoCache, rfc9111.RequestMaxAge, rfc9111.RequestMinFresh,
		rfc9111.RequestCondition, rfc9111.Method, rfc9111.Authorization, rfc9111.KnownUncacheable, rfc9111.OnlyIfCached} {
		if seen[reason.String()] == 0 {
			t.Errorf("no request was about %s", reason)
		}
	}
	for _, outcome := range []string{"200", "301", "401", "403", "405", "503", "taken for right, and 401", "taken for right"} {
		if seen[outcome] == 0 {
			t.Errorf("no request was answered by a rule with %s", outcome)
		}
	}
}

// The sites of TestExplainForetells have a host each: one without rules, one with all
// that let some clients in, and one in maintenance. Their answers are coded, and of a
// query one parameter does not count.
const openHost, guardedHost, maintainedHost = "example.com", "guarded.example", "maintained.example"

// right and wrong are credentials at guardedHost.
const right, wrong = "Basic YW5uOng=", "Basic YW5uOnk=" // ann:x, ann:y

func setGuardedSites(t *testing.T, r *rig) {
	t.Helper()
	networks := func(s string) clients.Networks { return clients.Networks{netip.MustParsePrefix(s)} }
	users := rules.NewUsers("here", false, rules.NewAttempts(r.metrics))
	hash, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err == nil {
		err = users.Load(append([]byte("ann:"), hash...))
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []*site.Site
	for host, guard := range map[string]*rules.Guard{
		openHost: nil,
		guardedHost: {
			Addresses: rules.Addresses{Allow: networks("10.0.0.0/8"), Deny: networks("10.9.0.0/16")},
			Redirects: rules.NewRedirects([]rules.Redirect{{From: "/old", To: "/new", Status: 301}}), Users: users,
		},
		maintainedHost: {Maintenance: rules.NewMaintenance(networks("10.0.0.0/8"), "300", "", nil, nil)},
	} {
		s := r.sites.Load().Sites()[0]
		all = append(all, &site.Site{
			Name: host, Hosts: []string{host}, Origin: r.origin, Rules: s.Rules, HitStatus: HitStatus, Guard: guard,
			Query: site.Query{Without: []string{"utm"}}, Coding: coder(encode.Zstd, encode.Gzip),
			TrustedProxies: networks("192.0.2.0/24"),
		})
	}
	table, err := site.NewTable(all...)
	if err != nil {
		t.Fatal(err)
	}
	r.sites.Store(table)
}

// foretell counts in seen how many explanations gave each reason.
func foretell(t *testing.T, seed uint64, requests int, seen map[string]int) {
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	r := newRig(t, knobs{rules: rfc9111.Rules{HonorRequest: true}}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
		if field(q.Fields, "if-none-match") == `"1"` && random.IntN(2) == 0 {
			return give(sink, 304, "", "etag", `"1"`, "cache-control", "max-age=5")
		}
		answer := []string{"cache-control", pick("max-age=5", "max-age=5, stale-while-revalidate=5", "max-age=3, stale-if-error=9",
			"no-store", "private", "no-cache", "max-age=0", "public, max-age=5", "s-maxage=5", "immutable, max-age=5"), "cache-tag", pick("a", "b"), "content-type", "text/html"}
		if random.IntN(2) == 0 {
			answer = append(answer, "etag", `"1"`)
		}
		if random.IntN(3) == 0 {
			answer = append(answer, "vary", "accept-language")
		}
		if random.IntN(3) == 0 {
			answer = append(answer, "no-vary-search", pick(`params=("q")`, "params"))
		}
		return give(sink, []int{200, 200, 200, 404, 500, 302}[random.IntN(6)], page(200), answer...)
	})
	setGuardedSites(t, r)
	for range requests {
		switch random.IntN(12) {
		case 0:
			time.Sleep(time.Duration(random.IntN(6000)) * time.Millisecond)
		case 1:
			p := []Purge{{All: true}, {Tags: []string{pick("a", "b")}}, {URLs: []string{"https://" + pick(openHost, guardedHost) + "/" + pick("0", "1", "2")}},
				{Prefixes: []string{"https://" + pick(openHost, guardedHost) + "/" + pick("0", "1")}}}[random.IntN(4)]
			p.Soft = random.IntN(2) == 0
			if _, err := r.Purge(p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		host, path := pick(openHost, openHost, openHost, guardedHost, maintainedHost), "/"+pick("0", "0", "1", "1", "2", "2", "old")+pick("", "", "", "?q=1", "?utm=1", "?q=2&utm=2")
		method, address := pick("GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "QUERY"), netip.MustParseAddr(pick("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.9.0.1", "203.0.113.1", "192.0.2.1"))
		var asked []string
		add := func(name string, values ...string) {
			if random.IntN(4) == 0 {
				asked = append(asked, name, pick(values...))
			}
		}
		add("accept-language", "de", "en")
		add("cache-control", "no-cache", "no-store", "max-age=1", "max-stale", "min-fresh=2", "only-if-cached", "stale-if-error=9")
		add("accept-encoding", "gzip", "zstd, gzip;q=0.5", "identity")
		add("x-forwarded-for", "10.0.0.2", "10.9.0.2") // counts if a trusted proxy says so
		if host == guardedHost && random.IntN(6) > 0 {
			asked = append(asked, "authorization", pick(right, right, right, wrong))
		} else {
			add("authorization", "Basic x")
		}
		add("if-none-match", `"1"`, `"2"`)
		add("if-match", `"1"`)
		add("range", "bytes=0-0")
		add("max-forwards", "0", "1")
		content := ""
		if method == "QUERY" {
			content = pick("a", "b")
		}
		x, err := r.Explain(Question{Method: method, URL: "https://" + host + path, Fields: fields(asked...), Content: content, Client: address})
		if err != nil {
			t.Fatal(err)
		}
		before := r.origin.count()
		c := r.newClient(host, method, path, asked...)
		c.content = content
		c.request.Client, c.request.Trusted = r.Client(address, &c.request)
		c.start()
		c.wait()
		assumedWrong := len(x.Assumed) > 0 && c.status == 401
		if status, refused := strings.CutPrefix(x.Outcome, "answered with "); refused && x.Reason == "" && !assumedWrong {
			if status = status[:3]; fmt.Sprint(c.status) != status || c.hit || r.origin.count() != before {
				t.Fatalf("%s %s%s %v for %v: %q, and it was %d", method, host, path, asked, address, x.Outcome, c.status)
			}
			seen[status]++
			continue
		}
		if len(x.Assumed) > 0 {
			credentials := field(c.request.Fields, "authorization")
			if host != guardedHost || (c.status == 401) != (credentials == wrong) {
				t.Fatalf("%s %s%s %v for %v: %q, and it was %d", method, host, path, asked, address, x.Assumed, c.status)
			}
			if c.status == 401 {
				seen["taken for right, and 401"]++
				continue
			}
			seen["taken for right"]++
		}
		got := c.outcome.Served
		if c.hit {
			got = rfc9111.None
		}
		// What the answer of the origin leads to is not foretold, but that it is asked.
		after := got == rfc9111.Revalidated || got == rfc9111.StaleOnError || got == rfc9111.Range
		stored := strings.HasPrefix(x.Outcome, "a hit") || strings.Contains(x.Outcome, "504")
		switch {
		case stored && c.hit && strings.HasPrefix(x.Outcome, "a hit"):
		case !stored && r.origin.count() == before:
			t.Fatalf("%s %s%s %v: %q, and the origin was not asked: %s", method, host, path, asked, x.Outcome, c.outcome.Status)
		case stored && !strings.Contains(x.Outcome, "background") && r.origin.count() != before:
			t.Fatalf("%s %s%s %v: %q, and the origin was asked: %s", method, host, path, asked, x.Outcome, c.outcome.Status)
		case !after && got.String() != x.Reason:
			t.Fatalf("%s %s%s %v: %q for %q, and it was %q: %s", method, host, path, asked, x.Outcome, x.Reason, got, c.outcome.Status)
		}
		seen[x.Reason]++
		synctest.Wait()
	}
}

// TestExplain is what an explanation says of what is stored.
func TestExplain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "body", "cache-control", "max-age=60, stale-if-error=9", "vary", "accept-language", "etag", `"1"`, "cache-tag", "a,b"))
		r.get("/a?q", "accept-language", "de")
		r.get("/a?q", "accept-language", "en")
		for range 3 {
			r.get("/a?q", "accept-language", "de")
		}
		time.Sleep(10 * time.Second)
		if _, err := r.Purge(Purge{Tags: []string{"a"}, Soft: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		q := Question{URL: "https://EXAMPLE.com:443/a?q", Fields: []hpack.Field{{Name: "accept-language", Value: "de"}}}
		x, err := r.Explain(q)
		if err != nil {
			t.Fatal(err)
		}
		if x.Site != "test" || x.Key != "example.com/a?q" || x.Vary != "accept-language" || !slices.Equal(x.Selecting, []string{"accept-language: de"}) {
			t.Errorf("%+v", x)
		}
		if x.Purged != "2000-01-01T00:00:10Z" {
			t.Errorf("purged at %q, want after 10 s", x.Purged)
		}
		if x.Reason != "expired" || !strings.Contains(x.Because, "no longer fresh") || x.CacheStatus != "hotpath; fwd=stale; detail=expired" {
			t.Errorf("%q, %q, %q", x.Reason, x.Because, x.CacheStatus)
		}
		if len(x.Variants) != 2 || x.Variants[0].Selected || !x.Variants[1].Selected {
			t.Fatalf("%+v, want the second to be selected", x.Variants)
		}
		if want := (LastMiss{Ago: 15, Query: "?q", Reason: "vary_mismatch", Because: rfc9111.VaryMismatch.Sentence()}); x.LastMiss == nil || *x.LastMiss != want {
			t.Errorf("the last miss is %+v, want %+v", x.LastMiss, want)
		}
		h := x.Variants[1]
		if h.Status != 200 || h.Hits != 3 || x.Variants[0].Hits != 0 || h.Age != 15 || h.Lifetime != 10 || h.Fresh != -5 || h.OnError != 9 || h.From != "max-age" || h.Bytes < 4 ||
			!slices.Equal(h.Tags, []string{"a", "b"}) || !slices.Contains(h.Fields, `etag: "1"`) {
			t.Errorf("%+v", h)
		}
		if n := r.origin.count(); n != 2 {
			t.Errorf("the origin was asked %d times: an explanation asks it not", n)
		}
	})
}

// TestExplainPurged: what a purge has removed says when, by whatever form and whether it
// varies or not, until it is fetched again.
func TestExplainPurged(t *testing.T) {
	const url = "https://example.com/a"
	for _, vary := range []string{"", "accept-language"} {
		for _, p := range []Purge{{Tags: []string{"a"}}, {URLs: []string{url}}, {Prefixes: []string{url}}, {Hosts: []string{"example.com"}}, {All: true}} {
			for _, p.Soft = range []bool{false, true} {
				inBubble(t, func(t *testing.T) {
					r := newRig(t, knobs{}, always(200, "x", "cache-control", "max-age=60", "cache-tag", "a", "vary", vary))
					r.get("/a")
					time.Sleep(10 * time.Second)
					if _, err := r.Purge(p); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					x, err := r.Explain(Question{URL: url})
					if err != nil || x.Purged != "2000-01-01T00:00:10Z" || strings.HasPrefix(x.Outcome, "a hit") {
						t.Errorf("%+v, vary %q: %q, purged %q: %v", p, vary, x.Outcome, x.Purged, err)
					}
				})
			}
		}
	}
}

// TestExplainOwnAnswers: what hotpath answers by itself is explained too, and a
// question that is none is refused.
func TestExplainOwnAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "x", "cache-control", "no-store"))
		r.setSites("a")
		for url, want := range map[string]string{
			"https://a.com/":   "fetched from the origin; requests for the same wait for one fetch",
			"https://b.com/":   "answered with 421, or 404 over HTTP/1.1, by hotpath itself",
			"a.com":            "",
			"https://a.com/\n": "",
			"https://<b>/":     "",
			"https://a.com/" + strings.Repeat("a", maxURL): "",
		} {
			x, err := r.Explain(Question{URL: url})
			if x.Outcome != want || (err != nil) != (want == "") {
				t.Errorf("%s: %q, %v; want %q", url, x.Outcome, err, want)
			}
		}
		for _, method := range []string{"G T", "<b>", "\x1b", "CONNECT"} {
			if x, err := r.Explain(Question{URL: "https://a.com/", Method: method}); err == nil {
				t.Errorf("method %q: %+v", method, x)
			}
		}
		if x, err := r.Explain(Question{URL: "https://a.com/", Fields: fields("connection", "keep-alive", "te", "gzip")}); err != nil || x.Key == "" {
			t.Errorf("with fields as a client over HTTP/1.1 has them: %+v, %v", x, err)
		}
		r.beginAt("a.com", "GET", "/").wait()
		x, err := r.Explain(Question{URL: "https://a.com/"})
		if err != nil || x.Reason != "known_uncacheable" || x.NotStored != "The response has no-store." {
			t.Errorf("%+v, %v", x, err)
		}
		setGuardedSites(t, r)
		r.sites.Load().Sites()[0].Clients, _ = newAuthority(t, false)
		for _, s := range r.sites.Load().Sites() {
			x, err := r.Explain(Question{URL: "https://" + s.Name + "/b"})
			if (len(x.Assumed) > 0) != (s.Guard != nil && s.Name != openHost || s.Clients != nil) || err != nil || x.Key == "" || x.Variants == nil {
				t.Errorf("without an address: %+v, %v", x, err)
			}
		}
		for text, want := range map[string]string{"": "invalid IP", "::ffff:10.0.0.1": "10.0.0.1", "2001:db8::1": "2001:db8::1"} {
			if got, err := QuestionClient(text); err != nil || got.String() != want {
				t.Errorf("the client %q is %v, %v", text, got, err)
			}
		}
		for _, text := range []string{"", "a", ": b", "a b: c", "a: b\r\nc: d", "ä: b"} {
			if f, err := QuestionField(text); err == nil {
				t.Errorf("%q is taken as %v", text, f)
			}
		}
		if f, err := QuestionField("Accept-Language:  de "); err != nil || f.Name != "accept-language" || f.Value != "de" {
			t.Errorf("%v, %v", f, err)
		}
	})
}
