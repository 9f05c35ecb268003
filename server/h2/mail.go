package h2

import (
	"sync"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// letter is what another goroutine tells the connection's.
type letter struct {
	kind   letterKind
	stream *stream
	head   *responseHead     // headLetter
	stored *message.Response // storedLetter
	n      int               // readLetter: bytes
	code   frame.ErrCode     // resetLetter
	result metrics.CacheResult
}

type letterKind uint8

const (
	headLetter     letterKind = iota // a head to send, informational or final
	storedLetter                     // a stored response to send
	outputLetter                     // there is output
	continueLetter                   // the handler reads a body that the client holds back
	readLetter                       // the handler has read n bytes of the body
	resetLetter                      // the handler failed after its head
	doneLetter                       // the handler's goroutine is at its end
	drainLetter                      // stop after what is in flight
)

// responseHead is a head for the connection's encoder.
type responseHead struct {
	status int
	fields []hpack.Field
	end    bool // no body and no trailers follow
}

// mailbox is how handlers reach the connection. Its letters come to at most a
// few for each running handler: writers wait for room in their output.
type mailbox struct {
	waiting atomic.Bool

	mu      sync.Mutex
	letters []letter
	spare   []letter
	closed  bool
}

// post leaves a letter and wakes the connection.
func (c *Conn) post(l letter) {
	m := &c.mail
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return // the connection has ended, and told every stream so
	}
	m.letters = append(m.letters, l)
	m.waiting.Store(true)
	m.mu.Unlock()
	c.wire.Wake()
}

func (m *mailbox) close() {
	m.mu.Lock()
	m.closed, m.letters = true, nil
	m.mu.Unlock()
}

func (m *mailbox) take() []letter {
	if !m.waiting.Load() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting.Store(false)
	taken := m.letters
	m.letters = m.spare[:0]
	m.spare = nil
	return taken
}

func (m *mailbox) giveBack(taken []letter) {
	clear(taken)
	m.mu.Lock()
	m.spare = taken
	m.mu.Unlock()
}

// readMail does what was asked for since the last turn.
func (c *Conn) readMail() {
	letters := c.mail.take()
	if letters == nil {
		return
	}
	for i := range letters {
		c.read(&letters[i])
	}
	c.mail.giveBack(letters)
}

func (c *Conn) read(l *letter) {
	switch l.kind {
	case drainLetter:
		c.startDrain()
		return
	case doneLetter:
		c.running--
		return
	}
	s := l.stream
	if l.kind == readLetter {
		c.freeConn(l.n) // whether the stream lives or not
	}
	if c.streams[s.id] != s {
		return // it has ended meanwhile
	}
	switch l.kind {
	case headLetter:
		c.sendHead(s, l)
	case storedLetter:
		s.result = l.result
		c.answerStream(s, l.stored)
	case outputLetter:
		c.queue(s)
	case continueLetter:
		if !s.headSent && !s.recvDone {
			c.appendHead(s.id, 100, nil, false)
		}
	case readLetter:
		c.freeStream(s, l.n)
	case resetLetter:
		c.countError(l.code, metrics.ScopeStream)
		c.reset(s, l.code, errStreamDone)
	}
}
