package h2

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// ending is a way to a state in which a connection waits for its peer, and how that ends
// if the peer does nothing more, or little.
type ending struct {
	what    string
	setup   setup
	way     []byte        // what the peer sends to get there
	drain   bool          // and then the server drains
	after   time.Duration // and then that has passed
	trickle func(i int) []byte
	every   time.Duration // what trickles
	peer    reading
	within  time.Duration       // until the end, to the second
	code    any                 // with which the stream is reset; nil: the connection ends
	reason  metrics.CloseReason // for that
	limits  []metrics.Limit     // that are counted, once each
}

// reading is how a peer takes what we send.
type reading int

const (
	reads  reading = iota
	pongs          // and answers each PING
	sips           // a byte a second
	sleeps         // nothing
)

func counted(l ...metrics.Limit) []metrics.Limit { return l }

// bytesOf trickles b byte by byte, again and again trickles b as a whole.
func bytesOf(b []byte) func(int) []byte { return func(i int) []byte { return b[i : i+1] } }
func again(b []byte) func(int) []byte   { return func(int) []byte { return b } }

// show goes the way until holds is true and waits for the end of stream 1, or
// the connection's.
func (e ending) show(t *testing.T, holds func(*Conn) bool) {
	run(t, e.setup, func(p *peer) {
		var beside sync.WaitGroup
		resets := make(chan frame.ErrCode, 1)
		beside.Go(func() { e.read(p, resets) })
		p.Write(e.way)
		if e.drain {
			p.engine.Drain()
		}
		time.Sleep(e.after)
		p.peek(func(c *Conn) {
			if !holds(c) {
				t.Error("that is not waited for")
			}
		})
		began := time.Now()
		if e.trickle != nil {
			beside.Go(func() { e.send(p) })
		}
		select {
		case reason := <-p.done:
			p.done <- reason
			if e.code != nil || reason != e.reason {
				t.Errorf("the connection ended for reason %d, want %d, or %v for the stream", reason, e.reason, e.code)
			}
		case code := <-resets:
			if code != e.code {
				t.Errorf("the stream was reset with %v, want %v", code, e.code)
			}
		case <-time.After(time.Hour):
			t.Error("it does not end")
		}
		if took := time.Since(began).Truncate(time.Second); took != e.within {
			t.Errorf("it ended after %v, want %v", took, e.within)
		}
		for l := range metrics.LimitExchanges + 1 { // the last
			n := 0
			if slices.Contains(e.limits, l) {
				n = 1
			}
			p.wantBreaches(l, n)
		}
		p.Conn.Close()
		beside.Wait()
	})
}

// send trickles to the connection's end.
func (e ending) send(p *peer) {
	for i := 0; ; i++ {
		time.Sleep(e.every)
		if _, err := p.Conn.Write(e.trickle(i)); err != nil {
			return
		}
	}
}

// read reads to the connection's end, and reports what resets the stream.
func (e ending) read(p *peer, resets chan<- frame.ErrCode) {
	for b := make([]byte, 1); e.peer == sips; time.Sleep(time.Second) {
		if _, err := p.Conn.Read(b); err != nil {
			return
		}
	}
	for e.peer != sleeps {
		f, err := p.Read()
		switch {
		case err != nil:
			return
		case f.Type == frame.RSTStream && f.StreamID == 1 && e.code != nil:
			resets <- frame.Code(f.Payload)
		case f.Type == frame.Ping && !f.Flags.Has(frame.FlagAck) && e.peer == pongs:
			time.Sleep(time.Millisecond) // the way there and back
			p.Write(frame.AppendPing(nil, true, f.Payload))
		}
	}
}

// peek looks at the connection between two turns.
func (p *peer) peek(f func(*Conn)) {
	synctest.Wait()
	f(p.engine)
	p.engine.inbox.Post(streamMessage{Kind: relay.Grown, Stream: new(stream)}) // of no stream
	synctest.Wait()
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// lateHandler returns after five minutes.
func lateHandler(_ *peer, w writer, r *http.Request) {
	select {
	case <-time.After(5 * time.Minute):
	case <-r.Context().Done():
	}
	_, _ = w.WriteString("late")
}

// flood writes until it may not.
func flood(_ *peer, _ context.Context, x *message.Exchange) {
	err := x.Reply.Head(message.Head{Status: 200, Length: -1})
	for b := make([]byte, 4<<10); err == nil; {
		_, err = x.Reply.Write(b)
	}
}

var (
	ping     = frame.AppendPing(nil, false, []byte("anything"))
	large    = stored("/", strings.Repeat("x", 200<<10))
	shut     = []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}
	shares   = setup{source: large, settings: wide}
	idle     = setup{source: stored("/", "hit")}
	noHello  = setup{silent: true}
	unread   = setup{handler: stall}
	readBody = setup{handler: discard}
	atOnce   = setup{handler: func(_ *peer, w writer, _ *http.Request) { _, _ = io.WriteString(w, "early") }}
)

// TestEveryWaitEnds walks all that a connection waits for: a peer that is
// silent, or trickles, keeps it in none of that for longer than it may. What is
// added to the enumeration fails here until it is shown to end.
func TestEveryWaitEnds(t *testing.T) {
	const (
		head, body, gone = 10 * time.Second, 30 * time.Second, pingAfter + pongWithin
		timeout          = metrics.CloseTimeout
	)
	shown := make(map[wait]bool)
	for _, c := range []struct {
		wait
		ending
	}{
		{forPreface, ending{what: "nothing comes", setup: noHello, within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forPreface, ending{what: "part of it", setup: noHello, way: []byte("PRI * HTTP"), within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forPreface, ending{what: "it trickles", setup: noHello, trickle: bytesOf([]byte(frame.Preface)), every: time.Second, within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forPreface, ending{what: "no SETTINGS", setup: noHello, way: []byte(frame.Preface), within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forPreface, ending{what: "part of SETTINGS", setup: noHello, way: []byte(frame.Preface + "\x00\x00"), within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forBlock, ending{what: "no CONTINUATION", setup: idle, way: raw(frame.Headers, 0, 1, "\x82"), within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forBlock, ending{what: "part of one", setup: idle, way: join(raw(frame.Headers, 0, 1, "\x82"), raw(frame.Continuation, 0, 1, "\x82")[:5]), within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forBlock, ending{what: "they trickle", setup: idle, way: raw(frame.Headers, 0, 1, "\x82"), trickle: again(raw(frame.Continuation, 0, 1, "")), every: 1500 * time.Millisecond, within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forFrame, ending{what: "part of its header", setup: idle, way: get(1, "/")[:5], within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forFrame, ending{what: "part of it", setup: idle, way: get(1, "/")[:15], within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forFrame, ending{what: "it trickles", setup: idle, way: get(1, "/")[:1], trickle: bytesOf(get(1, "/")[1:]), every: time.Second, within: head, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forData, ending{what: "part of it", setup: unread, way: join(post(1, "/"), data(1, "unread", false), data(1, "content", true)[:11]), within: body, reason: timeout, limits: counted(metrics.LimitBodyTimeout)}},
		{forData, ending{what: "it trickles", setup: unread, way: join(post(1, "/"), data(1, "unread", false), data(1, strings.Repeat("x", 99), true)[:11]), trickle: again([]byte("x")), every: time.Second, within: body, reason: timeout, limits: counted(metrics.LimitBodyTimeout)}},
		{forShares, ending{what: "it stays shut", setup: shares, way: get(1, "/"), within: body, reason: timeout, limits: counted(metrics.LimitWriteTimeout)}},
		{forShares, ending{what: "it trickles: the stream ends, then the idle connection", setup: shares, way: get(1, "/"), trickle: again(frame.AppendWindowUpdate(nil, 0, 1)), every: time.Second, within: body + 60*time.Second, reason: metrics.CloseIdle, limits: counted(metrics.LimitWriteTimeout, metrics.LimitIdleTimeout)}},
		{forRequest, ending{what: "the first", setup: idle, within: 60 * time.Second, reason: metrics.CloseIdle, limits: counted(metrics.LimitIdleTimeout)}},
		{forRequest, ending{what: "another", setup: idle, way: get(1, "/"), within: 60 * time.Second, reason: metrics.CloseIdle, limits: counted(metrics.LimitIdleTimeout)}},
		{forRequest, ending{what: "control frames trickle", setup: idle, way: get(1, "/"), trickle: again(ping), every: time.Second, within: 60 * time.Second, reason: metrics.CloseIdle, limits: counted(metrics.LimitIdleTimeout)}},
		{forLife, ending{what: "none comes", setup: unread, way: get(1, "/"), within: gone, reason: timeout, limits: counted(metrics.LimitIdleTimeout)}},
		{forLife, ending{what: "they come until the handler returns", setup: setup{handler: lateHandler}, way: get(1, "/"), peer: pongs, within: 6 * time.Minute, reason: metrics.CloseIdle, limits: counted(metrics.LimitIdleTimeout)}},
		{forPong, ending{what: "none comes", setup: unread, way: get(1, "/"), after: pingAfter, within: pongWithin, reason: timeout, limits: counted(metrics.LimitIdleTimeout)}},
		{forPong, ending{what: "part of it", setup: unread, way: get(1, "/"), after: pingAfter, trickle: bytesOf(ping), every: 4 * time.Second, within: 14 * time.Second, reason: timeout, limits: counted(metrics.LimitHeadTimeout)}},
		{forGoAway, ending{what: "nothing is open", setup: idle, way: get(1, "/"), drain: true, within: drainRoundTrip, reason: metrics.CloseDrain}},
		{forGoAway, ending{what: "control frames trickle", setup: idle, drain: true, trickle: again(ping), every: time.Second / 3, within: drainRoundTrip, reason: metrics.CloseDrain}},
		{forGoAway, ending{what: "content is missing", setup: readBody, way: post(1, "/"), drain: true, within: body, reason: metrics.CloseDrain, limits: counted(metrics.LimitBodyTimeout)}},
		{forGoAway, ending{what: "a window is shut", setup: setup{source: large, settings: shut}, way: get(1, "/"), drain: true, within: body, reason: metrics.CloseDrain, limits: counted(metrics.LimitWriteTimeout)}},
		{forGoAway, ending{what: "a handler is running", setup: unread, way: get(1, "/"), drain: true, within: drainRoundTrip + gone, reason: timeout, limits: counted(metrics.LimitIdleTimeout)}},
		{forGoAway, ending{what: "new requests trickle: none is answered", setup: setup{handler: lateHandler}, way: get(1, "/"), drain: true, trickle: func(i int) []byte { return get(uint32(3+2*i), "/") }, every: 2 * time.Second, peer: pongs, within: 5 * time.Minute, reason: metrics.CloseDrain}},
	} {
		shown[c.wait] = true
		t.Run(c.wait.String()+", "+c.what, func(t *testing.T) {
			c.show(t, func(conn *Conn) bool { return !conn.due(c.wait).IsZero() })
		})
	}
	for w := range waits {
		if !shown[w] {
			t.Errorf("nothing shows that to wait for %v ends", w)
		}
	}
}

// TestEveryStreamWaitEnds is the same for a stream.
func TestEveryStreamWaitEnds(t *testing.T) {
	const (
		body, gone = 30 * time.Second, pingAfter + pongWithin
		tunnelTime = 10 * time.Minute
	)
	shown := make(map[streamWait]bool)
	for _, c := range []struct {
		streamWait
		ending
	}{
		{forHandler, ending{what: "the peer is silent", setup: unread, way: get(1, "/"), within: gone, reason: metrics.CloseTimeout, limits: counted(metrics.LimitIdleTimeout)}},
		{forHandler, ending{what: "which does not read what came", setup: unread, way: join(post(1, "/"), data(1, "content", false)), within: gone, reason: metrics.CloseTimeout, limits: counted(metrics.LimitIdleTimeout)}},
		{forContent, ending{what: "none comes", setup: readBody, way: post(1, "/"), within: body, code: frame.Cancel, limits: counted(metrics.LimitBodyTimeout)}},
		{forContent, ending{what: "its end is missing", setup: readBody, way: join(post(1, "/"), data(1, "content", false)), within: body, code: frame.Cancel, limits: counted(metrics.LimitBodyTimeout)}},
		{forContent, ending{what: "it trickles", setup: readBody, way: post(1, "/"), trickle: again(data(1, "x", false)), every: time.Second, within: body, code: frame.Cancel, limits: counted(metrics.LimitBodyTimeout)}},
		{forContent, ending{what: "a peer that answers PINGs", setup: readBody, way: post(1, "/"), trickle: again(ping), every: time.Second, peer: pongs, within: body, code: frame.Cancel, limits: counted(metrics.LimitBodyTimeout)}},
		{forWindow, ending{what: "of a stored response", setup: setup{source: large, settings: shut}, way: get(1, "/"), within: body, code: frame.Cancel, limits: counted(metrics.LimitWriteTimeout)}},
		{forWindow, ending{what: "of what a handler writes", setup: setup{serve: flood, settings: shut}, way: get(1, "/"), within: body, code: frame.Cancel, limits: counted(metrics.LimitWriteTimeout)}},
		{forWindow, ending{what: "of a tunnel", setup: setup{serve: tunnelling(shout), settings: shut}, way: join(extended(1, false), data(1, "hello", false)), within: body, code: frame.Cancel, limits: counted(metrics.LimitWriteTimeout)}},
		{forWindow, ending{what: "it trickles", setup: setup{source: large, settings: shut}, way: get(1, "/"), trickle: again(frame.AppendWindowUpdate(nil, 1, 1)), every: time.Second, within: body, code: frame.Cancel, limits: counted(metrics.LimitWriteTimeout)}},
		{forShare, ending{what: "it stays shut", setup: shares, way: get(1, "/"), within: body, code: frame.Cancel, limits: counted(metrics.LimitWriteTimeout)}},
		{forShare, ending{what: "it trickles", setup: shares, way: get(1, "/"), trickle: again(frame.AppendWindowUpdate(nil, 0, 1)), every: time.Second, within: body, code: frame.Cancel, limits: counted(metrics.LimitWriteTimeout)}},
		{forSocket, ending{what: "a stored response is not read", setup: setup{source: large}, way: get(1, "/"), peer: sleeps, within: body, reason: metrics.CloseError, limits: counted(metrics.LimitWriteTimeout)}},
		{forSocket, ending{what: "what a handler writes is not read", setup: setup{serve: flood}, way: get(1, "/"), peer: sleeps, within: body, reason: metrics.CloseError, limits: counted(metrics.LimitWriteTimeout)}},
		{forSocket, ending{what: "a byte a second is read", setup: setup{source: large}, way: get(1, "/"), peer: sips, within: body, reason: metrics.CloseError, limits: counted(metrics.LimitWriteTimeout)}},
		{forSocket, ending{what: "control frames trickle", setup: setup{source: large}, way: get(1, "/"), trickle: again(ping), every: time.Second, peer: sleeps, within: body, reason: metrics.CloseError, limits: counted(metrics.LimitWriteTimeout)}},
		{forRest, ending{what: "none comes", setup: atOnce, way: post(1, "/"), within: lateTime, code: frame.NoError}},
		{forRest, ending{what: "it trickles", setup: atOnce, way: post(1, "/"), trickle: again(data(1, "x", false)), every: lateTime / 3, within: lateTime, code: frame.NoError}},
		{forTunnel, ending{what: "the peer is silent", setup: setup{serve: tunnelling(shout)}, way: extended(1, false), within: gone, reason: metrics.CloseTimeout, limits: counted(metrics.LimitIdleTimeout)}},
		{forTunnel, ending{what: "a peer that answers PINGs", setup: setup{serve: tunnelling(shout)}, way: extended(1, false), peer: pongs, within: tunnelTime, code: frame.Cancel, limits: counted(metrics.LimitIdleTimeout)}},
		{forTunnel, ending{what: "empty frames trickle", setup: setup{serve: tunnelling(shout)}, way: extended(1, false), trickle: again(data(1, "", false)), every: time.Second, within: tunnelTime, code: frame.Cancel, limits: counted(metrics.LimitIdleTimeout)}},
	} {
		shown[c.streamWait] = true
		t.Run(c.streamWait.String()+", "+c.what, func(t *testing.T) {
			c.show(t, func(conn *Conn) bool {
				s := conn.streams[1]
				return s != nil && conn.waitOf(s) == c.streamWait
			})
		})
	}
	for w := range streamWaits {
		if !shown[w] {
			t.Errorf("nothing shows that a stream which waits for %v ends", w)
		}
	}
}
