package h1

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// heads that the loop must not judge: each is net/http's, to answer or to
// refuse, and none may be answered with what is stored.
var rareHeads = []struct {
	name, raw string
	status    int // of net/http's answer
}{
	{"another method", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", 200},
	{"an unknown method", "BREW / HTTP/1.1\r\nHost: test\r\n\r\n", 200},
	{"a method in lower case", "get / HTTP/1.1\r\nHost: test\r\n\r\n", 200},
	{"no method", " / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", 200},
	{"CONNECT", "CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n", 200},
	{"absolute-form", "GET http://test/ HTTP/1.1\r\nHost: test\r\n\r\n", 200},
	{"absolute-form, another host", "GET http://evil/ HTTP/1.1\r\nHost: test\r\n\r\n", 200},
	{"a path without a slash", "GET x HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"no path", "GET  HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a space in the path", "GET /a b HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a space after the version", "GET / HTTP/1.1 \r\nHost: test\r\n\r\n", 400},
	{"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a control character in the path", "GET /\x01 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: test\r\n\r\n", 200},
	{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 200},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: test\r\n\r\n", 200},
	{"version in lower case", "GET / http/1.1\r\nHost: test\r\n\r\n", 400},
	{"HTTP/0.9", "GET /\r\n\r\n", 400},
	{"an empty line before", "\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"no Host", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", 400},
	{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n", 400},
	{"a Host with a space", "GET / HTTP/1.1\r\nHost: te st\r\n\r\n", 400},
	{"a Host with a slash and a quote", "GET / HTTP/1.1\r\nHost: test/\"\r\n\r\n", 400},
	{"obs-fold", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\n\r\n", 200},
	{"a folded first field", "GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400},
	{"a space before the colon", "GET / HTTP/1.1\r\nHost : test\r\n\r\n", 400},
	{"a space in a name", "GET / HTTP/1.1\r\nHost: test\r\nX y: z\r\n\r\n", 400},
	{"no name", "GET / HTTP/1.1\r\nHost: test\r\n: z\r\n\r\n", 400},
	{"no colon", "GET / HTTP/1.1\r\nHost: test\r\nnonsense\r\n\r\n", 400},
	{"a byte above ASCII in a name", "GET / HTTP/1.1\r\nHost: test\r\nX\xff: z\r\n\r\n", 400},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\x00b\r\n\r\n", 400},
	{"CR in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\rb\r\n\r\n", 400},
	{"LF for all line ends", "GET / HTTP/1.1\nHost: test\n\n", 200},
	{"LF for one line end", "GET / HTTP/1.1\r\nHost: test\nX: y\r\n\r\n", 200},
	{"LF before a hidden request", "GET /a HTTP/1.1\nHost: test\n\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 200},
	{"Transfer-Encoding", "GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200},
	{"Transfer-Encoding and Content-Length", "GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 200},
	{"an unknown Transfer-Encoding", "GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
	{"Content-Length", "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", 200},
	{"Content-Length 0", "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", 200},
	{"two Content-Lengths", "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 400},
	{"a Content-Length with a sign", "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: +4\r\n\r\nbody", 400},
	{"Connection: close", "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", 200},
	{"Connection: keep-alive and more", "GET / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, close\r\n\r\n", 200},
	{"Upgrade", "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200},
	{"Expect", "GET / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n\r\n", 200},
	{"Range", "GET / HTTP/1.1\r\nHost: test\r\nRange: bytes=0-1\r\n\r\n", 200},
	{"too many fields", "GET / HTTP/1.1\r\nHost: test\r\n" + strings.Repeat("X: y\r\n", 20) + "\r\n", 200},
	{"a long head", "GET / HTTP/1.1\r\nHost: test\r\nX: " + strings.Repeat("y", 5<<10) + "\r\n\r\n", 200},
}

func TestRareHeads(t *testing.T) {
	for _, c := range rareHeads {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := connect(t, testConfig(storing("/", "HIT", "/a", "HIT", "x", "HIT")))
			p.send(get("/")) // it is not rare before
			p.want(200, "HIT")
			p.send(c.raw)
			a := p.read("POST")
			if a.StatusCode != c.status || strings.Contains(a.body, "HIT") {
				t.Errorf("%d %q, want %d", a.StatusCode, a.body, c.status)
			}
			if a.StatusCode == 200 && a.body != "" && !a.byNetHTTP() {
				t.Error("not net/http answered")
			}
			p.Close()
			p.wait()
			if !p.left {
				t.Error("the loop kept the connection")
			}
		})
	}
}

// net/http gets the whole request, however it was cut up, and what is
// pipelined behind it.
func TestRareRequestIsWhole(t *testing.T) {
	rare := "POST /form HTTP/1.1\r\nHost: test\r\nContent-Length: 7\r\n\r\na=b&c=d"
	for name, cut := range map[string]int{"one segment": len(rare), "byte by byte": 1} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, testConfig(storing("/", "HIT")))
			for rest := rare; rest != ""; rest = rest[min(cut, len(rest)):] {
				p.send(rest[:min(cut, len(rest))])
			}
			p.want(200, `POST /form test "a=b&c=d"`)
			p.send(get("/")) // it stays there
			p.want(200, `GET / test ""`)
		})
	}
	t.Run("among hits", func(t *testing.T) {
		p := connect(t, testConfig(storing("/", "HIT")))
		p.send(get("/") + get("/") + rare + get("/") + rare)
		p.want(200, "HIT")
		p.want(200, "HIT")
		p.want(200, `POST /form test "a=b&c=d"`)
		p.want(200, `GET / test ""`)
		p.want(200, `POST /form test "a=b&c=d"`)
	})
}

func TestPlainHeads(t *testing.T) {
	for _, c := range []struct{ name, raw, path, host, field, value string }{
		{"the least", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "/", "h", "host", "h"},
		{"HEAD", "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n", "/x", "h", "host", "h"},
		{"a query", "GET /a?b=c&d HTTP/1.1\r\nhost: h:8443\r\n\r\n", "/a?b=c&d", "h:8443", "host", "h:8443"},
		{"names in any case", "GET / HTTP/1.1\r\nhOsT: h\r\nAcCePt-EnCoDiNg: gzip\r\n\r\n", "/", "h", "accept-encoding", "gzip"},
		{"keep-alive", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n", "/", "h", "connection", "Keep-Alive"},
		{"space around a value", "GET / HTTP/1.1\r\nHost: h\r\nX: \t a b \t\r\n\r\n", "/", "h", "x", "a b"},
		{"an empty value", "GET / HTTP/1.1\r\nHost: h\r\nX:\r\n\r\n", "/", "h", "x", ""},
		{"colons in a value", "GET / HTTP/1.1\r\nHost: [::1]:80\r\nX: a:b\r\n\r\n", "/", "[::1]:80", "x", "a:b"},
		{"UTF-8 in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: \u00e9\r\n\r\n", "/", "h", "x", "\u00e9"},
		{"token characters in a name", "GET / HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~09: y\r\n\r\n", "/", "h", "!#$%&'*+-.^_`|~09", "y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := new(head)
			if !h.parse([]byte(c.raw), 20) {
				t.Fatal("not plain")
			}
			r := &h.request
			if r.Path != c.path || r.Authority != c.host || r.Scheme != "https" {
				t.Errorf("%s://%s %s", r.Scheme, r.Authority, r.Path)
			}
			if v, ok := r.Field(c.field); !ok || v != c.value {
				t.Errorf("%s is %q, want %q", c.field, v, c.value)
			}
			// Every truncation that still ends a head is refused or plain; it
			// must not panic.
			for n := range len(c.raw) {
				new(head).parse([]byte(c.raw[:n]+"\r\n\r\n"), 20)
			}
		})
	}
}

// FuzzParse: whatever is plain to us, net/http reads the same way.
func FuzzParse(f *testing.F) {
	for _, c := range rareHeads {
		f.Add([]byte(c.raw))
	}
	f.Add([]byte(get("/a?b", "Accept: */*", "Connection: keep-alive", "X: ")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := bytes.Index(raw, endOfHead)
		if n < 0 {
			return
		}
		raw = raw[:n+len(endOfHead)]
		h := new(head)
		if !h.parse(raw, 64) {
			return
		}
		r := &h.request
		theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			// The escapes of a path are the source's to judge.
			if strings.Contains(err.Error(), "invalid URL escape") {
				return
			}
			t.Fatalf("plain, but to net/http: %v\n%q", err, raw)
		}
		if theirs.Method != r.Method || theirs.RequestURI != r.Path || theirs.Host != r.Authority {
			t.Fatalf("%s %s %s, to net/http %s %s %s", r.Method, r.Authority, r.Path, theirs.Method, theirs.Host, theirs.RequestURI)
		}
		if theirs.ContentLength != 0 || len(theirs.TransferEncoding) > 0 || theirs.Close {
			t.Fatalf("net/http expects a body, or the end: %q", raw)
		}
		if !httpguts.ValidHostHeader(r.Authority) {
			t.Fatalf("net/http refuses the host %q", r.Authority)
		}
		ours := make(http.Header)
		for _, field := range r.Fields {
			if !httpguts.ValidHeaderFieldName(field.Name) || !httpguts.ValidHeaderFieldValue(field.Value) {
				t.Fatalf("net/http refuses the field %q: %q", field.Name, field.Value)
			}
			if field.Name != "host" {
				ours.Add(field.Name, field.Value)
			}
		}
		if len(ours) != len(theirs.Header) {
			t.Fatalf("fields %v, to net/http %v", ours, theirs.Header)
		}
		for name, values := range ours {
			if strings.Join(values, "\n") != strings.Join(theirs.Header[name], "\n") {
				t.Fatalf("%s is %q, to net/http %q", name, values, theirs.Header[name])
			}
		}
	})
}
