package h2

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// drainState is how far a graceful end has come (RFC 9113 §6.8): first a
// GOAWAY that names the highest possible stream, so that requests under way are
// answered; then, when the peer has surely seen it, and has had time to send what
// it had under way, one that names the last stream that is answered.
type drainState struct {
	announced time.Time // the first GOAWAY; zero: not draining
	seen      bool      // the peer has answered what came behind it
	final     bool      // the second
	last      uint32
}

// drainRoundTrip is how long we wait for the PING that shows that the first
// GOAWAY has arrived.
const drainRoundTrip = time.Second

// drainSettle is how long requests are served after the first GOAWAY even if that
// has arrived. A client may have given a request to the connection and not yet
// have sent it: net/http and Java's HttpClient do that on different threads, and
// JDK 25 forgets a request that it sends after it has read the second GOAWAY, which
// then fails with the end of the connection. On a machine whose processors were
// full one of 15,000 requests in eighty upgrades was 60 ms late.
const drainSettle = 250 * time.Millisecond

// Payloads of our PING frames.
var (
	drainPing = []byte("draining")
	alivePing = []byte("alive?\x00\x00")
)

// Drain makes the connection end when what is in flight is answered. Safe
// from any goroutine.
func (c *Conn) Drain() { c.inbox.Post(streamMessage{Kind: relay.Drain}) }

func (c *Conn) startDrain() {
	if !c.drain.announced.IsZero() {
		return
	}
	c.drain.announced = c.now
	c.reason = metrics.CloseDrain
	c.wire.Out = frame.AppendGoAway(c.wire.Out, frame.MaxStreamID, frame.NoError, "")
	c.wire.Out = frame.AppendPing(c.wire.Out, false, drainPing)
}

// onPong reports whether the PING acknowledgement is of one of ours.
func (c *Conn) onPong(payload []byte) bool {
	switch string(payload) {
	case string(drainPing):
		if c.drain.announced.IsZero() {
			return false
		}
		c.drain.seen = true // overdue sends the second GOAWAY
		return true
	case string(alivePing):
		asked := !c.pinged.IsZero()
		c.pinged = time.Time{} // there is one answer to each
		return asked
	}
	return false
}

// drainEnds is when the second GOAWAY is due; zero: there is none to be sent.
func (c *Conn) drainEnds() time.Time {
	switch {
	case c.drain.announced.IsZero() || c.drain.final:
		return time.Time{}
	case c.drain.seen:
		return c.drain.announced.Add(drainSettle)
	}
	return c.drain.announced.Add(drainRoundTrip)
}

func (c *Conn) endDrain() {
	if c.drain.final {
		return
	}
	c.drain.final, c.drain.last = true, c.lastID
	c.wire.Out = frame.AppendGoAway(c.wire.Out, c.lastID, frame.NoError, "")
}

// drained reports whether a graceful end is reached: everything is answered,
// and a client that reads slowly has taken all but what the socket holds.
func (c *Conn) drained() bool {
	return c.drain.final && len(c.streams) == 0 && !c.block.open() && !c.wire.Congested()
}

// tooLate reports whether a stream that the peer opens now comes after the
// last one that is answered. It may be retried elsewhere, and is ignored.
func (c *Conn) tooLate(id uint32) bool { return c.drain.final && id > c.drain.last }
