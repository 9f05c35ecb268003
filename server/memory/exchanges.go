package memory

import (
	"sync/atomic"
	"time"
)

// ExchangeBytes is what an exchange counts for beside the text of its request:
// the stack of its handler's goroutine, 8 KiB once it has grown, its request,
// reply and context with 2 KiB (TestManyExchanges measures them), and 2 KiB for
// the start of an answer, of which up to 4 KiB are held back, but only from one
// write of its handler to the next. At the defaults 10,000 requests may wait for
// one page at once (TestOnePage).
const ExchangeBytes = 12 << 10

// Share is what the exchanges in progress of one connection take. All of them together
// may take half of the limit. A nil Share counts nothing and refuses nothing. Its methods
// are safe from any goroutine.
type Share struct {
	ledger *Ledger
	held   atomic.Int64 // bytes
}

// Share returns the share of a new connection; nil for a nil Ledger.
func (l *Ledger) Share() *Share {
	if l == nil {
		return nil
	}
	return &Share{ledger: l}
}

// Begin counts an exchange in progress, of [ExchangeBytes] and n bytes of request,
// and reports false, counting nothing, if it is not admitted, or does not fit.
func (s *Share) Begin(n int64) bool {
	if s == nil {
		return true
	}
	begins := s.Hold(ExchangeBytes + n)
	if !begins {
		s.ledger.report(Exchanges)
	}
	return begins
}

// End ends an exchange for which Begin reported true, with the same n.
func (s *Share) End(n int64) { s.Give(ExchangeBytes + n) }

// Join registers an exchange that Begin counted with n: it waits for its answer, and may
// be cut for others until [Ticket.Answered]. now is when it began.
func (s *Share) Join(sender Sender, n int64, now time.Time) *Ticket {
	if s == nil {
		return nil
	}
	t := &Ticket{ledger: s.ledger, sender: sender, began: now, share: s, exchange: ExchangeBytes + n}
	t.waits.Store(true)
	s.ledger.senders.add(t)
	return t
}

// Hold counts n bytes more for an exchange that has begun, and reports false, counting
// nothing, if there is no room for them.
func (s *Share) Hold(n int64) bool {
	if s == nil {
		return true
	}
	l := s.ledger
	held, all := s.add(n)
	room := room{max(l.limit/2, ExchangeBytes), l.connections.Load()}
	admitted := room.admits(n, held, all) && l.Take(n)
	if !admitted {
		_, all = s.add(-n)
	}
	if over := room.over(all); over > 0 {
		l.shed(over, room.fair(), time.Now())
	}
	return admitted
}

// Give gives back n bytes that Hold counted.
func (s *Share) Give(n int64) {
	if s == nil {
		return
	}
	s.add(-n)
	s.ledger.Give(n)
}

// add adds n bytes, which may be negative, and returns what the connection and what all
// connections hold then.
func (s *Share) add(n int64) (held, all int64) {
	held, all = s.held.Add(n), s.ledger.exchanges.Add(n)
	switch held {
	case n: // its first
		s.ledger.connections.Add(1)
	case 0:
		s.ledger.connections.Add(-1)
	}
	return held, all
}
