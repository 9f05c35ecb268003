package listen

import (
	"container/list"
	"sync"
	"time"
)

// clientTime is how long a client surely has for its part of a handshake, from
// our first flight on, while others wait for a place: a round trip of 250 ms,
// and one packet that is lost and sent again after three of them (RFC 6298 §2.2).
// Without others it has all of Config.HandshakeTimeout.
const clientTime = time.Second

// places bounds the handshakes in progress, and with them their memory. If none
// is free, the handshake that has waited longest for its client, and longer than
// clientTime, is cut: clients that are silent behind their ClientHello keep no
// other out.
//
// Places are handed out in order while that takes less than clientTime, and else
// to the newest first: if more wait than get a place in time, the order
// would make all of them late.
type places struct {
	size int

	mu       sync.Mutex
	taken    int
	leaving  int       // cut, and not given back yet
	queue    list.List // *place: that wait for a place
	answered list.List // *place: whose client has our first flight
	timer    *time.Timer
}

// place is a handshake's.
type place struct {
	of    *places
	close func()        // ends the connection, soon and without waiting
	got   chan struct{} // closed when the place is taken
	at    *list.Element // in of.queue, or in of.answered; nil: in neither
	since time.Time     // when it came to the queue, then when it was answered
	cut   bool
}

func newPlaces(size int) *places {
	p := &places{size: size}
	p.timer = time.AfterFunc(clientTime, p.look)
	return p
}

// take waits for a place, until the deadline: then it is nil. close is called
// if the place is needed for others; release is due then, too.
func (p *places) take(deadline time.Time, close func()) *place {
	pl := &place{of: p, close: close, got: make(chan struct{}), since: time.Now()}
	p.mu.Lock()
	pl.at = p.queue.PushBack(pl)
	p.settle()
	p.mu.Unlock()
	select {
	case <-pl.got:
		return pl
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-pl.got:
		return pl
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-pl.got: // together with the deadline, which ends the handshake
		return pl
	default:
		p.queue.Remove(pl.at)
		return nil
	}
}

// wait notes that the client has our first flight: the handshake goes on when
// it answers.
func (pl *place) wait() {
	p := pl.of
	p.mu.Lock()
	defer p.mu.Unlock()
	pl.since = time.Now()
	pl.at = p.answered.PushBack(pl)
	p.settle()
}

// release gives the place back and reports whether it was taken away.
func (pl *place) release() (cut bool) {
	p := pl.of
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case pl.cut:
		p.leaving--
	case pl.at != nil:
		p.answered.Remove(pl.at)
	}
	p.taken--
	p.settle()
	return pl.cut
}

// look is settle for the timer.
func (p *places) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle()
}

// settle hands out what is free, and cuts as many as then still wait. p.mu is
// held.
func (p *places) settle() {
	for p.taken < p.size && p.queue.Len() > 0 {
		next := p.queue.Front().Value.(*place)
		if time.Since(next.since) >= clientTime {
			next = p.queue.Back().Value.(*place)
		}
		p.queue.Remove(next.at)
		next.at = nil
		p.taken++
		close(next.got)
	}
	for p.queue.Len() > p.leaving && p.answered.Len() > 0 {
		oldest := p.answered.Front().Value.(*place)
		if left := time.Until(oldest.since.Add(clientTime)); left > 0 {
			p.timer.Reset(left)
			return
		}
		p.answered.Remove(oldest.at)
		oldest.cut = true
		p.leaving++
		oldest.close()
	}
}
