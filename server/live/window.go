package live

import hotpath "github.com/e0ac7cd4/hotpath/metrics"

const (
	// enough requests make a figure that does not jump from one second to the next:
	// 25 are off by a fifth, mostly.
	enough = 25

	// longest is how long a window may get, in seconds, as the rates on the
	// dashboards have it.
	longest = 60
)

// window keeps the totals of the last minute, to compare those of now with.
type window struct {
	all  [longest]totals // a ring, the oldest at next once it is full
	next int
	size int
}

func (w *window) add(t totals) {
	w.all[w.next] = t
	w.next = (w.next + 1) % longest
	w.size = min(w.size+1, longest)
}

// back are the totals n additions ago, from 1.
func (w *window) back(n int) totals { return w.all[(w.next-n+longest)%longest] }

// earlier returns the totals since which what came up to now is to be looked at: those
// a second ago if that second had enough requests. If it had not, the window reaches
// back until it has, or to a second that has enough by itself: what is quiet now must
// not be shown as busy. It has one at least.
func (w *window) earlier(now totals) totals {
	from := w.back(1)
	for n := 2; n <= w.size && now.requests()-from.requests() < enough; n++ {
		older := w.back(n)
		if from.requests()-older.requests() >= enough {
			break
		}
		from = older
	}
	return from
}

// requests is how many there were since the start.
func (t *totals) requests() uint64 {
	return t.results[hotpath.Hit] + t.results[hotpath.Miss] + t.results[hotpath.Bypass]
}
