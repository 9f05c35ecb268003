package stream

import (
	"sync"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Message is what another goroutine posts to the connection's.
type Message[S any] struct {
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

// Kind is what a Message asks for.
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

// Inbox is how other goroutines reach a connection. It holds at most a few
// messages for each running handler: writers wait for room in their output.
type Inbox[S any] struct {
	// Wake gives the connection a turn soon.
	Wake func()

	waiting atomic.Bool

	mu       sync.Mutex
	messages []Message[S]
	spare    []Message[S]
	closed   bool
}

// Post adds a message and wakes the connection.
func (b *Inbox[S]) Post(m Message[S]) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		if m.Follower != nil {
			m.Follower.Close()
		}
		return // the connection has ended, and with it every stream
	}
	b.messages = append(b.messages, m)
	b.waiting.Store(true)
	b.mu.Unlock()
	b.Wake()
}

// Pending reports whether a message waits.
func (b *Inbox[S]) Pending() bool { return b.waiting.Load() }

// Close drops what waits and all that comes.
func (b *Inbox[S]) Close() {
	b.mu.Lock()
	messages := b.messages
	b.closed, b.messages = true, nil
	b.mu.Unlock()
	for _, m := range messages {
		if m.Follower != nil {
			m.Follower.Close()
		}
	}
}

// Take returns what was posted since, nil for nothing. GiveBack gets it back.
func (b *Inbox[S]) Take() []Message[S] {
	if !b.waiting.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.Store(false)
	taken := b.messages
	b.messages = b.spare[:0]
	b.spare = nil
	return taken
}

// GiveBack returns the memory of Take's messages.
func (b *Inbox[S]) GiveBack(taken []Message[S]) {
	clear(taken)
	b.mu.Lock()
	b.spare = taken
	b.mu.Unlock()
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
