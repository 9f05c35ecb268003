package proxy

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// shape is a response that is not what RFC 9112 allows. A client that takes it
// may see another response in it, or another end, than one that takes it too.
type shape struct {
	name, bytes string
	kind        string // how the fetch fails
	passes      bool   // net/http's reader takes it: the framer alone refuses it
}

// chunkedHead precedes chunks.
const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

var shapes = []shape{
	// RFC 9112 §6.3: what the length of a content is.
	{"length beside chunked", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502 http_protocol_error", true},
	{"chunked beside length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "502 http_protocol_error", true},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", "502 http_protocol_error", false},
	{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", "502 http_protocol_error", false},
	{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", "502 http_protocol_error", false},
	{"a hexadecimal length", "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok", "502 http_protocol_error", false},
	{"an empty length", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok", "502 http_protocol_error", false},
	{"a length beyond 63 bits", "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nok", "502 http_protocol_error", false},
	// RFC 9112 §6.1: transfer codings.
	{"an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", "502 http_response_transfer_coding", false},
	{"two codings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"chunked on two lines", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"an obscured coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "502 http_protocol_error", false},
	{"a coding with a parameter", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502 http_response_transfer_coding", true},
	{"chunked in a 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502 http_response_transfer_coding", true},
	{"a 103 with a length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "502 http_protocol_error", false},
	// RFC 9112 §4, §5: the head.
	{"a folded line", "HTTP/1.1 200 OK\r\nX-A: b\r\n Content-Length: 0\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"a folded first line", "HTTP/1.1 200 OK\r\n X-A: b\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", "502 http_protocol_error", true},
	{"a tab before the colon", "HTTP/1.1 200 OK\r\nContent-Length\t: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a line without a colon", "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"an empty name", "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a name with a space", "HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"a name with a control", "HTTP/1.1 200 OK\r\nX\x01A: b\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a name beyond ASCII", "HTTP/1.1 200 OK\r\nX\xc3\xa4: b\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a NUL in a value", "HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a control in a value", "HTTP/1.1 200 OK\r\nX-A: a\x1bb\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a bare CR in a value", "HTTP/1.1 200 OK\r\nX-A: a\rContent-Length: 0\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a bare LF behind a field", "HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"bare LFs alone", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "502 http_protocol_error", true},
	{"a bare LF behind the status line", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"a bare LF ends the head", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok", "502 http_protocol_error", true},
	{"two CRs", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\r\n\r\nok", "502 http_protocol_error", false},
	{"an empty line first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"HTTP/0.9", "<html>ok</html>\r\n\r\n", "502 http_protocol_error", false},
	{"HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"lower case", "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"two spaces", "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", false},
	{"status 999", "HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"status 000", "HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"a control in the reason", "HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok", "502 http_protocol_error", true},
	{"101 without a request for it", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "502 http_upgrade_failed", true},
	// RFC 9112 §7.1: chunks.
	{"a chunk size with 0x", chunkedHead + "0x2\r\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a negative chunk size", chunkedHead + "-2\r\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"no chunk size", chunkedHead + "\r\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a chunk size beyond 64 bits", chunkedHead + "10000000000000002\r\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a bare LF behind a chunk size", chunkedHead + "2\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a bare LF in a chunk extension", chunkedHead + "2;a\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a bare CR in a chunk extension", chunkedHead + "2;a\rb\r\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a NUL in a chunk extension", chunkedHead + "2;a\x00\r\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", true},
	{"a long chunk extension", chunkedHead + "2;" + strings.Repeat("a", 300) + "\r\nok\r\n0\r\n\r\n", "502 http_response_transfer_coding", true},
	{"a bare LF behind a chunk", chunkedHead + "2\r\nok\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a chunk longer than its size", chunkedHead + "2\r\nokk\r\n0\r\n\r\n", "502 http_response_transfer_coding", false},
	{"a folded trailer", chunkedHead + "2\r\nok\r\n0\r\nX-A: b\r\n c\r\n\r\n", "502 http_protocol_error", true},
	{"a trailer with a bare LF", chunkedHead + "2\r\nok\r\n0\r\nX-A: b\n\r\n", "502 http_protocol_error", false},
	{"a trailer without a colon", chunkedHead + "2\r\nok\r\n0\r\nX-A\r\n\r\n", "502 http_protocol_error", false},
	// RFC 9112 §8: incomplete messages.
	{"a short content", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "502 http_response_incomplete", false},
	{"a cut chunk", chunkedHead + "5\r\nok", "502 http_response_incomplete", false},
	{"no last chunk", chunkedHead + "2\r\nok\r\n", "502 http_response_incomplete", false},
	{"no end of the trailers", chunkedHead + "2\r\nok\r\n0\r\n", "502 http_response_incomplete", false},
	{"half a head", "HTTP/1.1 200 OK\r\nContent-Le", "502 http_response_incomplete", false},
	{"nothing", "", "502 connection_terminated", false},
	// Limits.
	{"a head above 64 KiB", "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", maxHead) + "\r\n\r\n", "502 http_response_header_section_size", true},
	{"many fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("a:\r\n", maxFields+1) + "\r\n", "502 http_response_header_section_size", true},
	{"many informs", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", maxInforms+1) + ok200, "502 http_protocol_error", true},
	{"long trailers", chunkedHead + "0\r\nX-A: " + strings.Repeat("a", maxTrailers) + "\r\n\r\n", "502 http_response_trailer_section_size", true},
}

// TestRFC9112Section11Smuggling: each shape fails, whether it comes at once or
// byte by byte, ends the connection, and is never ended as if it were whole.
func TestRFC9112Section11Smuggling(t *testing.T) {
	strict := 0
	for _, c := range shapes {
		t.Run(c.name, func(t *testing.T) {
			if passes := netHTTPTakes(c.bytes); passes != c.passes {
				t.Errorf("net/http takes it: %v", passes)
			}
			if c.passes {
				strict++
			}
			for _, slow := range []bool{false, true} {
				if slow && len(c.bytes) > 2000 {
					continue
				}
				s := h1peer.Serve(t, patience, func(n int, conn *h1peer.Peer) {
					if conn.Head() == "" {
						return
					}
					if !slow {
						conn.Say(c.bytes)
						return
					}
					for i := range len(c.bytes) {
						conn.Say(c.bytes[i : i+1])
					}
				})
				p := proxyTo(t, Config{Upstreams: []string{s.URL()}, Retry: Retry{Percent: -1}})
				sink, err := fetch(t, p, get("/"))
				if kindOf(err) != c.kind {
					t.Errorf("slow %v: %v, want %s", slow, err, c.kind)
				}
				if sink.ended {
					t.Error("the response was ended as if it were whole")
				}
			}
		})
	}
	if len(shapes) < 25 || strict < 15 {
		t.Errorf("%d shapes, of which net/http takes %d", len(shapes), strict)
	}
}

// netHTTPTakes reports whether net/http's reader takes a response, informational
// heads included.
func netHTTPTakes(text string) bool {
	r := bufio.NewReader(strings.NewReader(text))
	for {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return false
		}
		_, err = io.Copy(io.Discard, res.Body)
		if err != nil || res.StatusCode == 101 || res.StatusCode/100 != 1 {
			return err == nil
		}
	}
}

// TestLenient: what is not allowed by the letter but has one meaning for
// all parties is taken.
func TestLenient(t *testing.T) {
	for _, c := range []struct{ name, bytes, body string }{
		{"no reason", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"no space before no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"a reason beyond ASCII", "HTTP/1.1 200 \xe4\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\nok", "ok"},
		{"a padded chunk size", chunkedHead + "2  \r\nok\r\n0\r\n\r\n", "ok"},
		{"a chunk extension", chunkedHead + "2;a=\"b\"\r\nok\r\n0;c\r\n\r\n", "ok"},
		{"capital chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"},
		{"leading zeros", "HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok", "ok"},
		{"a 204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", ""},
		{"a 304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""},
		{"an empty value", "HTTP/1.1 200 OK\r\nX-A:\r\nContent-Length:2\r\n\r\nok", "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
				conn.Head()
				conn.Say(c.bytes)
			})
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
			if got := mustFetch(t, p, get("/")); got.body.String() != c.body {
				t.Errorf("content %q", got.body.String())
			}
		})
	}
}

// TestRFC9112Section9Unasked: bytes that were not asked for close the connection
// and are never an answer, whether they come behind a response or later.
func TestRFC9112Section9Unasked(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	for _, c := range []struct{ name, first string }{
		{"behind a content", ok200 + poison},
		{"behind chunks", chunkedHead + "2\r\nok\r\n0\r\n\r\n" + poison},
		{"behind a 304", "HTTP/1.1 304 Not Modified\r\n\r\n" + poison},
		{"one byte", ok200 + "H"},
		{"an empty line", ok200 + "\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h1peer.Serve(t, patience, func(n int, conn *h1peer.Peer) {
				for conn.Head() != "" {
					conn.Say(c.first)
				}
			})
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
			const rounds = 20
			for i := range rounds {
				r := get("/")
				if i%2 == 1 { // the content is not lost with a connection that cannot be used
					r = post(strings.NewReader("x"), 1)
				}
				if got := mustFetch(t, p, r); strings.Contains(got.body.String(), "poison") {
					t.Fatal("bytes that were not asked for became an answer")
				}
			}
			if n := len(s.Conns()); n != rounds {
				t.Errorf("%d connections for %d fetches: one was used again", n, rounds)
			}
		})
	}
	t.Run("while idle", func(t *testing.T) {
		said := make(chan struct{})
		s := h1peer.Serve(t, patience, func(n int, conn *h1peer.Peer) {
			conn.Head()
			conn.Say(ok200)
			if n == 0 {
				conn.Say(poison)
				close(said)
			}
			conn.Head()
		})
		p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
		mustFetch(t, p, get("/"))
		<-said
		if got := mustFetch(t, p, get("/")); got.body.String() != "ok" {
			t.Errorf("content %q", got.body.String())
		}
	})
}

// FuzzFramer: whatever comes, in whatever pieces, the framer sees the same end,
// and what it takes whole, net/http takes with the same content.
func FuzzFramer(f *testing.F) {
	for _, s := range shapes {
		if len(s.bytes) < 1000 {
			f.Add([]byte(s.bytes), uint8(3))
		}
	}
	f.Add([]byte(ok200), uint8(1))
	f.Add([]byte(chunkedHead+"2\r\nok\r\n0\r\nA: b\r\n\r\n"), uint8(7))
	f.Fuzz(func(t *testing.T, text []byte, step uint8) {
		run := func(step int) (n int, done bool, bad string, out *reply) {
			var fr framer
			out = new(reply)
			fr.begin(otherMethod, out)
			in := append([]byte(nil), text...)
			for n < len(in) && !fr.done() {
				used, err := fr.next(in[n:min(len(in), n+step)])
				n += used
				if err != nil {
					return n, false, err.Error(), out
				}
			}
			return n, fr.done(), "", out
		}
		n, done, bad, out := run(len(text) + 1)
		n2, done2, bad2, _ := run(int(step) + 1)
		if done != done2 || (bad == "") != (bad2 == "") || done && n != n2 {
			t.Fatalf("at once: %d %v %q; in pieces: %d %v %q", n, done, bad, n2, done2, bad2)
		}
		if !done || out.status == 101 {
			return
		}
		r := bufio.NewReader(strings.NewReader(string(text[:n])))
		for {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("net/http refuses what the framer takes: %v", err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Fatalf("net/http refuses the content: %v", err)
			}
			if res.StatusCode/100 == 1 {
				continue
			}
			if res.StatusCode != out.status || r.Buffered() != 0 {
				t.Fatalf("net/http sees status %d and %d bytes behind it", res.StatusCode, r.Buffered())
			}
			return
		}
	})
}
