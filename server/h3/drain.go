package h3

import (
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// drainState is how far a graceful end has come (RFC 9114 §5.2): first a GOAWAY
// that names the highest possible stream, so that requests under way are answered;
// a round trip later one that names the first stream that is not answered.
type drainState uint8

const (
	serving drainState = iota
	announced
	finished // and requests that come now are refused
)

const (
	// maxStreamID is the highest ID of a request's stream (RFC 9000 §2.1).
	maxStreamID = quic.StreamID(1<<62 - 4)

	// shortTrip and longTrip bound what we take for a round trip, with its ups and
	// downs, and with what quic-go knows of it after a handshake.
	shortTrip = 10 * time.Millisecond
	longTrip  = time.Second
)

// trip is how long the peer takes to have what we sent, and to have answered it.
func (c *Conn) trip() time.Duration {
	return min(max(3*c.quic.ConnectionStats().SmoothedRTT, shortTrip), longTrip)
}

// Drain makes the connection end when what is in flight is answered. It does not
// block.
func (c *Conn) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drain != serving {
		return
	}
	c.drain = announced
	c.quiet.Stop()
	go func() {
		c.goAway(maxStreamID)
		time.Sleep(c.trip())
		c.endDrain()
	}()
}

func (c *Conn) endDrain() {
	c.mu.Lock()
	c.drain = finished
	next := c.next
	c.mu.Unlock()
	c.goAway(next)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) == 0 {
		c.leave()
	}
}

// goAway sends GOAWAY. A peer that gives no room for it does without.
func (c *Conn) goAway(id quic.StreamID) {
	select {
	case <-c.greeted:
	case <-c.quic.Context().Done():
		return
	}
	payload := quicvarint.Append(nil, uint64(id))
	_ = c.hello.SetWriteDeadline(time.Now().Add(longTrip))
	_, _ = c.hello.Write(append(appendFrameHead(nil, frameGoAway, len(payload)), payload...))
}

// leave ends a drained connection when its last answer has surely arrived: quic-go
// does not send what it has once a connection is closed. c.mu is held.
func (c *Conn) leave() {
	end := func() { c.close(metrics.CloseDrain, codeNoError, "draining") }
	if c.next == 0 {
		go end() // there was no answer
		return
	}
	time.AfterFunc(time.Until(c.last.Add(2*c.trip()+longTrip)), end)
}

// CutOff ends the connection at once. It does not block.
func (c *Conn) CutOff() { c.close(metrics.CloseDrain, codeNoError, "stopping") }
