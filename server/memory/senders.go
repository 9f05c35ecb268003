package memory

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Sender is what sends: a stream or a connection.
type Sender interface {
	// Cut ends what joined with that ticket, soon: it posts to the sender's
	// connection and never blocks, on any goroutine, with no lock of the
	// ledger held. It is called once at most, and may come shortly after
	// Leave.
	Cut(*Ticket)
}

// Ticket is one response on its way to a peer, beyond the turn that began it, or
// an exchange with its content both ways. Moved and Pin are for one goroutine at
// a time, all else for any. A nil Ticket, of a nil Ledger, counts nothing and
// refuses nothing.
type Ticket struct {
	ledger *Ledger
	sender Sender
	pins   *Pins // nil: a body that nothing stores. Under senders' lock, as is began
	began  time.Time
	moved  atomic.Int64

	// buffered is the bytes taken and not given back; left once it left.
	buffered atomic.Int64

	// Of an exchange.
	share    *Share      // nil: none
	exchange int64       // bytes that it counts for
	waits    atomic.Bool // for its answer
	shed     bool        // cut for the exchanges of others; under senders' lock until then

	at    int   // in senders.list, under its lock
	frees int64 // bytes on their way since it was cut; 0 before. Under its lock
}

// left is below 0 by more than is ever taken or given.
const left = math.MinInt64 / 2

// senders are the tickets that have joined and not left. One lock is enough:
// only sends that outlive their turn join.
type senders struct {
	mu    sync.Mutex
	list  []*Ticket
	under int64 // bytes that those free that were cut and have not left
}

// Join registers a sender and pins the body that it sends, nil for none. now is
// when it began.
func (l *Ledger) Join(s Sender, p *Pins, now time.Time) *Ticket {
	if l == nil {
		return nil
	}
	t := &Ticket{ledger: l, sender: s, pins: p, began: now}
	l.senders.add(t)
	// Pinned last: if that exceeds the limit, this one may be cut as well.
	t.pin(p)
	return t
}

// Pin pins the body that a sender begins to send which joined without one: its
// rate counts from now on. It is for the goroutine that calls Leave.
func (t *Ticket) Pin(p *Pins, now time.Time) {
	if t == nil || t.buffered.Load() < 0 {
		return
	}
	s := &t.ledger.senders
	s.mu.Lock()
	t.pins, t.began = p, now
	t.moved.Store(0)
	s.mu.Unlock()
	t.pin(p)
}

func (t *Ticket) pin(p *Pins) {
	if p == nil {
		return
	}
	l := t.ledger
	l.Pin(p)
	if p.share() > 0 && l.oneMore() {
		l.settle()
	}
}

// Leave unpins the body and gives back what is buffered. Any call after the
// first does nothing.
func (t *Ticket) Leave() {
	if t == nil {
		return
	}
	buffered := t.buffered.Swap(left)
	if buffered < 0 {
		return
	}
	l := t.ledger
	frees := l.senders.remove(t)
	if buffered > 0 {
		l.buffered.Add(-buffered)
		l.store.Release(buffered)
	}
	if t.pins != nil {
		l.Unpin(t.pins)
	}
	if frees > 0 {
		// Only now, so that no other is cut meanwhile for the same bytes.
		l.senders.freed(frees)
		l.settle()
	}
}

// Moved counts n bytes that went to the peer. It is no atomic addition: one
// goroutine at a time calls it.
func (t *Ticket) Moved(n int) {
	if t != nil {
		t.moved.Store(t.moved.Load() + int64(n))
	}
}

// Take is [Ledger.Take] for output that waits for the peer; after Leave it
// reports false.
func (t *Ticket) Take(n int64) bool {
	if t == nil {
		return true
	}
	l := t.ledger
	if !l.Take(n) {
		return false
	}
	if t.buffered.Add(n) < 0 {
		t.buffered.Add(-n)
		l.store.Release(n)
		return false
	}
	l.buffered.Add(n)
	if l.oneMore() || l.heldBeyondHalf() > 0 {
		l.settle()
	}
	return true
}

// Hold is Take for what is in use already: it is counted by force, and others, or
// this one, are cut for it if it is too much.
func (t *Ticket) Hold(n int64) {
	if t == nil {
		return
	}
	l := t.ledger
	l.store.ForceReserve(n)
	if t.buffered.Add(n) < 0 {
		t.buffered.Add(-n)
		l.store.Release(n)
		return
	}
	l.buffered.Add(n)
	l.oneMore()
	l.settle()
}

// Give gives back n bytes of what Take or Hold counted; after Leave, which gave back all,
// it does nothing.
func (t *Ticket) Give(n int64) {
	if t == nil || n == 0 {
		return
	}
	switch rest := t.buffered.Add(-n); {
	case rest >= 0:
		t.ledger.buffered.Add(-n)
		t.ledger.store.Release(n)
	case rest > left/2:
		panic("memory: Give of more than was taken")
	}
}

// Answered notes that the answer of an exchange begins: it is not cut for others any
// more, unless as a slow sender.
func (t *Ticket) Answered() {
	if t != nil {
		t.waits.Store(false)
	}
}

// Shed reports of a ticket that was cut whether that was for the exchanges of others.
func (t *Ticket) Shed() bool { return t.shed }

func (s *senders) add(t *Ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.at = len(s.list)
	s.list = append(s.list, t)
}

func (s *senders) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// remove takes t off the list and returns what it frees if it was cut.
func (s *senders) remove(t *Ticket) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := len(s.list) - 1
	last := s.list[end]
	s.list[t.at], last.at = last, t.at
	s.list[end] = nil
	s.list = s.list[:end]
	t.at = -1
	return t.frees
}

// freeing returns how many bytes are on their way.
func (s *senders) freeing() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.under
}

// freed counts bytes of one that was cut and left.
func (s *senders) freed(n int64) {
	s.mu.Lock()
	s.under -= n
	s.mu.Unlock()
}

// candidates returns all that help and were not cut.
func (s *senders) candidates(now time.Time) []candidate {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []candidate
	for _, t := range s.list {
		if t.frees > 0 {
			continue
		}
		frees := max(t.buffered.Load(), 0)
		if t.pins != nil {
			frees += t.pins.share()
		}
		if frees > 0 {
			found = append(found, candidate{ticket: t, rate: rate(t.moved.Load(), now.Sub(t.began)), frees: frees})
		}
	}
	return found
}

// cut cuts those of chosen that have not left nor been cut meanwhile, and returns how many
// there were.
func (s *senders) cut(chosen []candidate) int {
	chosen = s.mark(chosen)
	for _, c := range chosen {
		c.ticket.sender.Cut(c.ticket)
	}
	return len(chosen)
}

// mark counts as cut those of chosen that have not left nor been cut meanwhile, and
// returns them.
func (s *senders) mark(chosen []candidate) []candidate {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := chosen[:0]
	for _, c := range chosen {
		if c.ticket.at >= 0 && c.ticket.frees == 0 {
			c.ticket.frees, c.ticket.shed = c.frees, c.shed
			s.under += c.frees
			kept = append(kept, c)
		}
	}
	return kept
}
