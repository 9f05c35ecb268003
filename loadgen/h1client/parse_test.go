package h1client

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// reading is what a parser made of some bytes.
type reading struct {
	status  int
	content string
	persist bool
	whole   bool
	rest    string // behind a whole response
	remarks exchange.Remarks
	failure *exchange.Failure // then content is as far as it came
}

// read parses a response that comes in pieces, as a connection does; ended is
// that the connection ends behind them.
func read(headOnly, ended bool, pieces ...string) (r reading) {
	return readWith(parser{}, headOnly, ended, pieces...)
}

func readWith(p parser, headOnly, ended bool, pieces ...string) (r reading) {
	p.begin(headOnly)
	var unread, content []byte
	for _, piece := range pieces {
		unread = append(unread, piece...)
		for r.failure == nil {
			n, part, f := p.next(unread)
			content = append(content, part...)
			r.failure = f
			unread = unread[n:]
			if n == 0 {
				break
			}
		}
	}
	switch {
	case r.failure != nil:
	case ended && p.state == toEnd:
		p.state = whole
	case ended && p.inContent():
		r.failure = errShort
	}
	r.status, r.content, r.remarks = p.status, string(content), p.remarks
	if p.state == whole {
		r.whole, r.persist, r.rest = true, p.persist, string(unread)
	}
	return r
}

const (
	head200 = "HTTP/1.1 200 OK\r\n"
	two     = head200 + "Content-Length: 2\r\n"
	chunks  = head200 + "Transfer-Encoding: chunked\r\n\r\n"
)

// responses are those that are well-formed, each followed by the connection's
// end.
var responses = []struct {
	name, raw string
	headOnly  bool
	want      reading
}{
	{name: "a content", raw: two + "\r\nok", want: reading{status: 200, content: "ok", persist: true}},
	{name: "an empty content", raw: head200 + "Content-Length: 0\r\n\r\n", want: reading{status: 200, persist: true}},
	{name: "more behind it", raw: two + "\r\nokHTTP/1.1 ", want: reading{status: 200, content: "ok", persist: true, rest: "HTTP/1.1 "}},
	{name: "other fields", raw: two + "Server: a b\r\nX-Empty:\r\nx!#$%&'*+-.^_`|~09: \t\"\u00e9\", b\t \r\n\r\nok", want: reading{status: 200, content: "ok", persist: true}},
	{name: "names in any case", raw: head200 + "cOnTeNt-LeNgTh:2\r\nCONNECTION:CLOSE\r\n\r\nok", want: reading{status: 200, content: "ok"}},
	{name: "names as long as those that matter", raw: two + "Content-Lengtg: x\r\nConnectiom: close\r\nTransfer-Encodinf: gzip\r\n\r\nok", want: reading{status: 200, content: "ok", persist: true}},
	{name: "a length twice", raw: two + "Content-Length: 2\r\n\r\nok", want: reading{status: 200, content: "ok", persist: true}},

	// The status line (RFC 9112 §4).
	{name: "no reason", raw: "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", want: reading{status: 404, persist: true}},
	{name: "no space before no reason", raw: "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", want: reading{status: 404, persist: true}},
	{name: "a reason in UTF-8", raw: "HTTP/1.1 999 d\u00e9j\u00e0 vu\r\nContent-Length: 0\r\n\r\n", want: reading{status: 999, persist: true}},

	// What has no content (RFC 9112 §6.3), whatever the fields say.
	{name: "HEAD", headOnly: true, raw: two + "\r\n", want: reading{status: 200, persist: true}},
	{name: "HEAD, chunked", headOnly: true, raw: chunks, want: reading{status: 200, persist: true}},
	{name: "HEAD without a length", headOnly: true, raw: head200 + "\r\n", want: reading{status: 200, persist: true}},
	{name: "204", raw: "HTTP/1.1 204 No Content\r\n\r\n", want: reading{status: 204, persist: true}},
	{name: "304 with a length", raw: "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", want: reading{status: 304, persist: true}},

	// Interim responses (RFC 9110 §15.2).
	{name: "100", raw: "HTTP/1.1 100 Continue\r\n\r\n" + two + "\r\nok", want: reading{status: 200, content: "ok", persist: true}},
	{name: "103 twice", raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\nConnection: close\r\n\r\n", 2) + two + "\r\nok", want: reading{status: 200, content: "ok", persist: true}},

	// Whether the connection lasts (RFC 9112 §9.3).
	{name: "close", raw: two + "Connection: close\r\n\r\nok", want: reading{status: 200, content: "ok"}},
	{name: "close in a list", raw: two + "Connection: keep-alive ,\t, Close\r\n\r\nok", want: reading{status: 200, content: "ok"}},
	{name: "close in another line", raw: two + "Connection: keep-alive\r\nConnection: close\r\n\r\nok", want: reading{status: 200, content: "ok"}},
	{name: "closed is not close", raw: two + "Connection: closed\r\n\r\nok", want: reading{status: 200, content: "ok", persist: true}},
	{name: "HTTP/1.0", raw: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", want: reading{status: 200, content: "ok"}},
	{name: "HTTP/1.0, kept alive", raw: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok", want: reading{status: 200, content: "ok", persist: true}},
	{name: "up to the end", raw: head200 + "\r\nok", want: reading{status: 200, content: "ok", remarks: exchange.Endless}},
	{name: "up to the end, kept alive", raw: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nok\r\n", want: reading{status: 200, content: "ok\r\n"}},
	{name: "up to the end, empty", raw: head200 + "\r\n", want: reading{status: 200, remarks: exchange.Endless}},

	// Chunks (RFC 9112 §7.1).
	{name: "chunks", raw: chunks + "2\r\nok\r\nA\r\n0123456789\r\n0\r\n\r\n", want: reading{status: 200, content: "ok0123456789", persist: true}},
	{name: "no chunks", raw: chunks + "0\r\n\r\n", want: reading{status: 200, persist: true}},
	{name: "chunks, more behind", raw: chunks + "1\r\n\n\r\n0\r\n\r\n0", want: reading{status: 200, content: "\n", persist: true, rest: "0"}},
	{name: "chunks, close", raw: head200 + "Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", want: reading{status: 200}},
	{name: "sizes in any case, with zeros", raw: chunks + "00a\r\n0123456789\r\n000000000000000B\r\n0123456789-\r\n0\r\n\r\n", want: reading{status: 200, content: "01234567890123456789-", persist: true}},
	{name: "extensions", raw: chunks + "2;a=b;c=\"d\"\r\nok\r\n0 ; e\r\n\r\n", want: reading{status: 200, content: "ok", persist: true}},
	{name: "space behind a size", raw: chunks + "2 \t\r\nok\r\n0  \r\n\r\n", want: reading{status: 200, content: "ok", persist: true}},
	{name: "trailers", raw: chunks + "2\r\nok\r\n0\r\nDigest: x\r\nContent-Length: 7\r\nConnection: close\r\n\r\n", want: reading{status: 200, content: "ok", persist: true}},

	// Just within the bounds.
	{name: "a long line", raw: long(maxHead), want: reading{status: 200, content: "ok", persist: true}},
	{name: "many fields", raw: two + strings.Repeat("X: y\r\n", maxFields-1) + "\r\nok", want: reading{status: 200, content: "ok", persist: true}},
	{name: "a long extension", raw: chunks + "0;" + strings.Repeat("x", maxChunkLine-len("0;\r\n")) + "\r\n\r\n", want: reading{status: 200, persist: true}},
}

// long is a response whose head is of that size.
func long(size int) string {
	const around = two + "X: " + "\r\n\r\n"
	return two + "X: " + strings.Repeat("x", size-len(around)) + "\r\n\r\nok"
}

// broken are those that are not, with the failure, and the status if it was
// found in the content.
var broken = []struct {
	name, raw string
	failure   *exchange.Failure
	status    int
}{
	{name: "HTTP/2", raw: "\x00\x00\x12\x04\x00\x00\x00\x00\x00", failure: errStatusLine},
	{name: "an empty line before", raw: "\r\n" + two + "\r\nok", failure: errStatusLine},
	{name: "another version", raw: "HTTP/1.2 200 OK\r\n\r\n", failure: errStatusLine},
	{name: "a version of one digit", raw: "HTTP/1 200 OK\r\n\r\n", failure: errStatusLine},
	{name: "a version in lower case", raw: "http/1.1 200 OK\r\n\r\n", failure: errStatusLine},
	{name: "HTTP/2 in text", raw: "HTTP/2.0 200 OK\r\n\r\n", failure: errStatusLine},
	{name: "no status", raw: "HTTP/1.1 \r\n\r\n", failure: errStatusLine},
	{name: "a status of two digits", raw: "HTTP/1.1 20 OK\r\n\r\n", failure: errStatusLine},
	{name: "a status of four digits", raw: "HTTP/1.1 2000 OK\r\n\r\n", failure: errStatusLine},
	{name: "a status below 100", raw: "HTTP/1.1 099 OK\r\n\r\n", failure: errStatusLine},
	{name: "a status with a sign", raw: "HTTP/1.1 +20 OK\r\n\r\n", failure: errStatusLine},
	{name: "two spaces", raw: "HTTP/1.1  200 OK\r\n\r\n", failure: errStatusLine},
	{name: "a tab for a space", raw: "HTTP/1.1\t200 OK\r\n\r\n", failure: errStatusLine},
	{name: "NUL in the reason", raw: "HTTP/1.1 200 O\x00K\r\n\r\n", failure: errStatusLine},

	{name: "LF behind a chunk's size", raw: chunks + "2\nok\r\n0\r\n\r\n", failure: errLineEnd, status: 200},

	{name: "no colon", raw: head200 + "nonsense\r\n\r\n", failure: errField},
	{name: "no name", raw: head200 + ": x\r\n\r\n", failure: errField},
	{name: "space before the colon", raw: head200 + "X : y\r\n\r\n", failure: errField},
	{name: "a folded line in front of all fields", raw: head200 + " X: y\r\n\r\n", failure: errField},
	{name: "a name that is folded", raw: head200 + "X\r\n : y\r\n\r\n", failure: errField},
	{name: "folds without end", raw: head200 + "X: y\r\n" + strings.Repeat(" z\r\n", maxHead/4), failure: errHeadSize},
	{name: "a byte above ASCII in a name", raw: head200 + "X\xff: y\r\n\r\n", failure: errField},
	{name: "CR in a value", raw: head200 + "X: y\rz\r\n\r\n", failure: errField},
	{name: "NUL in a value", raw: head200 + "X: y\x00\r\n\r\n", failure: errField},
	{name: "DEL in a value", raw: head200 + "X: y\x7f\r\n\r\n", failure: errField},
	{name: "a trailer without a colon", raw: chunks + "0\r\nnonsense\r\n\r\n", failure: errField, status: 200},

	{name: "a length with a sign", raw: head200 + "Content-Length: +2\r\n\r\nok", failure: errLength},
	{name: "a negative length", raw: head200 + "Content-Length: -2\r\n\r\nok", failure: errLength},
	{name: "an empty length", raw: head200 + "Content-Length:\r\n\r\nok", failure: errLength},
	{name: "a length in hexadecimal", raw: head200 + "Content-Length: 0x2\r\n\r\nok", failure: errLength},
	{name: "a list of lengths", raw: head200 + "Content-Length: 2, 2\r\n\r\nok", failure: errLength},
	{name: "a length of more than 2^53", raw: head200 + "Content-Length: 9007199254740993\r\n\r\n", failure: errLength},
	{name: "a length of more than 2^64", raw: head200 + "Content-Length: 18446744073709551618\r\n\r\nok", failure: errLength},
	{name: "a length in an interim response", raw: "HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n" + two + "\r\nok", failure: errLength},
	{name: "two lengths", raw: two + "Content-Length: 3\r\n\r\nok", failure: errLengths},

	{name: "gzip", raw: head200 + "Transfer-Encoding: gzip\r\n\r\n", failure: errCoding},
	{name: "gzip and chunked", raw: head200 + "Transfer-Encoding: gzip, chunked\r\n\r\n", failure: errCoding},
	{name: "chunked twice", raw: head200 + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", failure: errCoding},
	{name: "an empty coding", raw: head200 + "Transfer-Encoding:\r\n\r\n", failure: errCoding},
	{name: "chunked in HTTP/1.0", raw: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", failure: errCoding10},
	{name: "chunked and a length", raw: two + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", failure: errCodingLength},
	{name: "a length and chunked", raw: head200 + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", failure: errCodingLength},
	{name: "101", raw: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", failure: errSwitching},

	{name: "an empty size", raw: chunks + "\r\n\r\n", failure: errChunk, status: 200},
	{name: "a size with a sign", raw: chunks + "+2\r\nok\r\n0\r\n\r\n", failure: errChunk, status: 200},
	{name: "a size with a prefix", raw: chunks + "0x2\r\nok\r\n0\r\n\r\n", failure: errChunk, status: 200},
	{name: "space before a size", raw: chunks + " 2\r\nok\r\n0\r\n\r\n", failure: errChunk, status: 200},
	{name: "no size before an extension", raw: chunks + ";a\r\n\r\n", failure: errChunk, status: 200},
	{name: "a size of 17 digits", raw: chunks + "00000000000000002\r\nok\r\n0\r\n\r\n", failure: errChunk, status: 200},
	{name: "CR in an extension", raw: chunks + "0;\r\r\n\r\n", failure: errChunk, status: 200},
	{name: "a chunk longer than its size", raw: chunks + "2\r\nok!\r\n0\r\n\r\n", failure: errChunk, status: 200},
	{name: "LF behind a chunk", raw: chunks + "2\r\nok\n0\r\n\r\n", failure: errChunk, status: 200},
	{name: "a chunk of more than 2^53", raw: chunks + "20000000000001\r\n", failure: errChunkSize, status: 200},
	{name: "a chunk of 2^64-1", raw: chunks + "ffffffffffffffff\r\n", failure: errChunkSize, status: 200},
	{name: "a chunk line that is too long", raw: chunks + "0;" + strings.Repeat("x", maxChunkLine-len("0;\r\n")+1) + "\r\n\r\n", failure: errChunkLine, status: 200},
	{name: "a chunk line without an end", raw: chunks + strings.Repeat("0", maxChunkLine+1), failure: errChunkLine, status: 200},

	{name: "a head that is too large", raw: long(maxHead + 1), failure: errHeadSize},
	{name: "a line without an end", raw: head200 + strings.Repeat("x", maxHead), failure: errHeadSize},
	{name: "too many interim responses", raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3000), failure: errHeadSize},
	{name: "trailers that are too large", raw: chunks + "0\r\nX: " + strings.Repeat("x", maxHead), failure: errHeadSize, status: 200},
	{name: "too many fields", raw: head200 + strings.Repeat("X: y\r\n", maxFields+1) + "\r\n", failure: errFieldCount},
	{name: "too many fields of two heads", raw: "HTTP/1.1 103 Early Hints\r\n" + strings.Repeat("X: y\r\n", maxFields) + "\r\n" + two + "\r\n", failure: errFieldCount},
	{name: "too many trailers", raw: chunks + "0\r\n" + strings.Repeat("X: y\r\n", maxFields) + "\r\n", failure: errFieldCount, status: 200},

	{name: "a content that is too short", raw: two + "\r\no", failure: errShort, status: 200},
	{name: "no content", raw: two + "\r\n", failure: errShort, status: 200},
	{name: "chunks without a last", raw: chunks + "2\r\nok\r\n", failure: errShort, status: 200},
	{name: "chunks without an end", raw: chunks + "2\r\nok\r\n0\r\n", failure: errShort, status: 200},
	{name: "a chunk that is too short", raw: chunks + "3\r\nok", failure: errShort, status: 200},
}

func TestResponses(t *testing.T) {
	for _, c := range responses {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			want.whole = true
			if got := read(c.headOnly, true, c.raw); got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			splits(t, c.headOnly, c.raw, want)
			// A part of it is no whole response, and nothing is wrong with it.
			for _, n := range cuts(len(c.raw) - len(want.rest)) {
				if got := read(c.headOnly, false, c.raw[:n]); got.whole || got.failure != nil || !strings.HasPrefix(want.content, got.content) {
					t.Fatalf("the first %d bytes: %+v", n, got)
				}
			}
		})
	}
}

func TestBrokenResponses(t *testing.T) {
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			want := read(false, true, c.raw)
			if want.failure != c.failure || want.status != c.status || want.whole {
				t.Fatalf("got %+v, want %v with status %d", want, c.failure, c.status)
			}
			splits(t, false, c.raw, want)
		})
	}
}

// splits checks that a response is read the same however its bytes come.
func splits(t *testing.T, headOnly bool, raw string, want reading) {
	t.Helper()
	for _, n := range cuts(len(raw)) {
		if got := read(headOnly, true, raw[:n], raw[n:]); got != want {
			t.Fatalf("cut at %d: %+v, want %+v", n, got, want)
		}
	}
	if got := read(headOnly, true, strings.Split(raw, "")...); got != want {
		t.Fatalf("byte by byte: %+v, want %+v", got, want)
	}
}

// cuts are the places where so many bytes can be cut, before the last; of many
// those near the ends.
func cuts(size int) (at []int) {
	const near = 200
	for n := range size {
		if n < near || n >= size-near {
			at = append(at, n)
		}
	}
	return at
}
