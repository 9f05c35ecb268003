package h2

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

type (
	streamMessage = relay.Message[*stream]
	inbox         = relay.Inbox[*stream]
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

func (c *Conn) read(m *streamMessage) {
	switch m.Kind {
	case relay.Drain:
		c.startDrain()
		return
	case relay.Done:
		c.running--
		if s := m.Stream; s.tunnel != noTunnel && c.streams[s.id] == s {
			c.leftTunnel(s)
		}
		return
	}
	s := m.Stream
	if m.Kind == relay.Read {
		c.freeConn(m.N) // whether the stream lives or not
	}
	if c.streams[s.id] != s {
		if m.Follower != nil {
			m.Follower.Close()
		}
		return // it has ended meanwhile
	}
	switch m.Kind {
	case relay.Inform:
		c.appendHead(s.id, m.Head, "", false)
	case relay.Tunnel:
		c.openTunnel(s)
		c.sendHead(s, m)
	case relay.Head:
		c.sendHead(s, m)
	case relay.Send:
		c.explain(s, &m.Outcome)
		c.answerStream(s, m.Response, m.Outcome.Status)
	case relay.Follow:
		c.explain(s, &m.Outcome)
		c.follow(s, m.Response, m.Follower, m.Outcome.Status)
	case relay.Written, relay.Grown:
		c.queue(s)
	case relay.Continue:
		if !s.headSent && !s.recvDone {
			c.appendHead(s.id, &message.Head{Status: 100}, "", false)
		}
	case relay.Read:
		c.freeStream(s, m.N)
	case relay.Abort:
		c.countError(frame.InternalError, metrics.ScopeStream)
		c.reset(s, frame.InternalError, errStreamDone)
	case relay.Cut:
		if s.ticket == m.Ticket { // else it has left already
			if m.Ticket.Shed() {
				c.limit(metrics.LimitExchanges)
			}
			c.cut(s)
		}
	}
}
