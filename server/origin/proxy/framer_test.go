package proxy

import "testing"

// whole are responses with the number of bytes at which they end.
var whole = []string{
	ok200,
	"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok200,
	chunkedHead + "2;x=y\r\nok\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
}

// TestFramerTruncations: each response ends at its last byte and at none before,
// wherever it is cut in two, and what follows is not part of it.
func TestFramerTruncations(t *testing.T) {
	for _, text := range whole {
		for cut := range len(text) + 1 {
			var f framer
			f.begin(otherMethod, new(reply))
			n, err := f.next([]byte(text[:cut]))
			if err != nil || n != cut || f.done() != (cut == len(text)) || cut > 0 && cut < len(text) && !f.cut() {
				t.Fatalf("%q cut at %d: %d bytes, done %v, %v", text, cut, n, f.done(), err)
			}
			n, err = f.next([]byte(text[cut:] + "HTTP/1.1"))
			if err != nil || n != len(text)-cut || !f.done() {
				t.Fatalf("%q from %d: %d bytes, done %v, %v", text, cut, n, f.done(), err)
			}
		}
	}
}

// TestFramerAllocations: the text of a head and its fields, and nothing for a
// content.
func TestFramerAllocations(t *testing.T) {
	var f framer
	var out reply
	head, chunks := []byte(ok200), []byte("2\r\nok\r\n2\r\nok\r\n")
	if n := testing.AllocsPerRun(100, func() {
		f.begin(otherMethod, &out)
		_, _ = f.next(head)
	}); n > 2 {
		t.Errorf("%v allocations for a response, want 2", n)
	}
	f.begin(otherMethod, &out)
	_, _ = f.next([]byte(chunkedHead))
	if n := testing.AllocsPerRun(100, func() { _, _ = f.next(chunks) }); n != 0 {
		t.Errorf("%v allocations for chunks", n)
	}
}

// TestPrepareAllocations: q, its text, its values, the map and its groups,
// whatever the number of common fields.
func TestPrepareAllocations(t *testing.T) {
	p := proxyTo(t, Config{Upstreams: []string{"http://127.0.0.1:1"}})
	r := get("/", "accept", "*/*", "accept-language", "en", "user-agent", "x", "cookie", "a=b", "range", "bytes=0-1", "x-request-id", "1")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.prepare(r); err != nil {
			t.Fatal(err)
		}
	}); n > 10 {
		t.Errorf("%v allocations for a request, want at most 10", n)
	}
}

// TestShorten expects net/http to see what frames the response, and nothing
// else of the head.
func TestShorten(t *testing.T) {
	for _, tt := range []struct{ name, head, want string }{
		{"nothing to keep", "HTTP/1.1 204 No Content\r\ndate: x\r\netag: \"a\"\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"framing and connection",
			"HTTP/1.0 200 OK\r\nserver: s\r\ncontent-length: 3\r\ndate: x\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\nvary: y\r\n\r\n",
			"HTTP/1.0 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\n\r\n"},
		{"no fields", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200 \r\n\r\n"},
		{"a colon in a value", "HTTP/1.1 200 OK\r\nlocation: http://connection:1/\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head := []byte(tt.head)
			if got := string(head[:shorten(head)]); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
