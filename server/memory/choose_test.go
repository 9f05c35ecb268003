package memory

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	for _, tt := range []struct {
		about string
		moved int64
		age   time.Duration
		want  int64
	}{
		{"one that has just begun has a window's head start", 0, 0, 65535 * 1000},
		{"after a second without a byte it is still that window", 0, time.Second, 65535},
		{"a minute without a byte is slow", 0, time.Minute, 1092},
		{"as slow as one that moves 1 KiB/s for long", 3600 << 10, time.Hour, 1042},
		{"10 MB in a second", 10_000_000, time.Second, 10_065_535},
	} {
		if got := rate(tt.moved, tt.age); got != tt.want {
			t.Errorf("%s: %d bytes/s, want %d", tt.about, got, tt.want)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		about      string
		candidates [][2]int64 // rate, frees
		need       int64
		want       []int // indices, in order
	}{
		{"none", nil, 1, nil},
		{"the slowest first, whatever it frees", [][2]int64{{1000, 100}, {10, 1}, {100, 10}}, 11, []int{1, 2}},
		{"of rates within a factor of two, that which frees most", [][2]int64{{64, 1}, {127, 8}, {100, 4}}, 9, []int{1, 2}},
		{"but not of rates beyond", [][2]int64{{63, 1}, {64, 8}}, 1, []int{0}},
		{"of those that free as much, the slower", [][2]int64{{100, 4}, {99, 4}}, 4, []int{1}},
		{"no more than needed", [][2]int64{{1, 5}, {1, 5}, {1, 5}}, 5, []int{0}},
		{"all if they do not suffice", [][2]int64{{1, 5}, {2, 5}}, 100, []int{0, 1}},
		{"none if nothing is needed", [][2]int64{{1, 5}}, 0, nil},
	} {
		var candidates []candidate
		index := make(map[*Ticket]int)
		for i, c := range tt.candidates {
			candidates = append(candidates, candidate{ticket: &Ticket{}, rate: c[0], frees: c[1]})
			index[candidates[i].ticket] = i
		}
		var got []int
		for _, c := range choose(candidates, tt.need) {
			got = append(got, index[c.ticket])
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: chose %v, want %v", tt.about, got, tt.want)
		}
	}
}

// BenchmarkCut is a look at so many senders, none of which is cut twice.
func BenchmarkCut(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := New(nil, 1<<30)
			for i := range n {
				t := &Ticket{ledger: l, at: i, began: time.Now()}
				t.moved.Store(int64(i) * 100)
				t.buffered.Store(1000)
				l.senders.list = append(l.senders.list, t)
			}
			for b.Loop() {
				choose(l.senders.candidates(time.Now()), 1<<20)
			}
		})
	}
}
