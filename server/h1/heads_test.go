package h1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// refused are requests that the engine answers itself: no handler gets them,
// nothing stored answers them, and the connection ends.
var refused = []struct {
	name, raw string
	status    int
}{
	{"no method", " / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a method that is no token", "GE(T / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a control character in the method", "G\x01ET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a byte above ASCII in the method", "G\xc3\xa9T / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a colon behind the method", "GET: / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a TLS record", "\x16\x03\x01\x02\x00\x01", 400},
	{"a path without a slash", "GET x HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"no target", "GET  HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"two spaces before the target", "GET  / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"two spaces behind the target", "GET /  HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a space in the target", "GET /a b HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a space before the request line", " GET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a space after the version", "GET / HTTP/1.1 \r\nHost: test\r\n\r\n", 400},
	{"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a control character in the target", "GET /\x01 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"UTF-8 in the target", "GET /\u00e9 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"a fragment in the target", "GET /#a HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"asterisk-form with GET", "GET * HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"authority-form with GET", "GET test:443 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"origin-form with CONNECT", "CONNECT / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"CONNECT without a port", "CONNECT test HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"CONNECT with an empty port", "CONNECT test: HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"CONNECT with content", "CONNECT test:443 HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", 400},
	{"absolute-form, another scheme", "GET ftp://test/ HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"absolute-form without a host", "GET http:/// HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"absolute-form with a user", "GET http://user@test/ HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"absolute-form without Host", "GET http://test/ HTTP/1.1\r\n\r\n", 400},
	{"absolute-form with a bad Host", "GET http://test/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505},
	{"HTTP/3.0", "GET / HTTP/3.0\r\nHost: test\r\n\r\n", 505},
	{"HTTP/0.9 as a version", "GET / HTTP/0.9\r\nHost: test\r\n\r\n", 505},
	{"HTTP/0.9", "GET /\r\n", 400},
	{"version in lower case", "GET / http/1.1\r\nHost: test\r\n\r\n", 400},
	{"a version of three numbers", "GET / HTTP/1.1.1\r\nHost: test\r\n\r\n", 400},
	{"a version of one number", "GET / HTTP/1\r\nHost: test\r\n\r\n", 400},
	{"a version of two digits", "GET / HTTP/1.10\r\nHost: test\r\n\r\n", 400},
	{"a version that is no number", "GET / HTTP/1.x\r\nHost: test\r\n\r\n", 400},
	{"another protocol", "GET / ICAP/1.1\r\nHost: test\r\n\r\n", 400},
	{"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"LF before", "\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"CR before", "\rGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"no Host", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", 400},
	{"no field at all", "GET / HTTP/1.1\r\n\r\n", 400},
	{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n", 400},
	{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: test\r\nHost: other\r\n\r\n", 400},
	{"a list of Hosts", "GET / HTTP/1.1\r\nHost: test, other\r\n\r\n", 400},
	{"a Host with a space", "GET / HTTP/1.1\r\nHost: te st\r\n\r\n", 400},
	{"a Host with a path", "GET / HTTP/1.1\r\nHost: test/a\r\n\r\n", 400},
	{"a Host with a user", "GET / HTTP/1.1\r\nHost: a@test\r\n\r\n", 400},
	{"a Host with a scheme", "GET / HTTP/1.1\r\nHost: http://test\r\n\r\n", 400},
	{"a Host with two ports", "GET / HTTP/1.1\r\nHost: test:80:90\r\n\r\n", 400},
	{"a Host whose port is no number", "GET / HTTP/1.1\r\nHost: test:http\r\n\r\n", 400},
	{"a Host that is a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
	{"a Host with half a bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
	{"a Host with a word behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400},
	{"a Host in UTF-8", "GET / HTTP/1.1\r\nHost: t\u00e9st\r\n\r\n", 400},
	{"obs-fold", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\n\r\n", 400},
	{"obs-fold with a tab", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n\tb: c\r\n\r\n", 400},
	{"a folded first field", "GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400},
	{"a folded Transfer-Encoding", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
	{"a space before the colon", "GET / HTTP/1.1\r\nHost : test\r\n\r\n", 400},
	{"a tab before the colon", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length\t: 4\r\n\r\nbody", 400},
	{"a space before the colon of Transfer-Encoding", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
	{"a space in a name", "GET / HTTP/1.1\r\nHost: test\r\nX y: z\r\n\r\n", 400},
	{"no name", "GET / HTTP/1.1\r\nHost: test\r\n: z\r\n\r\n", 400},
	{"no colon", "GET / HTTP/1.1\r\nHost: test\r\nnonsense\r\n\r\n", 400},
	{"a byte above ASCII in a name", "GET / HTTP/1.1\r\nHost: test\r\nX\xff: z\r\n\r\n", 400},
	{"NUL in a name", "GET / HTTP/1.1\r\nHost: test\r\nX\x00: z\r\n\r\n", 400},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\x00b\r\n\r\n", 400},
	{"a control character in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\x0bb\r\n\r\n", 400},
	{"DEL in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\x7fb\r\n\r\n", 400},
	{"CR in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\rb\r\n\r\n", 400},
	{"CR CR LF", "GET / HTTP/1.1\r\nHost: test\r\r\n\r\n", 400},
	{"LF for all line ends", "GET / HTTP/1.1\nHost: test\n\n", 400},
	{"LF for one line end", "GET / HTTP/1.1\r\nHost: test\nX: y\r\n\r\n", 400},
	{"LF for the empty line", "GET / HTTP/1.1\r\nHost: test\r\n\n", 400},
	{"LF before a hidden request", "GET /a HTTP/1.1\nHost: test\n\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
	{"Transfer-Encoding and Content-Length", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
	{"Content-Length and Transfer-Encoding", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"Transfer-Encoding and Content-Length 0", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 400},
	{"Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"two Transfer-Encodings", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"two Transfer-Encodings, one unknown", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400},
	{"chunked twice", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
	{"chunked not last", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
	{"an empty Transfer-Encoding", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", 400},
	{"a vertical tab before chunked", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400},
	{"chunked behind gzip", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	{"an unknown Transfer-Encoding", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
	{"chunked with a parameter", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 501},
	{"chunked in quotes", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
	{"identity", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: identity\r\n\r\n", 501},
	{"two Content-Lengths", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 400},
	{"the same Content-Length twice", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody", 400},
	{"a list of Content-Lengths", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4, 4\r\n\r\nbody", 400},
	{"a Content-Length with a plus", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: +4\r\n\r\nbody", 400},
	{"a negative Content-Length", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: -4\r\n\r\nbody", 400},
	{"a Content-Length in hexadecimal", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0x4\r\n\r\nbody", 400},
	{"a Content-Length with a space", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1 4\r\n\r\nbody", 400},
	{"a Content-Length with a fraction", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4.0\r\n\r\nbody", 400},
	{"an empty Content-Length", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length:\r\n\r\nbody", 400},
	{"a Content-Length beyond 64 bits", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 18446744073709551620\r\n\r\nbody", 400},
	{"a Content-Length beyond the limit", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1048577\r\n\r\n", 413},
	{"another expectation", "POST / HTTP/1.1\r\nHost: test\r\nExpect: tea\r\nContent-Length: 4\r\n\r\n", 417},
	{"too many fields", "GET / HTTP/1.1\r\nHost: test\r\n" + strings.Repeat("X: y\r\n", 20) + "\r\n", 431},
	{"a long head", "GET / HTTP/1.1\r\nHost: test\r\nX: " + strings.Repeat("y", 5<<10) + "\r\n\r\n", 431},
	{"a long head without an end", "GET / HTTP/1.1\r\nHost: test\r\nX: " + strings.Repeat("y", 4<<10), 431},
	{"a long target", "GET /" + strings.Repeat("y", 5<<10) + " HTTP/1.1\r\nHost: test\r\n\r\n", 414},
	{"a long target without an end", "GET /" + strings.Repeat("y", 4<<10), 414},
	{"a chunk size that is none", chunkedHead + "x\r\n", 400},
	{"a chunk size with a sign", chunkedHead + "+4\r\nbody\r\n0\r\n\r\n", 400},
	{"a chunk size with a prefix", chunkedHead + "0x4\r\nbody\r\n0\r\n\r\n", 400},
	{"a space before a chunk size", chunkedHead + " 4\r\nbody\r\n0\r\n\r\n", 400},
	{"a space behind a chunk size", chunkedHead + "4 \r\nbody\r\n0\r\n\r\n", 400},
	{"a chunk size beyond 63 bits", chunkedHead + "ffffffffffffffff\r\nbody", 400},
	{"a chunk size that wraps around", chunkedHead + "10000000000000004\r\nbody\r\n0\r\n\r\n", 400},
	{"LF behind a chunk size", chunkedHead + "4\nbody\r\n0\r\n\r\n", 400},
	{"LF behind an extension", chunkedHead + "4;a\nbody\r\n0\r\n\r\n", 400},
	{"CR in an extension", chunkedHead + "4;a\rb\r\nbody\r\n0\r\n\r\n", 400},
	{"a chunk longer than its size", chunkedHead + "3\r\nbody\r\n0\r\n\r\n", 400},
	{"a chunk shorter than its size", chunkedHead + "5\r\nbody\r\n0\r\n\r\n", 400},
	{"LF behind chunk data", chunkedHead + "4\r\nbody\n0\r\n\r\n", 400},
	{"a long chunk extension", chunkedHead + "4;" + strings.Repeat("a", 300) + "\r\nbody\r\n0\r\n\r\n", 400},
	{"Content-Length in a trailer", chunkedHead + "0\r\nContent-Length: 4\r\n\r\n", 400},
	{"Transfer-Encoding in a trailer", chunkedHead + "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"Host in a trailer", chunkedHead + "0\r\nHost: other\r\n\r\n", 400},
	{"a request line in a trailer", chunkedHead + "0\r\nGET / HTTP/1.1\r\n\r\n", 400},
	{"LF for a trailer's line end", chunkedHead + "0\r\nA: b\n\r\n\r\n", 400},
	{"LF for the end of the trailers", chunkedHead + "0\r\n\nGET / HTTP/1.1\r\n", 400},
	{"a folded trailer", chunkedHead + "0\r\nA: b\r\n c\r\n\r\n", 400},
	{"a long trailer section", chunkedHead + "0\r\nA: " + strings.Repeat("b", 5<<10) + "\r\n\r\n", 400},
	{"too many trailers", chunkedHead + "0\r\n" + strings.Repeat("A: b\r\n", 21) + "\r\n", 400},
}

const chunkedHead = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"

// TestRefused: every shape is answered by the engine, the connection ends, and
// what stands behind is not taken for a request.
func TestRefused(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := storing("/", "HIT", "/a", "HIT", "x", "HIT", "*", "HIT")
			p := connect(t, testConfig(s))
			p.Write(get("/")) // it is not refused before
			p.WantResponse(200, "HIT")
			p.Write(c.raw)
			method := "GET"
			a := p.Response(method)
			if a.StatusCode != c.status || strings.Contains(a.Content, "HIT") || byHandler(a) {
				t.Errorf("%d %q, want %d", a.StatusCode, a.Content, c.status)
			}
			if !a.Close {
				t.Error("the answer does not say that the connection ends")
			}
			if rest, err := io.ReadAll(p.R); len(rest) > 0 || err != nil {
				t.Errorf("%q and %v after the last answer", rest, err)
			}
			if strings.HasPrefix(c.raw, chunkedHead) {
				return // the handler has begun
			}
			if n := s.exchanges(); n > 0 {
				t.Error("the handler got it")
			}
		})
	}
}

// TestRefusedByteByByte: the answer does not depend on how a request is cut up,
// and no later byte is needed for it.
func TestRefusedByteByByte(t *testing.T) {
	for _, c := range refused {
		if len(c.raw) > 1000 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := connect(t, testConfig(storing("/", "HIT")))
			for i := range len(c.raw) {
				if _, err := io.WriteString(p.Conn, c.raw[i:i+1]); err != nil {
					break // it was refused before its end
				}
			}
			if a := p.Response("GET"); a.StatusCode != c.status {
				t.Errorf("%d %q, want %d", a.StatusCode, a.Content, c.status)
			}
		})
	}
}

// What is well-formed is answered, by the handler if it is not for the fast
// path, and the connection goes on.
func TestUnusualRequests(t *testing.T) {
	for _, c := range []struct{ name, raw, body string }{
		{"another method", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", `POST / test "body"`},
		{"an unknown method", "BREW /pot HTTP/1.1\r\nHost: test\r\n\r\n", `BREW /pot test ""`},
		{"a method in lower case", "get / HTTP/1.1\r\nHost: test\r\n\r\n", `get / test ""`},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", `OPTIONS * test ""`},
		{"OPTIONS for a server", "OPTIONS http://other HTTP/1.1\r\nHost: test\r\n\r\n", `OPTIONS * other ""`},
		{"absolute-form", "GET http://test/ HTTP/1.1\r\nHost: test\r\n\r\n", "HIT"},
		{"absolute-form, another host", "PUT HTTPS://other:81/x?y HTTP/1.1\r\nHost: test\r\n\r\n", `PUT /x?y other:81 ""`},
		{"absolute-form without a path", "PUT http://other?a HTTP/1.1\r\nHost: test\r\n\r\n", `PUT /?a other ""`},
		{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: test\r\n\r\n", "HIT"},
		{"an empty line before", "\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", "HIT"},
		{"Content-Length 0", "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", "HIT"},
		{"content of a GET", "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", `GET / test "body"`},
		{"chunks", chunkedHead + "2\r\nbo\r\n2;a=\"b\"\r\ndy\r\n0\r\n\r\n", `POST / test "body"`},
		{"chunks in another case", "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n0a\r\n0123456789\r\n00\r\n\r\n", `POST / test "0123456789"`},
		{"a trailer", chunkedHead + "1\r\nx\r\n0\r\nA: b\r\n\r\n", `POST / test "x"`},
		{"h2c", "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n", "HIT"},
		{"Upgrade without its option", "GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\r\n", "HIT"},
		{"an upgrade that is not agreed to", "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", `GET /ws test ""`},
		{"keep-alive", "GET / HTTP/1.1\r\nHost: test\r\nConnection: Keep-Alive\r\n\r\n", "HIT"},
		{"keep-alive of HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HIT"},
		{"an expectation of HTTP/1.0", "GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\nExpect: tea\r\n\r\n", "HIT"},
		{"an expectation without content", "GET / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n\r\n", "HIT"},
		{"an IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", "HIT"},
		{"as many fields as allowed", "GET / HTTP/1.1\r\nHost: test\r\n" + strings.Repeat("X: y\r\n", 19) + "\r\n", "HIT"},
		{"a head as large as allowed", headOf(4 << 10), "HIT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := connect(t, testConfig(storing("/", "HIT")))
			for _, cut := range []int{len(c.raw), 1, 7} {
				for rest := c.raw; rest != ""; {
					n := min(len(rest), max(cut, 1))
					p.Write(rest[:n])
					rest = rest[n:]
				}
				if a := p.WantResponse(200, c.body); a.Close {
					t.Error("the connection ends")
				}
			}
			p.Write(get("/"))
			p.WantResponse(200, "HIT")
		})
	}
}

// headOf is a request head of n bytes.
func headOf(n int) string {
	without := get("/", "X: ")
	return get("/", "X: "+strings.Repeat("x", n-len(without)))
}

// TestHeadTooLarge: the limit is the limit, to the byte, and costs the peer a
// breach of it.
func TestHeadTooLarge(t *testing.T) {
	p := connect(t, testConfig(storing("/", "HIT")))
	p.Write(headOf(4<<10 + 1))
	p.WantResponse(431, "431 Request Header Fields Too Large: the request head is larger than max-header-bytes\n")
	p.WantEOF()
	p.Conn.Close()
	p.wait()
	if n := p.metrics.LimitBreaches.Value(metrics.LimitHeaderList); n != 1 || p.reason != metrics.CloseLimit {
		t.Errorf("%d breaches, reason %d", n, p.reason)
	}
}

// A client that says that it ends is answered, and the connection ends; one of
// HTTP/1.0 that does not ask for more, too.
func TestLastRequest(t *testing.T) {
	for name, raw := range map[string]string{
		"close":                     get("/", "Connection: close"),
		"close among others":        get("/", "Connection: keep-alive, Close"),
		"close on another line":     get("/", "Connection: keep-alive", "Connection: close"),
		"HTTP/1.0":                  "GET / HTTP/1.0\r\n\r\n",
		"HTTP/1.0 with close":       "GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n",
		"a large one":               get("/large", "Connection: close"),
		"of a handler":              "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
		"of a handler, in HTTP/1.0": "POST / HTTP/1.0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, testConfig(storing("/", "home", "/large", strings.Repeat("x", 1<<20))))
			p.Write(raw + get("/")) // what is behind it is not answered
			if a := p.Response("GET"); a.StatusCode != 200 || !a.Close {
				t.Errorf("%d, close: %v", a.StatusCode, a.Close)
			}
			p.WantEOF()
		})
	}
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
			h := newHead()
			if r := h.parse([]byte(c.raw), limits{1 << 10, 20}); r != nil || !h.plain() {
				t.Fatalf("refused: %v, plain: %v", r, h.plain())
			}
			r := &h.request
			if r.Path != c.path || r.Authority != c.host || r.Scheme != "https" {
				t.Errorf("%s://%s %s", r.Scheme, r.Authority, r.Path)
			}
			if v, ok := r.Field(c.field); !ok || v != c.value {
				t.Errorf("%s is %q, want %q", c.field, v, c.value)
			}
			// Every truncation may still become a request, and one that ends a
			// head is refused or not; it must not panic.
			for n := 1; n < len(c.raw); n++ {
				if r := newHead().refuseEarly([]byte(c.raw[:n]), limits{1 << 10, 20}); r != nil {
					t.Errorf("%q is refused: %s", c.raw[:n], r.Body)
				}
				newHead().parse([]byte(c.raw[:n]+"\r\n\r\n"), limits{1 << 10, 20})
			}
		})
	}
}

// FuzzParse: whatever is a request to us, net/http reads the same way, if it
// reads it at all; and what net/http takes for content, we do.
func FuzzParse(f *testing.F) {
	for _, c := range refused {
		f.Add([]byte(c.raw))
	}
	f.Add([]byte(get("/a?b", "Accept: */*", "Connection: keep-alive", "X: ")))
	f.Add([]byte("POST http://a/b HTTP/1.0\r\nHost: c\r\nContent-Length: 5\r\n\r\nhello"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := bytes.Index(raw, endOfHead)
		if n < 0 {
			if len(raw) > 0 && raw[0] != '\r' {
				newHead().refuseEarly(raw, limits{1 << 10, 64})
			}
			return
		}
		raw = raw[:n+len(endOfHead)]
		h := newHead()
		if h.parse(raw, limits{1 << 10, 64}) != nil {
			return
		}
		r := &h.request
		theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return // it is the stricter one, as of the escapes in a path
		}
		if theirs.Method != r.Method || theirs.Host != r.Authority {
			t.Fatalf("%s %s, to net/http %s %s", r.Method, r.Authority, theirs.Method, theirs.Host)
		}
		if !h.absolute && r.Path != theirs.RequestURI {
			t.Fatalf("%s, to net/http %s", r.Path, theirs.RequestURI)
		}
		if got := map[framing]int64{none: 0, sized: h.length, chunkedContent: -1}[h.content]; got != theirs.ContentLength {
			t.Fatalf("content of %d bytes, to net/http %d: %q", got, theirs.ContentLength, raw)
		}
		if theirs.Close && !h.close {
			t.Fatalf("net/http sees the end: %q", raw)
		}
		if r.Authority != "" && !httpguts.ValidHostHeader(r.Authority) {
			t.Fatalf("net/http refuses the host %q", r.Authority)
		}
		for _, field := range r.Fields {
			if !httpguts.ValidHeaderFieldName(field.Name) || !httpguts.ValidHeaderFieldValue(field.Value) {
				t.Fatalf("net/http refuses the field %q: %q", field.Name, field.Value)
			}
		}
	})
}
