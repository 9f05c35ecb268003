package h1

import (
	"net/http"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// readInbox does what was asked for since the last turn.
func (c *Conn) readInbox() {
	messages := c.inbox.Take()
	if messages == nil {
		return
	}
	for i := range messages {
		c.read(&messages[i])
	}
	c.inbox.GiveBack(messages)
}

func (c *Conn) read(m *stream.Message[uint64]) {
	switch m.Kind {
	case stream.Drain:
		c.drain = true
		c.reason = metrics.CloseDrain
		return
	case stream.Cut:
		if c.ticket != nil && c.ticket == m.Ticket { // else it has left already
			c.cut()
		}
		return
	}
	x := c.x
	if x == nil || x.number != m.Stream {
		if m.Follower != nil {
			m.Follower.Close()
		}
		return // it has ended meanwhile
	}
	switch m.Kind {
	case stream.Inform:
		// Not to HTTP/1.0 (RFC 9110 §15.2); 101 is for Tunnel.
		if s := m.Head.Status; c.state == handling && x.proto == message.HTTP11 && s >= 100 && s < 200 && s != http.StatusSwitchingProtocols {
			c.wire.Out = appendInform(c.wire.Out, m.Head)
		}
	case stream.Head:
		c.replyHead(m)
	case stream.Send:
		c.replyStored(m)
	case stream.Follow:
		c.replyFollow(m)
	case stream.Tunnel:
		c.agree(m)
	case stream.Continue:
		c.sendContinue()
	case stream.Read:
		x.in.unread -= m.N
	case stream.Abort:
		c.abort(internalError)
	case stream.Done:
		x.done = true
		if c.state == tunneling && x.sent {
			c.endTunnel(false)
			return
		}
		c.settle()
	case stream.Written, stream.Grown: // the turn sends it
	}
}

// abort breaks off whatever is being answered; r is the answer if there is none
// yet.
func (c *Conn) abort(r *refusal) {
	switch c.state {
	case handling:
		c.failExchange(r, errBroken)
	case replying:
		c.transmit() // what was written before
		c.breakOff(errBroken)
	case tunneling:
		c.reason = metrics.CloseError
		c.endTunnel(true)
	}
}

// sendContinue asks for content that the client holds back (RFC 9110 §10.1.1):
// not if some has come, or the answer has begun.
func (c *Conn) sendContinue() {
	if in := &c.x.in; c.state == handling && in.arriving() && in.received == 0 {
		c.wire.Out = append(c.wire.Out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	}
}
