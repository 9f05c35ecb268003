package proxy

import (
	"slices"
	"strings"
	"testing"
)

func TestFetch(t *testing.T) {
	s, heads := replying(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: a\r\nX-One: b\r\n\r\nok")
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	for range 3 {
		got := mustFetch(t, p, get("/path?q=1", "accept", "*/*"))
		if got.head.Status != 200 || got.body.String() != "ok" || got.field("x-one") != "a|b" || got.head.Length != 2 {
			t.Errorf("head %+v, body %q", got.head, got.body.String())
		}
		want := "GET /path?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nVia: 2.0 hotpath\r\n" +
			"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: example.com\r\nX-Forwarded-Proto: https\r\nX-Real-Ip: 192.0.2.7\r\n\r\n"
		if head := <-heads; head != want {
			t.Errorf("the upstream got\n%q, want\n%q", head, want)
		}
	}
	if n := len(s.Conns()); n != 1 {
		t.Errorf("%d connections for three fetches one after another", n)
	}
}

// TestRFC9110Section4_2Target: path and query arrive byte for byte.
func TestRFC9110Section4_2Target(t *testing.T) {
	s, heads := replying(t, ok200)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	for _, target := range []string{
		"/", "/?", "/a?", "/a??b", "/a%2Fb", "/a%2fb", "//", "//a//b/", "//evil.example/x", "/a;b=c;d", "/a/../b", "/./",
		"/%", "/%zz", "/a|b", "/\"<>", "/ä", "//ä|", "/a#b", "/a?x=//y", "/:80", "/a:b", "/http://x/", "//a?b//",
		"/" + strings.Repeat("x", 5000), "//" + strings.Repeat("y", 5000),
	} {
		mustFetch(t, p, get(target))
		line, _, _ := strings.Cut(<-heads, "\r\n")
		if line != "GET "+target+" HTTP/1.1" {
			t.Errorf("target %.60q arrived as %.80q", target, line)
		}
	}
	options := get("*")
	options.Method = "OPTIONS"
	mustFetch(t, p, options)
	if line, _, _ := strings.Cut(<-heads, "\r\n"); line != "OPTIONS * HTTP/1.1" {
		t.Errorf("OPTIONS * arrived as %q", line)
	}
	for _, target := range []string{"", "*", "a", "/a b", "/a\r\nX: y", "/\x00", "/\x7f", "http://x/"} {
		if _, err := fetch(t, p, get(target)); kindOf(err) != "400 http_request_error" {
			t.Errorf("target %q: %v", target, err)
		}
	}
}

// TestRFC9110Section7_6_1HopByHop: fields of the connection go, and those that
// Connection names; it cannot remove what makes the request what it is.
func TestRFC9110Section7_6_1HopByHop(t *testing.T) {
	s, heads := replying(t, ok200)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	mustFetch(t, p, get("/",
		"connection", "close, x-private, authorization, Cookie", "connection", "x-also, cache-control, host, x-forwarded-for, content-length",
		"x-private", "1", "x-also", "2", "x-stays", "3",
		"authorization", "Basic eA==", "cookie", "a=b", "cache-control", "no-cache",
		"keep-alive", "timeout=5", "proxy-connection", "keep-alive", "proxy-authorization", "Basic eA==",
		"te", "gzip, trailers;q=0.5", "trailer", "x", "transfer-encoding", "chunked", "upgrade", "foo", "http2-settings", "x",
		"proxy", "http://evil/", "transfer_encoding", "chunked", "x_forwarded_for", "1.2.3.4", "x_ours", "4"))
	head := <-heads
	for _, line := range []string{"X-Stays: 3", "Authorization: Basic eA==", "Cookie: a=b", "Cache-Control: no-cache",
		"Te: trailers", "Connection: TE", "Host: example.com", "X-Forwarded-For: 192.0.2.7", "X_ours: 4"} {
		if !hasLine(head, line) {
			t.Errorf("no %q in\n%s", line, head)
		}
	}
	for _, name := range []string{"x-private", "x-also", "keep-alive", "proxy-connection", "proxy-authorization", "trailer",
		"transfer-encoding", "upgrade", "http2-settings", "proxy", "transfer_encoding", "x_forwarded_for", "user-agent", "accept-encoding", "content-length"} {
		if v := fieldLines(head, name); v != nil {
			t.Errorf("%s: %q was sent", name, v)
		}
	}
	mustFetch(t, p, get("/", "te", "gzip"))
	if head := <-heads; fieldLines(head, "te") != nil || fieldLines(head, "connection") != nil {
		t.Errorf("TE without trailers was sent:\n%s", head)
	}
}

// TestRFC9110Section7_6_2MaxForwards counts down for OPTIONS alone.
func TestRFC9110Section7_6_2MaxForwards(t *testing.T) {
	s, heads := replying(t, ok200)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	for _, c := range []struct{ method, value, sent string }{
		{"OPTIONS", "5", "4"},
		{"GET", "0", "0"},
		{"OPTIONS", "x", ""},
		{"OPTIONS", "0", ""}, // answered before it comes here
	} {
		r := get("/", "max-forwards", c.value)
		r.Method = c.method
		mustFetch(t, p, r)
		if got := strings.Join(fieldLines(<-heads, "max-forwards"), "|"); got != c.sent {
			t.Errorf("%s with %s: sent %q, want %q", c.method, c.value, got, c.sent)
		}
	}
}

// TestRFC9110Section7_6_3Via: ours is appended; a loop ends.
func TestRFC9110Section7_6_3Via(t *testing.T) {
	s, heads := replying(t, ok200)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	r := get("/", "via", "1.0 fred", "via", "1.1 p.example.net")
	r.Proto = "1.1"
	mustFetch(t, p, r)
	if got := fieldLines(<-heads, "via"); !slices.Equal(got, []string{"1.0 fred", "1.1 p.example.net", "1.1 hotpath"}) {
		t.Errorf("Via %q", got)
	}
	mustFetch(t, p, get("/", "via", strings.Repeat("2.0 hotpath, ", maxPasses-1)+"1.1 hotpath"))
	<-heads
	if _, err := fetch(t, p, get("/", "via", strings.Repeat("2.0 hotpath (x), ", maxPasses), "via", "1.1 hotpath")); kindOf(err) != "502 proxy_loop_detected" {
		t.Errorf("a loop: %v", err)
	}
}

// TestRFC9113Section8_2_3Cookie: crumbs are one line for HTTP/1.1, and other
// fields keep their lines and order.
func TestRFC9113Section8_2_3Cookie(t *testing.T) {
	s, heads := replying(t, ok200)
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	mustFetch(t, p, get("/", "cookie", "a=1", "x-a", "1", "cookie", "b=2", "x-a", "2", "cookie", "c=3", "x-a", "0", "accept", "a", "accept", "b"))
	head := <-heads
	if got := fieldLines(head, "cookie"); !slices.Equal(got, []string{"a=1; b=2; c=3"}) {
		t.Errorf("Cookie %q", got)
	}
	if got := fieldLines(head, "x-a"); !slices.Equal(got, []string{"1", "2", "0"}) {
		t.Errorf("X-A %q", got)
	}
	if got := fieldLines(head, "accept"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Accept %q", got)
	}
}

func TestHost(t *testing.T) {
	s, heads := replying(t, ok200)
	upstream := s.Address()
	for _, c := range []struct{ config, authority, want string }{
		{"", "Example.COM:8443", "Example.COM:8443"},
		{"client", "example.com", "example.com"},
		{"client", "", upstream},
		{"upstream", "example.com", upstream},
		{"fixed.example:80", "example.com", "fixed.example:80"},
	} {
		p := proxyTo(t, Config{Upstreams: []string{s.URL()}, Host: c.config})
		for _, path := range []string{"/", "//a"} {
			r := get(path)
			r.Authority = c.authority
			mustFetch(t, p, r)
			head := <-heads
			if !hasLine(head, "Host: "+c.want) || !strings.HasPrefix(head, "GET "+path+" ") {
				t.Errorf("Host %q of %q: %q", c.config, c.authority, head)
			}
		}
	}
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	r := get("/")
	r.Authority = "a b"
	if _, err := fetch(t, p, r); kindOf(err) != "400 http_request_error" {
		t.Errorf("an authority with a space: %v", err)
	}
}
