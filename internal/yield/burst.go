package yield

import "sync"

// Burst is for goroutines of a kind that may come to run by the hundred at once, such as
// those that the answers of an upstream wake. Some of them go on as they come; the next
// wait, in their order, until all else has had a turn, what has arrived from the network
// included. So others wait for some of the burst and not for all of it. All methods are
// safe for concurrent use.
type Burst struct {
	// AtOnce is how many go on at a time: as many as together take about as long as a
	// connection that has many requests. It is not to be changed.
	AtOnce int

	mu      sync.Mutex
	gone    int             // have gone on since pace ran, or ended
	waiting []chan struct{} // each is closed when it may go on
	pacing  bool            // pace runs
}

// Join returns when it is the caller's turn.
func (b *Burst) Join() {
	if place := b.enter(); place != nil {
		<-place
	}
}

// enter returns nil, or what is to be waited for.
func (b *Burst) enter() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone < b.AtOnce {
		b.gone++
		return nil
	}
	if !b.pacing {
		b.pacing = true
		go b.pace()
	}
	place := make(chan struct{})
	b.waiting = append(b.waiting, place)
	return place
}

// pace lets those that wait go on.
func (b *Burst) pace() {
	for {
		ToNetwork()
		if !b.next() {
			return
		}
	}
}

// next lets the next of them go on. It reports whether some did: if not, pace ends.
func (b *Burst) next() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), b.AtOnce)
	for i, place := range b.waiting[:n] {
		close(place)
		b.waiting[i] = nil
	}
	b.gone, b.waiting = n, b.waiting[n:]
	if n == 0 {
		b.waiting, b.pacing = nil, false
	}
	return n > 0
}
