package proxy

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// upstream is one server and all that is known about it.
type upstream struct {
	address
	transports *transports
	seed       uint64
	owners     atomic.Int32 // proxies that have it and are not closed

	room
	maxQueue int64
	waiting  atomic.Int64

	fetches, failed atomic.Uint64

	down    atomic.Bool  // the checks say so
	ejected atomic.Int64 // until when, in Unix nanoseconds
	since   atomic.Int64 // when it was last found healthy again

	mu     sync.Mutex
	recent failures // guarded by mu, as all below
	last   error    // the last failure
	lastAt time.Time
}

// room bounds what requests to one upstream take at once. A successor of the
// upstream has the same one.
type room struct {
	slots   chan struct{}       // one for each fetch that runs
	sockets *semaphore.Weighted // of connections
}

func newRoom(requests int) room {
	return room{make(chan struct{}, requests), newSockets(requests)}
}

// UpstreamStatus is an upstream as it is at this moment.
type UpstreamStatus struct {
	URL          string
	State        string    // "up", "starting" (slow start), "ejected", "unhealthy"
	InFlight     int       // fetches that run
	Queued       int       // fetches that wait
	Fetches      uint64    // since the start, checks included
	Failures     uint64    // of them, as Passive counts
	EjectedUntil time.Time // zero if it is not ejected
	LastFailure  string    // "" if there was none
	LastFailed   time.Time
}

// Status returns the state of every upstream, in the order of the
// configuration.
func (p *Proxy) Status() []UpstreamStatus {
	now := time.Now()
	all := make([]UpstreamStatus, len(p.upstreams))
	for i, u := range p.upstreams {
		s := UpstreamStatus{
			URL: u.text, State: "up",
			InFlight: len(u.slots), Queued: int(u.waiting.Load()),
			Fetches: u.fetches.Load(), Failures: u.failed.Load(),
		}
		if u.weight(now, p.config.SlowStart) < 100 {
			s.State = "starting"
		}
		if until := time.Unix(0, u.ejected.Load()); until.After(now) {
			s.State, s.EjectedUntil = "ejected", until
		}
		if u.down.Load() {
			s.State = "unhealthy"
		}
		u.mu.Lock()
		if u.last != nil {
			s.LastFailure, s.LastFailed = u.last.Error(), u.lastAt
		}
		u.mu.Unlock()
		all[i] = s
	}
	return all
}

// usable reports whether neither the checks nor failures speak against it.
func (u *upstream) usable(now time.Time) bool {
	return !u.down.Load() && u.ejected.Load() <= now.UnixNano()
}

// weight is its share in percent: it rises from 10 over the time of the slow
// start after a recovery, by a check or by the end of an ejection.
func (u *upstream) weight(now time.Time, slow time.Duration) int {
	from := max(u.since.Load(), u.ejected.Load())
	if from == 0 || slow <= 0 {
		return 100
	}
	return ramp(now.Sub(time.Unix(0, from)), slow)
}

// ramp is the share, 10 to 100 percent, after a part of the whole time.
func ramp(part, whole time.Duration) int {
	switch {
	case part <= 0:
		return 10
	case part >= whole:
		return 100
	}
	return 10 + int(90*part/whole)
}

// setHealthy takes what the checks found: a change. A recovery is newer than the
// failures that may have ejected the upstream.
func (u *upstream) setHealthy(healthy bool, err error, now time.Time) {
	u.down.Store(!healthy)
	if healthy {
		u.since.Store(now.UnixNano())
		u.ejected.Store(0)
		return
	}
	u.mu.Lock()
	u.last, u.lastAt = err, now
	u.mu.Unlock()
}

// failure counts a fetch that failed by the upstream's fault.
func (u *upstream) failure(err error, p *Passive) {
	now := time.Now()
	u.failed.Add(1)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last, u.lastAt = err, now
	if u.recent.add(now) {
		u.ejected.Store(now.Add(p.Ejection).UnixNano())
	}
}

// enter waits for a place, and leave gives it back.
func (u *upstream) enter(ctx context.Context, timeout time.Duration) error {
	select {
	case u.slots <- struct{}{}:
		return nil
	default:
	}
	defer u.waiting.Add(-1)
	if u.waiting.Add(1) > u.maxQueue {
		return newError(connectionLimitReached, fmt.Errorf("%d fetches run and %d wait", cap(u.slots), max(0, u.maxQueue)))
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case u.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return newError(connectionLimitReached, fmt.Errorf("%d fetches run, and none ended within %v", cap(u.slots), timeout))
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (u *upstream) leave() { <-u.slots }
