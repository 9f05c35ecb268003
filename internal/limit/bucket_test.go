package limit

import (
	"testing"
	"time"
)

// TestBucket: two tokens in a second, four at most.
func TestBucket(t *testing.T) {
	b := NewBucket(2, 4)
	var word int64
	for _, tt := range []struct {
		why   string
		at    time.Duration
		takes int // that succeed
		left  int // that fail then
	}{
		{"a new bucket is full", 10 * time.Second, 4, 2},
		{"what failed cost nothing: a token comes back in half a second", 10500 * time.Millisecond, 1, 1},
		{"not before", 11*time.Second - 1, 0, 3},
		{"but then", 11 * time.Second, 1, 1},
		{"as many come back as time passes", 12500 * time.Millisecond, 3, 1},
		{"more than the burst do not", time.Hour, 4, 1},
		{"a clock that goes back takes nothing, and gives nothing", time.Hour - time.Second, 0, 1},
		{"and goes on", time.Hour + 500*time.Millisecond, 1, 1},
	} {
		for i := range tt.takes + tt.left {
			next, ok := b.Take(word, int64(tt.at))
			if want := i < tt.takes; ok != want {
				t.Fatalf("%s: take %d succeeds: %v, want %v", tt.why, i, ok, want)
			}
			if !ok && next != word {
				t.Errorf("%s: a take that fails changes the word", tt.why)
			}
			word = next
		}
	}
	if _, ok := NewBucket(1, 1).Take(0, 0); !ok {
		t.Error("the smallest bucket has no token")
	}
	if b := NewBucket(1, 1e9); b.depth != int64(1e9*time.Second) {
		t.Errorf("the largest bucket fills in %d ns", b.depth)
	}
}

// FuzzBucket: in any time, no more pass than the burst and what comes back, and
// no fewer than ask for if they ask no faster.
func FuzzBucket(f *testing.F) {
	f.Add(uint16(10), uint16(5), []byte{0, 0, 0, 0, 0, 0, 0, 255, 3})
	f.Add(uint16(1), uint16(1), []byte{255, 255, 1})
	f.Fuzz(func(t *testing.T, rate, burst uint16, gaps []byte) {
		perSecond, most := 1+int(rate), 1+int(burst)
		b := NewBucket(perSecond, most)
		var word, now int64
		passed := 0
		for _, gap := range gaps {
			now += int64(gap) * int64(time.Millisecond)
			next, ok := b.Take(word, now)
			if word = next; ok {
				passed++
			}
			back := int(now / b.interval)
			if passed > most+back {
				t.Fatalf("%d passed within %v: the burst is %d, and %d came back", passed, time.Duration(now), most, back)
			}
			if !ok && int64(gap)*int64(time.Millisecond) >= b.interval {
				t.Fatalf("none is left after %d ms", gap)
			}
		}
	})
}
