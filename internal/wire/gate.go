package wire

import "github.com/e0ac7cd4/hotpath/internal/yield"

// Gate bounds how many compute at once of those that take long, so that all others wait
// for one of them and not for each. Behind it they wait themselves, in the order in which
// they came, and between any two of them all others have a turn. There is one for each
// kind, which therefore waits for its own kind alone:
//
//   - Handshakes. One takes as long as hundreds of hits: a thousand that arrive together
//     would keep the hits of all other connections waiting for a third of a second. One
//     that waits for its client is outside: to read, and to take what we write, after
//     which it computes no more until there is something to read.
//   - Turns that go on ([Again]), of clients that send more than a few turns handle.
//     Fifty of them would else have every other connection wait for fifty turns.
//
// A nil Gate stands open.
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
