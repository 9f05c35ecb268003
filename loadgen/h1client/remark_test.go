package h1client

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// TestRemarks: what RFC 9112 §2.2 and §5.2 let a client read is read, in one piece
// and byte for byte, and remarked; strictly, it is refused.
func TestRemarks(t *testing.T) {
	const both = exchange.BareLF | exchange.Folded
	for _, tt := range []struct {
		name, raw string
		status    int
		content   string
		remarks   exchange.Remarks
		strict    *exchange.Failure // nil: it is read the same
	}{
		{"CRLF", two + "\r\nok", 200, "ok", 0, nil},
		{"LF behind all lines", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok", exchange.BareLF, errLineEnd},
		{"LF behind the head alone", two + "\nok", 200, "ok", exchange.BareLF, errLineEnd},
		{"LF and nothing else", "HTTP/1.1 404 Not Found\nContent-Length: 0\n\n", 404, "", exchange.BareLF, errLineEnd},
		{"a folded value", head200 + "X: a\r\n b\r\nContent-Length: 2\r\n\r\nok", 200, "ok", exchange.Folded, errField},
		{"folded with a tab, twice", head200 + "X: a\r\n\tb\r\n\tc\r\nContent-Length: 2\r\n\r\nok", 200, "ok", exchange.Folded, errField},
		{"a length on a line of its own", head200 + "Content-Length:\r\n 2\r\n\r\nok", 200, "ok", exchange.Folded, errLength},
		{"an empty line of spaces is a fold", head200 + "X: a\r\n \r\nContent-Length: 2\r\n\r\nok", 200, "ok", exchange.Folded, errField},
		{"both", head200 + "Content-Length:\n 2\n\nok", 200, "ok", both, errLineEnd},
		{"trailers", chunks + "2\r\nok\r\n0\r\nX: a\n b\n\n", 200, "ok", both, errLineEnd},
		{"close, folded", two + "Connection: a,\r\n close\r\n\r\nok", 200, "ok", exchange.Folded, errField},
	} {
		each := make([]string, len(tt.raw))
		for i := range tt.raw {
			each[i] = tt.raw[i : i+1]
		}
		for how, pieces := range map[string][]string{"at once": {tt.raw}, "byte for byte": each} {
			got := readWith(parser{}, false, true, pieces...)
			if !got.whole || got.status != tt.status || got.content != tt.content || got.remarks != tt.remarks {
				t.Errorf("%s, %s: %+v", tt.name, how, got)
			}
			strict := readWith(parser{strict: true}, false, true, pieces...)
			if strict.failure != tt.strict || tt.strict == nil && !strict.whole {
				t.Errorf("%s, %s, strictly: %+v, want %v", tt.name, how, strict, tt.strict)
			}
		}
	}
	if got := read(false, true, two+"Connection: a,\r\n close\r\n\r\nok"); got.persist {
		t.Error("a close that is folded is not seen")
	}
}

// TestEndless: content that ends with the connection is remarked when another end
// could have been sent, and allowed strictly too, as RFC 9112 §6.3 allows it.
func TestEndless(t *testing.T) {
	for _, tt := range []struct {
		why, raw string
		headOnly bool
		want     exchange.Remarks
	}{
		{"neither a length nor chunks", head200 + "\r\nok", false, exchange.Endless},
		{"the same, announced", head200 + "Connection: close\r\n\r\nok", false, exchange.Endless},
		{"HTTP/1.0 has no chunks", "HTTP/1.0 200 OK\r\n\r\nok", false, 0},
		{"a length", two + "\r\nok", false, 0},
		{"chunks", chunks + "2\r\nok\r\n0\r\n\r\n", false, 0},
		{"no content, as HEAD has none", head200 + "\r\n", true, 0},
		{"no content, as 304 has none", "HTTP/1.1 304 Not Modified\r\n\r\n", false, 0},
	} {
		for _, strict := range []bool{false, true} {
			if got := readWith(parser{strict: strict}, tt.headOnly, true, tt.raw); got.failure != nil || got.remarks != tt.want {
				t.Errorf("%s, strict: %v: %+v", tt.why, strict, got)
			}
		}
	}
}
