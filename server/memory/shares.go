package memory

import (
	"cmp"
	"slices"
	"time"
)

// room is how much there is for exchanges in progress, in bytes, and how many
// connections have any. How much of it is taken decides what happens:
//
//	0 ──────────── 7/8 ──────────── 15/16 ──────────── size
//	  all begin     | those of connections that have less than their
//	                | fair share begin; beyond 15/16 others are cut
//
// One connection may so have seven eighths while no other needs them, and if many
// take whatever they get, one that needs less than its share is not refused.
type room struct{ size, connections int64 }

// pageShare is what any connection may have while 15/16 are not taken, however many
// there are: the requests of a page.
const pageShare = 8 * ExchangeBytes

// common is the part that connections may use whatever they have.
func (r room) common() int64 { return r.size - r.size/8 }

// most is above what exchanges are cut for others, so that these find the rest.
func (r room) most() int64 { return r.size - r.size/16 }

// fair is what each connection has of that if all need as much; one alone leaves some to
// those that come.
func (r room) fair() int64 { return min(r.most()/max(r.connections, 1), r.common()) }

// admits reports whether a connection may have n bytes more, with which it holds held,
// and all connections hold all.
func (r room) admits(n, held, all int64) bool {
	switch {
	case all <= r.common():
		return true
	case all <= r.most():
		return held <= max(r.fair(), pageShare)
	}
	return all <= r.size && held <= max(r.fair(), n) // its first is always fair
}

// over is how many bytes are to be cut; 0: none.
func (r room) over(all int64) int64 {
	return max(all-r.most(), 0)
}

const (
	// shedEvery is how often exchanges are cut for others: those that were cut before
	// have mostly ended, and a look passes all senders.
	shedEvery = 20 * time.Millisecond

	// shedAtOnce is how many are cut then: their handlers all run, 60 us each, while
	// others wait for them.
	shedAtOnce = 64
)

// shed cuts exchanges with over bytes together, or as many as may be at once.
func (l *Ledger) shed(over, fair int64, now time.Time) {
	last := l.shedAt.Load()
	since := now.UnixNano() - last // negative if the clock was set back
	if since >= 0 && since < int64(shedEvery) || !l.shedAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	if l.senders.cut(chooseExchanges(l.senders.greedy(fair), over, fair)) > 0 {
		l.report(Exchanges)
	}
}

// greedy is a connection that holds more than is fair.
type greedy struct {
	live    int64     // bytes of its exchanges that have neither ended nor been cut
	waiting []*Ticket // those of them that wait for their answers
}

// greedy returns the connections that hold more than is fair, and what could be cut of
// them.
func (s *senders) greedy(fair int64) (found []*greedy) {
	of := make(map[*Share]*greedy)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.list {
		if t.share == nil || t.frees > 0 || t.share.held.Load() <= fair {
			continue
		}
		g := of[t.share]
		if g == nil {
			g = new(greedy)
			of[t.share] = g
			found = append(found, g)
		}
		g.live += t.exchange
		if t.waits.Load() {
			g.waiting = append(g.waiting, t)
		}
	}
	return found
}

// chooseExchanges returns which exchanges are cut. Connections that have most come first,
// and of each the newest, until it has its fair share, or one that waits.
func chooseExchanges(connections []*greedy, over, fair int64) (chosen []candidate) {
	slices.SortFunc(connections, func(a, b *greedy) int { return cmp.Compare(b.live, a.live) })
	for _, g := range connections {
		slices.SortFunc(g.waiting, func(a, b *Ticket) int { return b.began.Compare(a.began) })
		for _, t := range g.waiting[:max(len(g.waiting)-1, 0)] {
			if over <= 0 || g.live <= fair || len(chosen) == shedAtOnce {
				break
			}
			g.live -= t.exchange
			over -= t.exchange
			chosen = append(chosen, candidate{ticket: t, frees: t.exchange, shed: true})
		}
	}
	return chosen
}
