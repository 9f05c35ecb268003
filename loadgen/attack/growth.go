package attack

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
)

// An open loop that is asked for more requests in flight than its connections have
// room for would measure itself: 8 requests in flight of 100 ms are 80/s, whatever
// the server could do. So a lane whose connection has been full for a while, with
// requests that are due, gets another connection and shares its sequence with it:
// every second request is the other's from then on.
const (
	// growAfter is for how long a connection must have been full while the
	// server answered: the backlog of a pause is made up for sooner.
	growAfter = 250 * time.Millisecond

	// growSilent is the same if nothing was answered: more connections do not
	// help a server that pauses.
	growSilent = time.Second

	// slotSlack is how long a request may wait for room until it counts as one
	// that has waited: less is what a turn of the connection takes.
	slotSlack = time.Millisecond
)

// growth is a lane's way to another connection. It belongs to the goroutine of the
// lane's connection, but for ready.
type growth struct {
	ask     func()        // begins to make a connection; nil: the number is fixed
	asked   bool          // one is being made
	handed  time.Duration // when a ticket was handed out last, or half of them to another lane: it cannot have been full for longer
	full    time.Duration // since when the connection has been full with requests due; 0: it is not
	answers time.Duration // when the first answer since then came; 0: none has
	until   time.Duration // when it was full the last time, with requests due; if each has its own, the end of the last request
	ready   atomic.Pointer[helper]
}

// helper is a connection that was made to share a lane.
type helper struct {
	wire  *wire.Conn                 // nil: one is made for each request
	start func(sequence, *wire.Conn) // nil: it could not be made
}

// held notes at the end of a turn that a request which could have been sent at a
// moment was not, for want of room, and asks for another connection if that lasts.
// While the server is silent there are no turns: the connection has been full since
// before this one.
func (g *growth) held(now, from, lastAnswer time.Duration) {
	if g.full == 0 {
		g.full = max(from, g.handed)
	}
	if g.answers == 0 && lastAnswer > g.full {
		g.answers = now
	}
	if now >= g.look() && !g.asked && g.ask != nil {
		g.asked = true
		g.ask()
	}
}

// look is when a connection that is full has been so for long enough to ask for
// another one, unless something changes meanwhile.
func (g *growth) look() time.Duration {
	if g.answers != 0 {
		return g.answers + growAfter
	}
	return g.full + growSilent
}

// free notes at the end of a turn that nothing is held up.
func (g *growth) free() { g.full, g.answers = 0, 0 }

// crowd sees at the end of a turn whether the connection is full with requests due.
// What is held up by targets that were not read in time is not.
func (d *driver) crowd(now time.Duration) {
	g := &d.growth
	from := d.next.Due + d.wait
	busy := d.life.open > 0 || d.perRequest // the next connection is made when this request is over
	if d.done || d.starving || !busy || from > now || d.next.Due <= d.unread {
		g.free()
		return
	}
	if !d.perRequest {
		g.until = now
	}
	g.held(now, from, d.last)
}

// Full implements exchange.Driver: by when crowd has to look again. There is one
// such turn in a second at most, as long as another connection may be had.
func (d *driver) Full() time.Duration {
	g := &d.growth
	switch {
	case d.schedule == nil || d.done || d.starving || g.ask == nil || g.asked:
		return 0
	case g.full != 0:
		return g.look()
	case d.next.Due <= d.unread: // it does not count as full for that one
		return 0
	}
	return max(d.next.Due+d.wait, g.handed) + growSilent
}

// noteWait counts the next ticket, which leaves the lane now, if it waited for room.
func (d *driver) noteWait(now time.Duration) {
	if d.hasWaited(now) {
		d.waited++
	}
}

// hasWaited reports whether the next ticket, if it leaves the lane now, waited for
// room. One for which a connection is made is late by that, and waited only if the
// request before it was not over when it was due; one whose target was not read in
// time would not have been sent sooner had there been room.
func (d *driver) hasWaited(now time.Duration) bool {
	due := d.next.Due
	if due < d.warmup || d.starving || due <= d.unread {
		return false
	}
	if d.perRequest {
		now = d.growth.until
	}
	return due <= d.growth.until && now-due > d.wait+slotSlack
}

// share hands every second request to the connection that was asked for, once it
// is made. From then on the lane has its time again.
func (d *driver) share(now time.Duration) {
	g := &d.growth
	if !g.asked {
		return
	}
	h := g.ready.Swap(nil)
	if h == nil {
		return
	}
	g.free()
	g.asked, g.handed = false, now
	if h.start != nil {
		h.start(d.sequence.split(), h.wire)
	}
}

// growTo makes ask of a lane's driver while the attack may have more connections.
func (c *connection) growTo(life context.Context) func() {
	if c.spare == nil {
		return nil
	}
	return func() {
		if c.spare.Add(-1) < 0 {
			g := &c.driver.growth
			g.ask, g.asked = nil, false // others have taken what there was
			return
		}
		go c.help(life)
	}
}

// help makes a connection beside c, on a goroutine of its own.
func (c *connection) help(life context.Context) {
	other := &connection{attack: c.attack, route: c.route, tls: c.tls, shard: c.shard, nudged: make(chan struct{}, 1)}
	w, failure := other.first(life)
	start := func(s sequence, w *wire.Conn) {
		c.grown.Add(1)
		other.drive(s, 0)
		c.join(other)
		c.served.Add(1) // c is served still
		go func() {
			defer c.served.Done()
			other.run(life, w, nil)
		}()
	}
	if failure != nil {
		if life.Err() == nil {
			c.shard.failed(failure)
		}
		c.spare.Add(1)
		start = nil
	}
	if !c.driver.growth.ready.CompareAndSwap(nil, &helper{w, start}) && w != nil {
		_ = w.Close() // the lane has ended meanwhile
	}
	c.wake(false)
}

// abandon closes a connection that was made for a lane which has ended, and
// refuses one that is still being made.
func (d *driver) abandon() {
	if h := d.growth.ready.Swap(&helper{}); h != nil && h.wire != nil {
		_ = h.wire.Close()
	}
}

// join adds a connection to those that the attack's end must reach.
func (a *attack) join(c *connection) {
	a.mu.Lock()
	a.more = append(a.more, c)
	a.mu.Unlock()
	if a.closing.Load() {
		c.wake(true)
	}
}

// wakeAll makes every engine call its driver again; cut closes the connections.
func (a *attack) wakeAll(cut bool) {
	for _, c := range a.conns {
		c.wake(cut)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.more {
		c.wake(cut)
	}
}
