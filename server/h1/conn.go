package h1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Fetcher gets what is not in memory: see edge.Edge.Get. It is asked on a
// goroutine of its own. Where it returns no response, net/http takes over.
type Fetcher interface {
	Get(ctx context.Context, key string) (*message.Response, http.Handler, error)
}

// Config is what all connections share. All fields but Access are needed.
type Config struct {
	Source  message.Source
	Fetcher Fetcher
	Metrics *metrics.Hotpath
	Log     *slog.Logger
	Access  *access.Recorder // nil: nobody wants to know

	HeaderBytes  int           // of a request head; a larger one is net/http's to refuse
	HeaderFields int           // in a request head
	OutputBytes  int           // encrypted and not taken by the peer: then we stop reading
	Head         time.Duration // for a whole request head
	Idle         time.Duration // without a request
}

// Conn is an HTTP/1.1 connection.
type Conn struct {
	cfg    *Config
	wire   *wire.Conn
	stripe metrics.Stripe
	tap    access.Tap

	now  time.Time
	date *message.DateText
	turn uint64
	hits metrics.Hits // answered in this turn

	known   repeat
	rest    []byte    // of the body that is being sent
	late    late      // the request that outlives its turn
	partial time.Time // since when part of a head waits; zero: none
	active  time.Time // last request
	ended   bool      // the peer says nothing more
	broken  bool
	leaving bool // the next request is net/http's
	reason  metrics.CloseReason

	fetching bool // the request at the front of Unread waits for fetched
	size     int  // of its head
	head     bool // HEAD
	cancel   context.CancelFunc
	fetched  atomic.Pointer[result]
	mayDrain atomic.Bool // somebody called Drain
}

// result is what a fetch came back with; nil stored: nothing that the loop can
// send.
type result struct {
	stored *message.Response
}

// NewConn makes the loop for a connection whose TLS handshake is over.
func NewConn(cfg *Config, w *wire.Conn) *Conn {
	return &Conn{
		cfg:    cfg,
		wire:   w,
		stripe: w.Stripe(),
		tap:    cfg.Access.Tap(access.HTTP11, w.RemoteAddr(), w.Stripe()),
		active: time.Now(),
		reason: metrics.ClosePeer,
	}
}

// Serve serves the connection until it ends, or is net/http's: then left is
// true and the caller goes on with wire.Conn.Blocking.
func (c *Conn) Serve() (reason metrics.CloseReason, left bool) {
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Metrics.Panics.Add(c.stripe, 1)
			c.cfg.Log.Error("panic on a connection", "peer", c.wire.RemoteAddr().String(), "panic", p, "stack", string(debug.Stack()))
			_ = c.wire.Close() // whatever state it is in
			reason, left = metrics.CloseError, false
		}
		if c.cancel != nil {
			c.cancel()
		}
		if c.late.open && !left {
			c.tellLate(true)
		}
		c.tap.Flush(time.Since(c.now))
	}()
	c.wire.Serve(c)
	return c.reason, c.leaving && !c.broken
}

// Drain asks the connection to end after the request in flight. Safe from any
// goroutine.
func (c *Conn) Drain() {
	c.mayDrain.Store(true)
	c.wire.Wake()
}

// Pending implements wire.Engine.
func (c *Conn) Pending() bool {
	return c.fetched.Load() != nil || c.mayDrain.Load() && c.reason != metrics.CloseDrain
}

// Turn implements wire.Engine.
func (c *Conn) Turn(now time.Time) (wire.Step, time.Time) {
	c.now = now
	c.turn++
	if c.date == nil || c.date.Unix != now.Unix() {
		c.date = message.Date(now)
	}
	if c.mayDrain.Load() {
		c.reason = metrics.CloseDrain
	}
	c.takeFetched()
	more := c.exchange()
	if err := c.wire.Flush(); err != nil {
		c.gone(err)
	}
	c.tap.Flush(c.cfg.Metrics.AddHits(c.stripe, metrics.H1, &c.hits, c.now))
	switch busy := c.fetching || len(c.rest) > 0; {
	case c.broken:
		return wire.Done, time.Time{}
	case busy && c.wire.Congested(), c.fetching:
		return wire.Sleep, time.Time{} // the backlog's end, or the fetch, wakes us
	case busy, more:
		return wire.Again, time.Time{}
	case c.wire.Congested():
		// The client has yet to read its answers: until then it is neither
		// idle nor late, and nobody else may write.
		c.active, c.partial = now, time.Time{}
		return wire.Sleep, time.Time{}
	case c.ended:
		return wire.Done, time.Time{}
	case c.leaving:
		return wire.Leave, time.Time{}
	case c.reason == metrics.CloseDrain:
		return wire.Done, time.Time{}
	}
	return c.sleep()
}

// exchange answers what has arrived and reports whether it left some of it for
// the next turn.
func (c *Conn) exchange() (more bool) {
	for fills := 0; ; {
		if !c.transmit() {
			return false
		}
		if c.fetching || c.leaving || c.broken {
			return false
		}
		if c.wire.Buffered() > c.cfg.OutputBytes {
			return false // the backlog's end brings the next turn
		}
		if c.answerNext() {
			if len(c.wire.Out) < wire.FlushSize {
				continue
			}
			if err := c.wire.Flush(); err != nil {
				c.gone(err)
			}
			return true
		}
		if c.fetching || c.leaving || c.ended {
			return false
		}
		if fills++; fills > wire.TurnFills {
			return true
		}
		switch err := c.wire.Fill(); {
		case err == nil:
		case err == error(wire.ErrWouldBlock):
			return false
		default:
			c.gone(err)
		}
	}
}

// answerNext answers the request at the front of what was read. It reports
// false where there is no whole one, or it cannot be answered here and now.
func (c *Conn) answerNext() bool {
	raw := c.wire.Unread()
	if c.answerRepeat(raw) {
		return true
	}
	n := bytes.Index(raw, endOfHead)
	if n < 0 {
		if len(raw) > c.cfg.HeaderBytes || bareLF(raw) {
			c.leaving = true
		}
		return false
	}
	raw = raw[:n+len(endOfHead)]
	h := heads.Get().(*head)
	defer h.release()
	if len(raw) > c.cfg.HeaderBytes || !h.parse(raw, c.cfg.HeaderFields) {
		c.leaving = true
		return false
	}
	return c.answerRequest(raw, h)
}

func (c *Conn) answerRequest(raw []byte, h *head) bool {
	r := &h.request
	key, ok := c.cfg.Source.Key(h.key, r)
	h.key = key
	if !ok {
		c.leaving = true
		return false
	}
	isHead := r.Method == http.MethodHead
	stored := c.cfg.Source.Find(view(key), c.now)
	if stored == nil {
		if conditional(r) {
			c.leaving = true // rare: a condition on what we do not hold
			return false
		}
		c.late = late{open: true, about: access.AppendRequest(c.late.about[:0], r), answer: access.Answer{Began: c.now, Result: metrics.Miss}}
		c.fetch(string(key), len(raw), isHead)
		return false
	}
	if selected := message.Select(r, stored); selected != stored {
		stored = selected
	} else if !conditional(r) {
		c.known.remember(raw, h)
	}
	c.hit(stored, isHead, len(raw), h)
	return true
}

func conditional(r *message.Request) bool {
	_, noneMatch := r.Field("if-none-match")
	_, since := r.Field("if-modified-since")
	return noneMatch || since
}

// fetch asks for what is not in memory. The request stays unread until the
// answer is there.
func (c *Conn) fetch(key string, size int, isHead bool) {
	c.fetching, c.size, c.head = true, size, isHead
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go func() {
		r := new(result)
		defer func() {
			if p := recover(); p != nil {
				c.cfg.Metrics.Panics.Add(c.stripe, 1)
				c.cfg.Log.Error("panic in a fetch", "key", key, "panic", p, "stack", string(debug.Stack()))
				r.stored = nil // net/http runs into it again, and answers 500
			}
			c.fetched.Store(r)
			c.wire.Wake()
		}()
		stored, _, err := c.cfg.Fetcher.Get(ctx, key)
		if err == nil {
			r.stored = stored
		}
	}()
}

// takeFetched answers the request that waited.
func (c *Conn) takeFetched() {
	r := c.fetched.Swap(nil)
	if r == nil {
		return
	}
	c.fetching = false
	c.cancel()
	if r.stored == nil || r.stored.Status == http.StatusMovedPermanently {
		c.leaving = true // a stream, an error; a redirect, which wants the request's query
		c.late.open = false
		return
	}
	c.cfg.Metrics.Requests.Add(c.stripe, metrics.H1, metrics.ClassOf(r.stored.Status), metrics.Miss, 1)
	c.late.answer.Status, c.late.answer.Bytes = r.stored.Status, bodySize(r.stored, c.head)
	c.answer(r.stored, c.head, c.size)
	if len(c.rest) == 0 {
		c.tellLate(false)
	}
}

// sleep says until when, after what is overdue was dealt with.
func (c *Conn) sleep() (wire.Step, time.Time) {
	if c.active.Before(c.now) {
		c.known, c.late = repeat{}, late{} // quiet: keep neither memory nor a response alive
	}
	limit, until := metrics.LimitIdleTimeout, c.active.Add(c.cfg.Idle)
	if len(c.wire.Unread()) == 0 {
		c.partial = time.Time{}
	} else {
		if c.partial.IsZero() {
			c.partial = c.now
		}
		limit, until = metrics.LimitHeadTimeout, c.partial.Add(c.cfg.Head)
	}
	if c.now.Before(until) {
		return wire.Sleep, until
	}
	c.cfg.Metrics.LimitBreaches.Add(c.stripe, limit, 1)
	c.reason = metrics.CloseTimeout
	if limit == metrics.LimitIdleTimeout {
		c.reason = metrics.CloseIdle
	}
	return wire.Done, time.Time{}
}

// gone notes that the peer says nothing more, or the connection broke. What it
// asked for before its end is still answered.
func (c *Conn) gone(err error) {
	c.ended = true
	if !errors.Is(err, io.EOF) {
		c.broken = true
		c.reason = metrics.CloseError
	}
}
