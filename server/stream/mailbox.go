package stream

import (
	"sync"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Letter is what another goroutine posts to the connection's.
type Letter[S any] struct {
	Kind     Kind
	Stream   S
	Head     *message.Head     // Inform, Head, Tunnel
	Ended    bool              // Head: no content and no trailers follow
	Response *message.Response // Send, Follow
	Follower *message.Follower // Follow
	N        int               // Read: bytes
	Ticket   *memory.Ticket    // Cut
	Outcome  message.Outcome   // Head, Send, Follow, Tunnel
}

// Kind is what a Letter asks for.
type Kind uint8

const (
	Inform   Kind = iota // send an informational head
	Head                 // send a final head
	Send                 // send a whole response
	Follow               // send a response whose content grows
	Tunnel               // send the head that agrees to an upgrade
	Written              // there is output, or its end
	Grown                // the followed content has grown
	Continue             // the handler reads a body that the client holds back
	Read                 // the handler has read N bytes of the body
	Abort                // break the response off
	Done                 // the handler's goroutine is at its end
	Drain                // stop after what is in flight
	Cut                  // break off what joined with Ticket: its memory is needed
)

// Mailbox is how other goroutines reach a connection. It holds at most a few
// letters for each running handler: writers wait for room in their output.
type Mailbox[S any] struct {
	// Wake gives the connection a turn soon.
	Wake func()

	waiting atomic.Bool

	mu      sync.Mutex
	letters []Letter[S]
	spare   []Letter[S]
	closed  bool
}

// Post leaves a letter and wakes the connection.
func (m *Mailbox[S]) Post(l Letter[S]) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		if l.Follower != nil {
			l.Follower.Close()
		}
		return // the connection has ended, and with it every stream
	}
	m.letters = append(m.letters, l)
	m.waiting.Store(true)
	m.mu.Unlock()
	m.Wake()
}

// Pending reports whether a letter waits.
func (m *Mailbox[S]) Pending() bool { return m.waiting.Load() }

// Close drops what waits and all that comes.
func (m *Mailbox[S]) Close() {
	m.mu.Lock()
	letters := m.letters
	m.closed, m.letters = true, nil
	m.mu.Unlock()
	for _, l := range letters {
		if l.Follower != nil {
			l.Follower.Close()
		}
	}
}

// Take returns what was posted since, nil for nothing. GiveBack gets it back.
func (m *Mailbox[S]) Take() []Letter[S] {
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

// GiveBack returns the memory of Take's letters.
func (m *Mailbox[S]) GiveBack(taken []Letter[S]) {
	clear(taken)
	m.mu.Lock()
	m.spare = taken
	m.mu.Unlock()
}

// trailersOf keeps the fields that may stand in a trailer section: well-formed,
// and none that frames or routes the message (RFC 9110 §6.5.1).
func trailersOf(fields []hpack.Field) []hpack.Field {
	var kept []hpack.Field
	for _, f := range fields {
		switch f.Name {
		case "content-length", "transfer-encoding", "host", "trailer", "te", "connection", "content-type", "content-encoding", "content-range":
		default:
			kept = append(kept, f)
		}
	}
	return kept
}
