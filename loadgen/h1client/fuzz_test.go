package h1client

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// FuzzParser: whatever a server sends, nothing panics, it is read the same
// however its bytes come, and if net/http takes it too, it reads the same.
func FuzzParser(f *testing.F) {
	for _, c := range responses {
		f.Add([]byte(c.raw), c.headOnly, uint64(len(c.raw)))
	}
	for _, c := range broken {
		f.Add([]byte(c.raw), false, uint64(len(c.raw)))
	}
	f.Fuzz(func(t *testing.T, raw []byte, headOnly bool, seed uint64) {
		all := string(raw)
		whole := read(headOnly, true, all)
		if got := read(headOnly, true, pieces(all, seed)...); got != whole {
			t.Fatalf("in pieces: %+v, at once: %+v", got, whole)
		}
		if whole.whole {
			compare(t, all, headOnly, whole)
		}
	})
}

// pieces cuts s at random places.
func pieces(s string, seed uint64) (parts []string) {
	r := rand.New(rand.NewPCG(seed, 0))
	for most := 1 + r.IntN(40); s != ""; {
		n := min(1+r.IntN(most), len(s))
		parts = append(parts, s[:n])
		s = s[n:]
	}
	return parts
}

// compare reads a response that is whole to us with net/http, which refuses a
// little of it: bad whitespace before an extension, trailers that are announced
// and should not be.
func compare(t *testing.T, raw string, headOnly bool, ours reading) {
	t.Helper()
	method := http.MethodGet
	if headOnly {
		method = http.MethodHead
	}
	r := bufio.NewReader(strings.NewReader(raw))
	for {
		theirs, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return
		}
		content, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		if theirs.StatusCode < 200 {
			continue
		}
		if theirs.StatusCode != ours.status || string(content) != ours.content || theirs.Close == ours.persist {
			t.Fatalf("%+v, to net/http %d %q, close %v", ours, theirs.StatusCode, content, theirs.Close)
		}
		if rest, _ := io.ReadAll(r); string(rest) != ours.rest {
			t.Fatalf("%q is left, to net/http %q", ours.rest, rest)
		}
		return
	}
}
