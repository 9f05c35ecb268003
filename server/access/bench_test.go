package access

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"

// BenchmarkRecord is what a recorded request costs on its way to the writer, in
// turns of one and of 32: through the stripes, and through a buffered channel,
// the plain alternative. The writer does nothing, in the same goroutine, so
// that nothing is dropped and all of the way is measured.
func BenchmarkRecord(b *testing.B) {
	about := AppendRequest(nil, full("GET", "example.org", "/assets/app.js", "https://example.org/", agent))
	const between = 4096 // two times that the writer looks
	for _, perTurn := range []int{1, 32} {
		b.Run(fmt.Sprintf("stripes-%d", perTurn), func(b *testing.B) {
			r := &Recorder{cfg: Config{Mode: All}, stripes: newStripes(stripeSize)}
			r.TraceRate()
			tap := r.Tap(HTTP2, 0, nil)
			b.ReportAllocs()
			for n := 1; b.Loop(); n++ {
				if tap.Due(200) {
					tap.Hit(about, ok(200))
				}
				if n%perTurn == 0 {
					tap.Flush(time.Millisecond)
				}
				if n%between == 0 {
					r.stripes.drain(func([]byte) {})
				}
			}
		})
	}
	b.Run("channel", func(b *testing.B) {
		type entry struct {
			request []byte
			answer  Answer
			remote  netip.Addr
		}
		entries := make(chan entry, between)
		b.ReportAllocs()
		for n := 1; b.Loop(); n++ {
			select {
			case entries <- entry{bytes.Clone(about), ok(200), remote}:
			default:
				b.Fatal("dropped")
			}
			if n%between == 0 {
				for range between {
					<-entries
				}
			}
		}
	})
}

// BenchmarkHit is all that a hit costs in each mode, the writer's part in the
// same goroutine: to be held against the microsecond that the engine takes.
func BenchmarkHit(b *testing.B) {
	about := AppendRequest(nil, full("GET", "example.org", "/assets/app.js", "https://example.org/", agent))
	for _, mode := range []Mode{Off, Sampled, All} {
		b.Run(string(mode), func(b *testing.B) {
			s := start(b, Config{Mode: mode, Sample: 100, Format: Combined, File: os.DevNull})
			if err := s.Close(); err != nil { // from here on the benchmark writes
				b.Fatal(err)
			}
			s.sink.file = nopCloser{io.Discard}
			tap := s.Tap(HTTP2, 0, nil)
			b.ReportAllocs()
			for n := 1; b.Loop(); n++ {
				if tap.Due(200) {
					tap.Hit(about, ok(200))
				}
				if n%32 == 0 {
					tap.Flush(time.Millisecond)
				}
				if n%4096 == 0 {
					s.drain()
				}
			}
		})
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// BenchmarkLine is what a line costs the writer.
func BenchmarkLine(b *testing.B) {
	request := AppendRequest(nil, full("GET", "example.org", "/assets/app.js", "https://example.org/", agent))
	a := ok(200)
	encoded := appendRecord(nil, request, &a, flagLogged, HTTP2, new(Secure))
	for _, format := range []Format{Common, Combined, JSON} {
		b.Run(string(format), func(b *testing.B) {
			f := formatter{format: format, members: usualMembers}
			var lines []byte
			b.ReportAllocs()
			for b.Loop() {
				r, _ := takeRecord(encoded)
				lines = f.appendLine(lines[:0], &r)
			}
		})
	}
}

// BenchmarkHot is a record's way into the hottest keys: one that is known, and
// one that takes another's place.
func BenchmarkHot(b *testing.B) {
	paths := make([][]byte, 4*hotKeys)
	for i := range paths {
		paths[i] = []byte("/assets/" + strings.Repeat("x", i%64) + string(rune('a'+i/64)))
	}
	for name, n := range map[string]int{"known": 1, "new": len(paths)} {
		b.Run(name, func(b *testing.B) {
			h := newHot(began)
			i := 0
			for b.Loop() {
				h.add(paths[i%n], 1, began)
				i++
			}
		})
	}
}
