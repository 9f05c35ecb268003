package h2

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

type (
	letter  = relay.Letter[*stream]
	mailbox = relay.Mailbox[*stream]
)

// readMail does what was asked for since the last turn.
func (c *Conn) readMail() {
	letters := c.mail.Take()
	if letters == nil {
		return
	}
	for i := range letters {
		c.read(&letters[i])
	}
	c.mail.GiveBack(letters)
}

func (c *Conn) read(l *letter) {
	switch l.Kind {
	case relay.Drain:
		c.startDrain()
		return
	case relay.Done:
		c.running--
		if s := l.Stream; s.tunnel != noTunnel && c.streams[s.id] == s {
			c.leftTunnel(s)
		}
		return
	}
	s := l.Stream
	if l.Kind == relay.Read {
		c.freeConn(l.N) // whether the stream lives or not
	}
	if c.streams[s.id] != s {
		if l.Follower != nil {
			l.Follower.Close()
		}
		return // it has ended meanwhile
	}
	switch l.Kind {
	case relay.Inform:
		c.appendHead(s.id, l.Head, "", false)
	case relay.Tunnel:
		c.openTunnel(s)
		c.sendHead(s, l)
	case relay.Head:
		c.sendHead(s, l)
	case relay.Send:
		c.explain(s, &l.Outcome)
		c.answerStream(s, l.Response, l.Outcome.Status)
	case relay.Follow:
		c.explain(s, &l.Outcome)
		c.follow(s, l.Response, l.Follower, l.Outcome.Status)
	case relay.Written, relay.Grown:
		c.queue(s)
	case relay.Continue:
		if !s.headSent && !s.recvDone {
			c.appendHead(s.id, &message.Head{Status: 100}, "", false)
		}
	case relay.Read:
		c.freeStream(s, l.N)
	case relay.Abort:
		c.countError(frame.InternalError, metrics.ScopeStream)
		c.reset(s, frame.InternalError, errStreamDone)
	case relay.Cut:
		if s.ticket == l.Ticket { // else it has left already
			c.cut(s)
		}
	}
}
