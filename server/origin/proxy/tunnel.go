package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// tunnel passes on an agreement to upgrade, and copies both ways until both
// sides have ended.
func (x *exchange) tunnel(ctx context.Context, res *http.Response, head origin.Head, upload *io.PipeWriter) error {
	status, fields := head.Status, head.Fields
	var far io.ReadWriteCloser
	switch {
	case upload != nil:
		far = &connected{res.Body, upload}
	default:
		raw, ok := res.Body.(io.ReadWriteCloser)
		if !ok {
			return newError(httpUpgradeFailed, errors.New("the connection cannot be written to"))
		}
		far = raw
		if x.q.translate {
			var err error
			if fields, err = x.translated(fields); err != nil {
				return err
			}
			status = http.StatusOK
		} else {
			fields = append(fields, hpack.Field{Name: "upgrade", Value: or(x.reply.upgrade, x.q.protocol)})
		}
	}
	x.watch.waitFor(waitSink)
	near, err := x.sink.Tunnel(status, fields)
	if err != nil {
		far.Close()
		return sinkFailed("passing on the upgrade", err)
	}
	if x.q.protocol == "websocket" {
		far = closing{far}
	}
	if err := join(ctx, near, far, x.p.config.Timeouts.Tunnel); err != nil {
		return blameless{fmt.Errorf("copying through the tunnel: %w", err)}
	}
	return nil
}

// translated checks an upgrade that we asked for in place of an extended
// CONNECT, and removes the field that the client did not ask for.
func (x *exchange) translated(fields []hpack.Field) ([]hpack.Field, error) {
	kept := fields[:0]
	accept := ""
	for _, f := range fields {
		if f.Name == "sec-websocket-accept" {
			accept = f.Value
			continue
		}
		kept = append(kept, f)
	}
	if accept != x.q.accept && x.q.accept != "" {
		return nil, newError(httpUpgradeFailed, fmt.Errorf("Sec-WebSocket-Accept %.40q is not the answer to the key", accept))
	}
	return kept, nil
}

// connected is the far side of a CONNECT: what is written is the content of the
// request.
type connected struct {
	io.ReadCloser
	upload *io.PipeWriter
}

func (c *connected) Write(p []byte) (int, error) { return c.upload.Write(p) }
func (c *connected) CloseWrite() error           { return c.upload.Close() }
func (c *connected) Close() error {
	_ = c.upload.Close() // never fails
	return c.ReadCloser.Close()
}

// closeGrace is how long a WebSocket's upstream has to answer a client's Close
// frame and end the connection, which RFC 6455 §7.1.1 leaves to the server.
const closeGrace = 5 * time.Second

// closing is the far side of a WebSocket. Chromium, from version 156 on, ends its
// way out with the Close frame (END_STREAM). nginx, as an upstream, ends both ways at
// the end of one, so that the answer to the frame would be lost: that end is passed on
// when the upstream has had time for its own.
type closing struct{ io.ReadWriteCloser }

func (c closing) CloseWrite() error {
	half, ok := c.ReadWriteCloser.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	time.AfterFunc(closeGrace, func() { _ = half.CloseWrite() }) // closed by then: no error that matters
	return nil
}

// errSilent ends a tunnel without a byte either way.
var errSilent = errors.New("the tunnel was silent for too long")

// join copies between two sides until both have ended, one has failed, nothing
// came for as long as silence, or ctx has ended. It closes both. The end of one
// side's way out is passed on to the other alone: a half-closed tunnel is open.
// It is an error if ctx or silence ended it, and none if a side broke off: that
// is an end as good as any in an unknown protocol.
func join(ctx context.Context, near, far io.ReadWriteCloser, silence time.Duration) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	closeBoth := sync.OnceFunc(func() {
		near.Close()
		far.Close()
	})
	defer closeBoth()
	defer context.AfterFunc(inner, closeBoth)()

	var moved atomic.Uint64
	quiet := &silent{limit: silence / silentLooks, moved: &moved, cancel: cancel}
	quiet.timer = time.AfterFunc(time.Hour, quiet.look) // look uses it
	quiet.timer.Reset(quiet.limit)
	defer quiet.stop()

	var other sync.WaitGroup
	other.Go(func() { oneWay(far, near, &moved, closeBoth) })
	oneWay(near, far, &moved, closeBoth)
	other.Wait()
	return context.Cause(inner)
}

// oneWay copies until from ends, whose end it passes on, or either fails.
func oneWay(to, from io.ReadWriteCloser, moved *atomic.Uint64, closeBoth func()) {
	buf := buffers.Get().(*[copySize]byte)
	defer buffers.Put(buf)
	for {
		n, err := from.Read(buf[:])
		if n > 0 {
			moved.Add(1)
			if _, err := to.Write(buf[:n]); err != nil {
				closeBoth()
				return
			}
			moved.Add(1)
		}
		if err == nil {
			continue
		}
		half, ok := to.(interface{ CloseWrite() error })
		if err != io.EOF || !ok || half.CloseWrite() != nil {
			closeBoth()
		}
		return
	}
}

// silentLooks is how often the silence of a tunnel is looked at: it ends after
// the limit and at most an eighth more.
const silentLooks = 8

// silent is the clock of a tunnel.
type silent struct {
	limit  time.Duration // of one look
	moved  *atomic.Uint64
	cancel context.CancelCauseFunc
	timer  *time.Timer
	over   atomic.Bool

	// Of the timer's goroutine.
	seen  uint64
	looks int
}

func (s *silent) look() {
	if s.over.Load() {
		return
	}
	s.looks++
	if now := s.moved.Load(); now != s.seen {
		s.seen, s.looks = now, 0
	}
	if s.looks > silentLooks {
		s.cancel(errSilent)
		return
	}
	s.timer.Reset(s.limit)
}

func (s *silent) stop() {
	s.over.Store(true)
	s.timer.Stop()
}
