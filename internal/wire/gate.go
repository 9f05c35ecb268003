package wire

import "github.com/e0ac7cd4/hotpath/internal/yield"

// Gate bounds how many handshakes compute at once. One takes as long as
// hundreds of hits, so a thousand that arrive together would keep the hits of
// all other connections waiting for a third of a second. Behind the gate they
// wait themselves, and between any two of them all others have a turn.
// A handshake that waits for its client is outside: to read, and to take what
// we write, after which it computes no more until there is something to read. A
// nil Gate stands open.
type Gate chan struct{}

// NewGate makes a gate for n: one for each core computes as many as there could be.
func NewGate(n int) Gate { return make(Gate, n) }

// Enter waits for a place, which Leave gives back.
func (g Gate) Enter() {
	if g != nil {
		g <- struct{}{}
	}
	yield.ToNetwork() // behind all that can run or has arrived by now
}

// Leave gives back the place of an Enter.
func (g Gate) Leave() {
	if g != nil {
		<-g
	}
}
