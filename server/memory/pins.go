package memory

import "sync/atomic"

// Pins counts what holds one stored response's bytes: entries of the cache, and
// senders beyond the turn in which they looked it up. The zero value is held by
// neither and has no size. It must not be copied once it is in use.
//
// What makes a body before it is stored holds it as an entry does: [Ledger.Stored]
// before the first sender can find it, and [Ledger.Evicted] once it is stored or
// given up, after [Ledger.Give] of what it took while it arrived. So a body that
// is never stored lingers until its last sender is done.
type Pins struct {
	state atomic.Uint64 // entries<<32 | senders
	size  int64
}

const (
	oneSender  = 1
	oneEntry   = 1 << 32
	senderMask = oneEntry - 1
)

// SetSize sets how many bytes the body counts for. It may be called until the
// body is first shared, and after that by the goroutine whose Stored has not met
// its Evicted yet: size is read only when no entry holds the body.
func (p *Pins) SetSize(n int64) { p.size = n }

// Size returns what SetSize set.
func (p *Pins) Size() int64 { return p.size }

// lingers reports whether a body in that state is in memory only because it is
// being sent.
func lingers(state uint64) bool { return state&senderMask > 0 && state < oneEntry }

// share is how much of the body each of its senders would free, 0 if it does not
// linger.
func (p *Pins) share() int64 {
	state := p.state.Load()
	if !lingers(state) {
		return 0
	}
	return max(p.size/int64(state&senderMask), 1)
}

// Stored counts an entry that will hold the body. It comes before the entry is
// set, which may be evicted at once; if it is not set, Evicted takes it back.
func (l *Ledger) Stored(p *Pins) { l.change(p, oneEntry) }

// Evicted counts an entry that left the cache: exactly one for each Stored.
func (l *Ledger) Evicted(p *Pins) {
	if l.change(p, -oneEntry) < oneEntry {
		panic("memory: Evicted without Stored")
	}
}

// Pin counts a sender, which holds the body from now on. Most callers have one
// done by [Ledger.Join].
func (l *Ledger) Pin(p *Pins) { l.change(p, oneSender) }

// Unpin counts a sender that is done: exactly one for each Pin.
func (l *Ledger) Unpin(p *Pins) {
	if l.change(p, -oneSender)&senderMask == 0 {
		panic("memory: Unpin without Pin")
	}
}

// change adds delta to the state and returns what it was before.
func (l *Ledger) change(p *Pins, delta int64) uint64 {
	after := p.state.Add(uint64(delta))
	before := after - uint64(delta)
	if lingers(before) != lingers(after) {
		l.linger(p.size, lingers(after))
	}
	return before
}

// linger counts a body of size bytes that begins or ceases to linger.
func (l *Ledger) linger(size int64, begins bool) {
	if !begins {
		l.lingering.Add(-size)
		l.follow()
		return
	}
	l.lingering.Add(size)
	l.follow()
	l.oneMore()
	l.settle()
}
