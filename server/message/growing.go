package message

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// ErrIncomplete is the end of a content whose source broke off.
var ErrIncomplete = errors.New("the content is incomplete")

// Growing is the content of a response that is still arriving: one writer, any
// number of readers with an offset each. What was appended never changes, and a
// [Follower] copies it out without waiting.
//
//	writer ─ Append ─▶ [ base ........ held ] ─ Next ─▶ followers
//
// Up to Limit bytes all of it is held, and a follower may join at any time.
// Beyond that only what the slowest follower has not read is held, Limit bytes
// at most, and Append waits for it: no other can join any more.
type Growing struct {
	limit int64

	mu        sync.Mutex
	held      []byte
	base      int64 // offset of held[0] in the content
	ended     bool
	failure   error
	trailers  []hpack.Field
	followers map[*Follower]struct{}
	room      chan struct{} // closed when the slowest follower has read on; nil: the writer does not wait
}

// NewGrowing makes an empty content. length is its size if it is known, else
// -1: memory for all of it is taken at once, and becomes the stored body. limit
// is how many bytes are held at most.
func NewGrowing(length, limit int64) *Growing {
	g := &Growing{limit: limit, followers: make(map[*Follower]struct{})}
	if length > 0 {
		g.held = make([]byte, 0, min(length, limit))
	}
	return g
}

// Follow adds a reader from the beginning; nil if the beginning is not held any
// more.
func (g *Growing) Follow() *Follower {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.base > 0 {
		return nil
	}
	f := &Follower{content: g}
	g.followers[f] = struct{}{}
	return f
}

// Append adds p, which is borrowed for the call. Beyond the limit it waits for
// the slowest follower, until ctx ends.
func (g *Growing) Append(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		g.mu.Lock()
		if g.base > 0 || int64(len(g.held)+len(p)) > g.limit {
			g.trim()
		}
		n := int(min(int64(len(p)), g.limit-int64(len(g.held))))
		if n > 0 {
			g.held = append(g.held, p[:n]...)
			p = p[n:]
			g.wake()
			g.mu.Unlock()
			continue
		}
		room := make(chan struct{})
		g.room = room
		g.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// trim lets go of what every follower has read. g.mu is held. The memory is
// not reused: a follower may be copying from it.
func (g *Growing) trim() {
	first := g.base + int64(len(g.held))
	for f := range g.followers {
		first = min(first, f.offset)
	}
	if n := first - g.base; n > 0 {
		g.held = append(make([]byte, 0, max(int64(len(g.held))-n, 1)), g.held[n:]...)
		g.base = first
	}
}

// End completes the content.
func (g *Growing) End(trailers []hpack.Field) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failure == nil {
		g.ended, g.trailers = true, trailers
		g.wake()
	}
}

// Fail ends the content before it is complete: its followers break off.
func (g *Growing) Fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failure == nil && !g.ended {
		g.failure = errors.Join(ErrIncomplete, err)
		g.wake()
	}
}

// Bound holds no more than now, or a little: the content is not to be stored.
func (g *Growing) Bound() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = max(int64(len(g.held)), boundedWindow)
}

// boundedWindow is how far a writer may be ahead of the slowest follower of a
// content that is not stored.
const boundedWindow = 64 << 10

// Held returns what has come, if that is all from the beginning and nothing has
// failed. It is the writer's: more may follow.
func (g *Growing) Held() (body []byte, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held, g.base == 0 && g.failure == nil
}

// Followers is how many readers there are.
func (g *Growing) Followers() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.followers)
}

// wake calls the wakers of all followers that have none under way. g.mu is held.
func (g *Growing) wake() {
	for f := range g.followers {
		f.notify()
	}
}

// Follower reads a Growing content. All methods but notify are for the
// goroutine of the connection that sends it.
type Follower struct {
	content  *Growing
	offset   int64 // guarded by content.mu
	waker    func()
	notified atomic.Bool
}

// notify calls the waker once until the next Next: while notified is set there is
// something that Next has not read. content.mu is held.
func (f *Follower) notify() {
	if f.waker != nil && f.notified.CompareAndSwap(false, true) {
		f.waker()
	}
}

// Attach names what is called when there is more to read, from any goroutine;
// it must not block. It is called at once if there is something already.
func (f *Follower) Attach(waker func()) {
	g := f.content
	g.mu.Lock()
	defer g.mu.Unlock()
	f.waker = waker
	if g.base+int64(len(g.held)) > f.offset || g.ended || g.failure != nil {
		f.notify()
	}
}

// Part is what [Follower.Next] read.
type Part struct {
	N        int
	More     bool // something is held that was not asked for
	End      bool // nothing is left, and nothing more comes
	Trailers []hpack.Field
	Err      error // the content broke off; set only when all before was read
}

// Next appends up to most bytes to dst. It never waits.
func (f *Follower) Next(dst []byte, most int) ([]byte, Part) {
	g := f.content
	g.mu.Lock()
	defer g.mu.Unlock()
	// Behind the lock: what is appended before it is read here, and its call of
	// the waker, which then finds nothing, must not stand for those to come.
	f.notified.Store(false)
	p := g.held[f.offset-g.base:]
	p = p[:min(len(p), most)]
	dst = append(dst, p...)
	f.offset += int64(len(p))
	left := g.base + int64(len(g.held)) - f.offset
	if g.room != nil && len(p) > 0 {
		close(g.room)
		g.room = nil
	}
	part := Part{N: len(p), More: left > 0}
	if left == 0 {
		part.End, part.Trailers, part.Err = g.ended, g.trailers, g.failure
	}
	return dst, part
}

// Ready reports whether Next has bytes (more), and whether it has an end or a
// failure at this point (ends).
func (f *Follower) Ready() (more, ends bool) {
	g := f.content
	g.mu.Lock()
	defer g.mu.Unlock()
	more = g.base+int64(len(g.held)) > f.offset
	return more, !more && (g.ended || g.failure != nil)
}

// Close ends the reading, whether all was read or not.
func (f *Follower) Close() {
	g := f.content
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.followers, f)
	f.waker = nil
	if g.room != nil {
		close(g.room)
		g.room = nil
	}
}
