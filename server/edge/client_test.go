package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

var (
	errLeft = errors.New("the client left")
	errOver = errors.New("the answer has ended")
)

// client is a client with its connection: a [message.Reply] that records. As
// with an engine, the context of its exchange ends with the answer.
type client struct {
	rig     *rig
	request message.Request
	content string
	pace    time.Duration // between two reads of a body that is followed
	ctx     context.Context
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when the answer has ended, and Serve returned

	hit     bool // the fast path answered
	looked  message.Lookup
	outcome message.Outcome
	answers int // must be 1

	mu       sync.Mutex
	informed []int
	status   int
	fields   []hpack.Field
	age      string // of a stored response: what the engines send
	body     []byte
	parts    []part
	length   int64
	trailers []hpack.Field
	broken   error
	ended    chan struct{} // of what is followed; nil: nothing is
}

var peer = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1234}

// part is when bytes came.
type part struct {
	at time.Time
	n  int
}

func (c *client) start() {
	c.rig.gone.Go(func() {
		defer close(c.done)
		if c.content == "" && c.rig.Look(&c.looked, &c.request, time.Now()) {
			c.hit = true
			c.outcome.Status = "hotpath; hit"
			c.take(message.Select(&c.request, c.looked.Response))
			c.cancel(errOver)
			return
		}
		x := &message.Exchange{Request: c.request, Key: string(c.looked.Key), Policy: c.looked.Policy, Proto: message.HTTP11, Peer: peer, Local: func() net.Addr { return peer }, TLS: func() (s tls.ConnectionState) { return s }, Reply: c}
		if c.content != "" {
			x.Body, x.Length = io.NopCloser(strings.NewReader(c.content)), int64(len(c.content))
		}
		c.rig.Serve(c.ctx, x)
		if c.ended != nil {
			<-c.ended
		}
		if c.answers == 0 {
			c.broken = errors.New("no answer was given")
		}
		c.cancel(errOver)
	})
}

func (c *client) wait() *client {
	<-c.done
	return c
}

// leave is that the client goes before its answer has ended.
func (c *client) leave() { c.cancel(errLeft) }

func (c *client) field(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return field(c.fields, name)
}

func (c *client) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.body)
}

func (c *client) take(r *message.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.fields, c.length = r.Status, r.Fields, int64(len(r.Body))
	_, age, _ := strings.Cut(string(r.AppendHead(nil, message.Date(time.Now()), nil)), "\r\nage: ")
	c.age, _, _ = strings.Cut(age, "\r\n")
	if c.request.Method != "HEAD" {
		c.body = append(c.body, r.Body...)
		for _, more := range r.More {
			c.body = append(c.body, more...)
		}
	}
	c.parts = append(c.parts, part{time.Now(), len(r.Body)})
}

func (c *client) Explain(o message.Outcome) { c.outcome = o }

func (c *client) Send(r *message.Response) {
	c.answers++
	c.take(r)
	c.cancel(errOver)
}

func (c *client) Follow(r *message.Response, f *message.Follower) {
	c.answers++
	c.take(r)
	c.parts = nil
	c.ended = make(chan struct{})
	ticket := c.rig.store.Ledger().Join(cutter{c}, r.Pinned(), time.Now())
	go func() {
		defer close(c.ended)
		defer ticket.Leave()
		defer f.Close()
		defer c.cancel(errOver) // as the engines do: before Close
		if c.request.Method == "HEAD" {
			return
		}
		grown := make(chan struct{}, 1)
		f.Attach(func() {
			select {
			case grown <- struct{}{}:
			default:
			}
		})
		for {
			select {
			case <-grown:
			case <-c.ctx.Done():
				c.broken = context.Cause(c.ctx)
				return
			}
			for more := true; more; {
				var p message.Part
				c.mu.Lock()
				c.body, p = f.Next(c.body, 16<<10)
				if p.N > 0 {
					c.parts = append(c.parts, part{time.Now(), p.N})
				}
				c.trailers = p.Trailers
				c.mu.Unlock()
				if p.End || p.Err != nil {
					c.broken = p.Err
					return
				}
				more = p.More
				if c.pace > 0 && p.N > 0 {
					select {
					case <-time.After(c.pace):
					case <-c.ctx.Done():
						c.broken = context.Cause(c.ctx)
						return
					}
				}
			}
		}
	}()
}

// cutter is a client whose answer the ledger may cut.
type cutter struct{ c *client }

func (c cutter) Cut(*memory.Ticket) { c.c.cancel(errors.New("cut for its memory")) }

func (c *client) gone() error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return nil
}

func (c *client) Inform(status int, _ []hpack.Field) error {
	c.informed = append(c.informed, status)
	return c.gone()
}

func (c *client) Head(h message.Head) error {
	c.answers++
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.fields, c.length = h.Status, h.Fields, h.Length
	return c.gone()
}

func (c *client) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.body = append(c.body, p...)
	c.parts = append(c.parts, part{time.Now(), len(p)})
	return len(p), c.gone()
}

func (c *client) Flush() error { return c.gone() }

func (c *client) End(trailers []hpack.Field) error {
	c.trailers = trailers
	defer c.cancel(errOver)
	if int64(len(c.body)) < c.length && c.request.Method != "HEAD" && c.status != 304 {
		c.broken = errors.New("broken off: shorter than declared")
		return c.broken
	}
	return c.gone()
}

func (c *client) Abort() {
	c.broken = errors.New("broken off")
	c.cancel(errOver)
}

func (c *client) Tunnel(status int, fields []hpack.Field) (io.ReadWriteCloser, error) {
	c.answers++
	c.status, c.fields = status, fields
	near, _ := newPipe()
	return near, c.gone()
}

func (c *client) SetReadDeadline(time.Time)  {}
func (c *client) SetWriteDeadline(time.Time) {}

// newPipe is a tunnel that nothing flows through.
func newPipe() (near, far io.ReadWriteCloser) {
	r, w := io.Pipe()
	return pipe{r, w}, pipe{r, w}
}

type pipe struct {
	io.Reader
	io.WriteCloser
}
