package edge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// gullible is an application that trusts every field and reflects what it
// takes for its own address, as many frameworks do, in an answer that it lets
// everybody store; and that answers what it does not like with an error. Its
// server folds names as CGI does: all but letters and digits are one character.
func gullible(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=60")
	host, path, method := r.Host, r.URL.EscapedPath(), r.Method
	for name, values := range r.Header {
		switch name = folded(name); {
		case name == "x-forwarded-host", name == "x-host", name == "x-original-host", name == "x-http-host-override", name == "x-forwarded-server":
			if values[0] != "example.com" {
				host = values[0]
			}
		case name == "forwarded":
			if strings.Contains(values[0], "evil") {
				host = values[0]
			}
		case name == "x-original-url", name == "x-rewrite-url", name == "x-original-uri", name == "x-override-url", name == "x-http-path-override":
			path = values[0]
		case name == "x-http-method-override", name == "x-http-method", name == "x-method-override":
			method = values[0]
		case name == "x-forwarded-proto" && values[0] != "https", name == "x-forwarded-scheme", name == "x-forwarded-port" && values[0] != "443",
			name == "x-forwarded-ssl", name == "front-end-https", name == "x-url-scheme", name == "x-ssl", name == "x-original-scheme", name == "x-original-proto":
			host = name + values[0]
		case name == "x-forwarded-prefix", name == "x-script-name":
			path = values[0] + path
		case name == "accept-language":
			w.Header().Set("Vary", "Accept-Language")
			path = "/" + values[0] + path
		default:
			if strings.Contains(values[0], "6.6.6.6") {
				host = values[0]
			}
		}
	}
	fail := func(status int) {
		w.Header().Del("Cache-Control")
		w.WriteHeader(status)
	}
	switch {
	case r.Header.Get("X-Bad") != "":
		fail(http.StatusBadRequest)
		return
	case len(r.Header.Get("X-Long")) > 1000:
		fail(http.StatusRequestHeaderFieldsTooLarge)
		return
	case r.Header.Get("Content-Type") == "bad/type":
		fail(http.StatusUnsupportedMediaType)
		return
	case r.Header.Get("Expect") != "" && r.Header.Get("Expect") != "100-continue":
		fail(http.StatusExpectationFailed)
		return
	case r.Header.Get("Accept") == "bad/type":
		fail(http.StatusNotAcceptable)
		return
	case r.Header.Get("X-Slow") != "":
		fail(http.StatusTooManyRequests)
		return
	case r.Header.Get("X-Gone") != "":
		fail(http.StatusNotFound)
		return
	case r.Header.Get("X-Teapot") != "":
		fail(http.StatusTeapot)
		return
	case r.Header.Get("X-Login") != "":
		w.Header().Del("Cache-Control")
		http.Redirect(w, r, "//evil.example/", http.StatusFound)
		return
	case r.Header.Get("X-Crash") != "":
		fail(http.StatusInternalServerError)
		return
	case r.ContentLength > 0:
		fmt.Fprintf(w, "%s of https://%s%s with content", method, host, path)
		return
	}
	fmt.Fprintf(w, "%s of https://%s%s", method, host, path)
}

// folded is a name as CGI and WSGI have it, but with "-" for "_".
func folded(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(name))
}

// poisoned is a request of a stranger.
type poisoned struct {
	host, method, path string
	fields             []string
	content            string
}

// disguised are the rows that have no field but one of a name with "-", with
// another character for it, which a server that folds names takes for the same.
func disguised(rows []poisoned) (twins []poisoned) {
	for _, row := range rows {
		if len(row.fields) != 2 || row.method != "" || !strings.Contains(row.fields[0], "-") {
			continue
		}
		for _, other := range []string{"_", "."} {
			twin := row
			twin.fields = []string{strings.ReplaceAll(row.fields[0], "-", other), row.fields[1]}
			twins = append(twins, twin)
		}
		if first, rest, more := strings.Cut(row.fields[0], "-"); more && strings.Contains(rest, "-") {
			row.fields = []string{first + "_" + rest, row.fields[1]}
			twins = append(twins, row)
		}
	}
	return twins
}

// TestPoison: whatever a stranger sends first, the next client has what it would
// have had without: nothing that no key names has a part in what is stored, and
// an error that a client provokes is not stored.
func TestPoison(t *testing.T) {
	long := strings.Repeat("x", 2000)
	rows := []poisoned{
		{fields: []string{"x-forwarded-host", "evil.example"}},
		{fields: []string{"x-forwarded-host", "evil.example", "x-forwarded-host", "example.com"}},
		{fields: []string{"x-forwarded-server", "evil.example"}},
		{fields: []string{"x-host", "evil.example"}},
		{fields: []string{"x-original-host", "evil.example"}},
		{fields: []string{"x-http-host-override", "evil.example"}},
		{fields: []string{"forwarded", "host=evil.example"}},
		{fields: []string{"forwarded", "for=1.2.3.4;host=evil.example;proto=http"}},
		{fields: []string{"host", "evil.example"}},
		{fields: []string{"host", "example.com", "host", "evil.example"}},
		{fields: []string{"x-forwarded-proto", "http"}},
		{fields: []string{"x-forwarded-scheme", "http"}},
		{fields: []string{"x-forwarded-port", "1337"}},
		{fields: []string{"x-forwarded-ssl", "off"}},
		{fields: []string{"x-url-scheme", "http"}},
		{fields: []string{"front-end-https", "off"}},
		{fields: []string{"x-forwarded-prefix", "/evil"}},
		{fields: []string{"x-script-name", "/evil"}},
		{fields: []string{"x-forwarded-for", "6.6.6.6"}},
		{fields: []string{"x-real-ip", "6.6.6.6"}},
		{fields: []string{"client-ip", "6.6.6.6"}},
		{fields: []string{"true-client-ip", "6.6.6.6"}},
		{fields: []string{"x-client-ip", "6.6.6.6"}},
		{fields: []string{"x-cluster-client-ip", "6.6.6.6"}},
		{fields: []string{"x-original-for", "6.6.6.6"}},
		{fields: []string{"x-original-forwarded-for", "6.6.6.6"}},
		{fields: []string{"cf-connecting-ip", "6.6.6.6"}},
		{fields: []string{"fastly-client-ip", "6.6.6.6"}},
		{fields: []string{"x-forwarded", "for=6.6.6.6"}},
		{fields: []string{"forwarded-for", "6.6.6.6"}},
		{fields: []string{"x-forward-for", "6.6.6.6"}},
		{fields: []string{"x-remote-ip", "6.6.6.6"}},
		{fields: []string{"x-remote-addr", "6.6.6.6"}},
		{fields: []string{"x-proxyuser-ip", "6.6.6.6"}},
		{fields: []string{"x-envoy-external-address", "6.6.6.6"}},
		{fields: []string{"x-azure-clientip", "6.6.6.6"}},
		{fields: []string{"x-azure-socketip", "6.6.6.6"}},
		{fields: []string{"x-appengine-user-ip", "6.6.6.6"}},
		{fields: []string{"x-ssl", "off"}},
		{fields: []string{"x-original-scheme", "http"}},
		{fields: []string{"x-original-proto", "http"}},
		{fields: []string{"x-original-url", "/evil"}},
		{fields: []string{"x-rewrite-url", "/evil"}},
		{fields: []string{"x-original-uri", "/evil"}},
		{fields: []string{"x-override-url", "/evil"}},
		{fields: []string{"x-http-path-override", "/evil"}},
		{fields: []string{"accept-language", "de"}},
		{fields: []string{"x-http-method-override", "POST"}},
		{fields: []string{"x-http-method", "DELETE"}},
		{fields: []string{"x-method-override", "PUT"}},
		{fields: []string{"connection", "host"}},
		{fields: []string{"connection", "x-forwarded-host", "x-forwarded-host", "evil.example"}},
		{host: "example.com:443"},
		{host: "example.com:1337"},
		{host: "example.com:"},
		{host: "example.com."},
		{host: "EXAMPLE.com"},
		{host: "example.com.:443"},
		{host: "evil.example"},
		{path: "//a/b"},
		{path: "/a//b"},
		{path: "/./a/b"},
		{path: "/a/./b"},
		{path: "/x/../a/b"},
		{path: "/%2e/a/b"},
		{path: "/a%2fb"},
		{path: "/a/b/"},
		{path: "/a/b?"},
		{path: "/a/b?x=1"},
		{path: "/a/b;x=1"},
		{path: "/%61/b"},
		{path: "/a/b%00"},
		{method: "HEAD"},
		{method: "POST", content: "evil"},
		{method: "OPTIONS"},
		{method: "GET", content: "evil=1"},
		{method: "GET", content: "evil=1", fields: []string{"content-length", "6"}},
		{method: "GET", fields: []string{"range", "bytes=0-0"}},
		{method: "GET", fields: []string{"range", "bytes=9999-"}},
		{method: "GET", fields: []string{"if-match", `"evil"`}},
		{method: "GET", fields: []string{"if-none-match", "*"}},
		{fields: []string{"x-bad", "1"}},
		{fields: []string{"x-long", long}},
		{fields: []string{"content-type", "bad/type"}},
		{fields: []string{"expect", "evil"}},
		{fields: []string{"accept", "bad/type"}},
		{fields: []string{"x-slow", "1"}},
		{fields: []string{"x-gone", "1"}},
		{fields: []string{"x-teapot", "1"}},
		{fields: []string{"x-login", "1"}},
		{fields: []string{"x-crash", "1"}},
		{fields: []string{"authorization", "Basic evil"}},
		{fields: []string{"upgrade", "h2c", "connection", "upgrade"}},
		{fields: []string{"cache-control", "no-store"}},
	}
	for _, tt := range append(rows, disguised(rows)...) {
		if tt.host == "" {
			tt.host = "example.com"
		}
		if tt.method == "" {
			tt.method = "GET"
		}
		if tt.path == "" {
			tt.path = "/a/b"
		}
		t.Run(fmt.Sprint(tt.method, " ", tt.host, tt.path, " ", cutShort(tt.fields), tt.content), func(t *testing.T) {
			upstream := httptest.NewServer(http.HandlerFunc(gullible))
			defer upstream.Close()
			p, err := proxy.New(proxy.Config{Upstreams: []string{upstream.URL}, MaxRequests: 64, Host: "client", Balance: proxy.RoundRobin,
				Timeouts: proxy.Timeouts{Dial: time.Minute, Head: time.Minute, Idle: time.Minute}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			r := newRig(t, knobs{}, nil)
			table, err := site.NewTable(&site.Site{Name: "app", Default: true, Origin: p, HitStatus: HitStatus})
			if err != nil {
				t.Fatal(err)
			}
			r.sites.Store(table)
			evil := r.newClient(tt.host, tt.method, tt.path, tt.fields...)
			evil.content = tt.content
			evil.start()
			evil.wait()
			const want = "GET of https://example.com/a/b"
			if c := r.get("/a/b"); c.status != 200 || c.text() != want {
				t.Errorf("the next client has %d %q", c.status, c.text())
			}
			if c := r.get("/a/b"); !c.hit || c.text() != want {
				t.Errorf("and the one behind: hit %t, %d %q", c.hit, c.status, c.text())
			}
		})
	}
}

// cutShort keeps names of tests readable.
func cutShort(fields []string) []string {
	short := slices.Clone(fields)
	for i, f := range short {
		short[i] = f[:min(len(f), 30)]
	}
	return short
}

// TestHeadDoesNotPoison: the answer to a HEAD with a field that no key names does
// not change what is stored of the GET, nor remove it.
func TestHeadDoesNotPoison(t *testing.T) {
	for _, name := range []string{"x-host", "x_host", "accept_language"} {
		for _, condition := range []string{"accept", "if-match"} {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{rules: rfc9111.Rules{HonorRequest: true}}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
					if host := field(q.Fields, name); host != "" {
						if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh, "link", host), Length: 1}); err != nil {
							return err
						}
						return sink.End(nil)
					}
					return give(sink, 200, "page", "cache-control", fresh, "link", "good")
				})
				r.get("/a")
				r.ask("HEAD", "/a", "cache-control", "no-cache", name, "evil", condition, "*")
				if c := r.get("/a"); !c.hit || c.field("link") != "good" {
					t.Errorf("after a HEAD with %s and %s: hit %t, %q", name, condition, c.hit, c.field("link"))
				}
			})
		}
	}
}

// TestErrorsAreNotStored: what the origin answers to a request that it does not
// like is stored only if the origin says so; if any client can provoke it for
// others, only if the site does; and what is stored of the resource stays.
func TestErrorsAreNotStored(t *testing.T) {
	provoked := []int{400, 408, 411, 413, 414, 415, 417, 421, 425, 426, 431}
	for _, status := range []int{400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, always(status, "error"))
			if c := r.get("/a"); c.status != status || c.text() != "error" {
				t.Errorf("%d is answered with %d %q", status, c.status, c.text())
			}
			if r.get("/a").hit {
				t.Errorf("%d is stored", status)
			}
		})
	}
	for _, status := range append(provoked, 403, 404, 410, 501) {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, always(status, "error", "cache-control", "public, max-age=60", "etag", `"e"`))
			r.get("/a")
			if hit := r.get("/a").hit; hit == slices.Contains(provoked, status) {
				t.Errorf("%d that the origin calls fresh is stored: %t", status, hit)
			}
		})
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{rules: rfc9111.Rules{StatusFreshness: map[int]time.Duration{status: time.Second}}}, always(status, "error", "cache-control", "max-age=60"))
			r.get("/a")
			if hit := r.get("/a").hit; hit != (status != 426 && status != 431) {
				t.Errorf("%d that the site names is stored: %t", status, hit)
			}
		})
		if !slices.Contains(provoked, status) {
			continue
		}
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, func(n int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
				switch n {
				case 1:
					return give(sink, 200, "page", "cache-control", "max-age=1", "etag", `"a"`)
				case 2:
					return give(sink, status, "error", "cache-control", "max-age=60")
				}
				return give(sink, 304, "", "cache-control", "max-age=60", "etag", `"a"`)
			})
			r.get("/a")
			time.Sleep(2 * time.Second)
			if c := r.get("/a"); c.status != status {
				t.Errorf("%d has become %d", status, c.status)
			}
			if c := r.get("/a"); c.text() != "page" {
				t.Errorf("a %d has the next client served %d %q, and not what is stored", status, c.status, c.text())
			}
		})
	}
}
