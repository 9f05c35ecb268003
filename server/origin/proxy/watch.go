package proxy

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// watch ends an exchange that waits too long for the upstream. Each stage has
// its own limit; time in which the client is waited for counts in none, that is
// the engine's to bound.
//
// The fetch only notes what it waits for, without reading a clock. A timer looks
// at the notes eight times in the shortest limit: a wait is over after its limit
// and at most an eighth of the shortest one. Most exchanges end before the first
// look.
type watch struct {
	cancel context.CancelCauseFunc
	limits *limits
	timer  *time.Timer

	wait atomic.Uint32 // what the fetch waits for; the upper bits count changes
	up   atomic.Uint32 // what the upload waits for, likewise
	over atomic.Bool

	// Of the timer's goroutine.
	seenWait, seenUp uint32
	waited, stalled  int // looks without a change
}

// What a fetch waits for.
const (
	waitConnect uint32 = iota // a connection
	waitHead                  // the head, once the request is sent
	waitBody                  // the next byte of the content
	waitSink                  // whoever takes the content
)

// What an upload waits for.
const (
	uploadNone   uint32 = iota // there is none, or it has ended
	uploadClient               // the client
	uploadOrigin               // the upstream to take it
)

const (
	waitBits  = 3 // of both notes
	waitCount = waitBits + 1
)

// limits are Timeouts as numbers of looks.
type limits struct {
	tick                time.Duration
	connect, head, idle int
}

func newLimits(t Timeouts) *limits {
	const looks, shortest = 8, 5 * time.Millisecond
	// The dialer has its own deadline and names its errors better: this
	// limit is for a dial that does not end.
	connect := 2 * t.Dial
	l := &limits{tick: max(shortest, min(connect, t.Head, t.Idle)/looks)}
	count := func(d time.Duration) int { return int((d + l.tick - 1) / l.tick) }
	l.connect, l.head, l.idle = count(connect), count(t.Head), count(t.Idle)
	return l
}

// start begins to look. The timer is set once it is known to look, which uses it.
func (w *watch) start() {
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Reset(w.limits.tick)
}

func (w *watch) stop() {
	w.over.Store(true)
	w.timer.Stop()
}

// waitFor notes what is waited for from now on. One goroutine calls it.
func (w *watch) waitFor(what uint32) { w.wait.Store(w.wait.Load()&^waitBits + waitCount | what) }

// upload notes the same for the upload. One goroutine calls it.
func (w *watch) upload(what uint32) { w.up.Store(w.up.Load()&^waitBits + waitCount | what) }

// look is the timer's function.
func (w *watch) look() {
	if w.over.Load() {
		return
	}
	wait, up := w.wait.Load(), w.up.Load()
	w.stalled++
	if up != w.seenUp {
		w.stalled = 0
	}
	w.waited++
	if wait != w.seenWait || up != w.seenUp && up&waitBits == uploadNone {
		w.waited = 0 // the wait for the head begins when the request is sent
	}
	w.seenWait, w.seenUp = wait, up
	if err := w.timeout(wait&waitBits, up&waitBits); err != nil {
		w.cancel(err)
		return
	}
	w.timer.Reset(w.limits.tick)
}

// timeout is the error of a wait that is over.
func (w *watch) timeout(wait, up uint32) error {
	switch {
	case wait == waitConnect && w.waited >= w.limits.connect:
		return newError(connectionTimeout, errors.New("no connection in time"))
	case wait == waitHead && up == uploadNone && w.waited >= w.limits.head:
		return newError(httpResponseTimeout, errors.New("no response in time"))
	case wait == waitHead && up == uploadOrigin && w.stalled >= w.limits.idle:
		return newError(connectionWriteTimeout, errors.New("the request's content is not being taken"))
	case wait == waitBody && w.waited >= w.limits.idle:
		return newError(connectionReadTimeout, errors.New("the content stopped coming"))
	}
	return nil
}
