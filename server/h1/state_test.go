package h1

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// silent is, for every state and whatever can be waited for in it, a way there
// and when a connection ends whose peer does nothing from then on.
var silent = []struct {
	state  state
	what   string
	send   string
	serve  func(context.Context, *message.Exchange)
	reads  bool // the peer reads
	within time.Duration
	reason metrics.CloseReason
	limit  metrics.Limit
	breach uint64
	answer string // what the peer has read begins with
}{
	{waiting, "for the first request", "", nil, true, idleTime, metrics.CloseIdle, metrics.LimitIdleTimeout, 1, ""},
	{waiting, "for another request", get("/"), nil, true, idleTime, metrics.CloseIdle, metrics.LimitIdleTimeout, 1, "HTTP/1.1 200"},
	{waiting, "behind an empty line", "\r\n", nil, true, idleTime, metrics.CloseIdle, metrics.LimitIdleTimeout, 1, ""},
	{heading, "part of a request line", "GET", nil, true, headTime, metrics.CloseTimeout, metrics.LimitHeadTimeout, 1, ""},
	{heading, "a head without its end", "POST / HTTP/1.1\r\nHost: test\r\n", nil, true, headTime, metrics.CloseTimeout, metrics.LimitHeadTimeout, 1, ""},
	{sending, "to a peer that does not read", get("/large"), nil, false, patience, metrics.CloseError, metrics.LimitWriteTimeout, 1, ""},
	{handling, "content of a size", upload("10"), readAll, true, patience, metrics.CloseTimeout, metrics.LimitBodyTimeout, 1, "HTTP/1.1 408"},
	{handling, "chunks", chunkedHead + "5\r\nab", readAll, true, patience, metrics.CloseTimeout, metrics.LimitBodyTimeout, 1, "HTTP/1.1 408"},
	{handling, "a trailer section", chunkedHead + "0\r\nA: b", readAll, true, patience, metrics.CloseTimeout, metrics.LimitBodyTimeout, 1, "HTTP/1.1 408"},
	{handling, "content that the handler does not read", upload("10"), sleepFor(time.Hour), true, patience, metrics.CloseTimeout, metrics.LimitBodyTimeout, 1, "HTTP/1.1 408"},
	{handling, "content that was asked for", upload("10", "Expect: 100-continue"), readAll, true, patience, metrics.CloseTimeout, metrics.LimitBodyTimeout, 1, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408"},
	{handling, "the handler, which has all", get("/slow"), sleepFor(time.Hour), true, time.Hour + idleTime, metrics.CloseIdle, metrics.LimitIdleTimeout, 1, "HTTP/1.1 200"},
	{handling, "the handler, while content is held back", upload("10", "Expect: 100-continue"), sleepFor(time.Hour), true, time.Hour, metrics.ClosePeer, metrics.LimitBodyTimeout, 0, "HTTP/1.1 200"},
	{replying, "content, behind a head", upload("10"), headThenRead, true, patience, metrics.CloseTimeout, metrics.LimitBodyTimeout, 1, "HTTP/1.1 200"},
	{replying, "to a peer that does not read", get("/slow"), flood, false, patience, metrics.CloseError, metrics.LimitWriteTimeout, 1, ""},
	{draining, "a rest of a size", upload("10"), sleepFor(0), true, drainTime, metrics.ClosePeer, metrics.LimitBodyTimeout, 0, "HTTP/1.1 200"},
	{draining, "chunks", chunkedHead, sleepFor(0), true, drainTime, metrics.ClosePeer, metrics.LimitBodyTimeout, 0, "HTTP/1.1 200"},
	{ending, "the handler, after its answer", get("/slow"), answerThenSleep, true, time.Hour + idleTime, metrics.CloseIdle, metrics.LimitIdleTimeout, 1, "HTTP/1.1 200"},
	{tunneling, "either side", get("/ws", "Connection: upgrade", "Upgrade: websocket"), tunnelThenRead, true, tunnelTime, metrics.CloseIdle, metrics.LimitIdleTimeout, 1, "HTTP/1.1 101"},
	{tunneling, "a handler that does not read", get("/ws", "Connection: upgrade", "Upgrade: websocket") + strings.Repeat("x", 100<<10), tunnelThenSleep, true, tunnelTime, metrics.CloseIdle, metrics.LimitIdleTimeout, 1, "HTTP/1.1 101"},
	{closing, "a peer that does not read", get("/large", "Connection: close"), nil, false, patience, metrics.CloseError, metrics.LimitWriteTimeout, 1, ""},
}

const (
	idleTime   = 60 * time.Second
	headTime   = 10 * time.Second
	tunnelTime = 5 * time.Minute
)

func upload(length string, fields ...string) string {
	return "POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: " + length + "\r\n" + strings.Join(append(fields, "", ""), "\r\n")
}

func readAll(_ context.Context, x *message.Exchange) {
	if _, err := io.Copy(io.Discard, x.Body); err == nil {
		answerWith(x, 200, "read")
	}
}

func sleepFor(d time.Duration) func(context.Context, *message.Exchange) {
	return func(ctx context.Context, x *message.Exchange) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
		answerWith(x, 200, "slept")
	}
}

func headThenRead(_ context.Context, x *message.Exchange) {
	if x.Reply.Head(message.Head{Status: 200, Length: -1}) == nil && x.Reply.Flush() == nil {
		_, _ = io.Copy(io.Discard, x.Body) // until the engine ends it
		_ = x.Reply.End(nil)
	}
}

func flood(_ context.Context, x *message.Exchange) {
	err := x.Reply.Head(message.Head{Status: 200, Length: -1})
	for p := make([]byte, 4<<10); err == nil; {
		_, err = x.Reply.Write(p)
	}
}

func answerThenSleep(_ context.Context, x *message.Exchange) {
	answerWith(x, 200, "slept")
	time.Sleep(time.Hour)
}

func tunnelThenRead(_ context.Context, x *message.Exchange) {
	if t, err := x.Reply.Tunnel(101, nil); err == nil {
		_, _ = io.Copy(io.Discard, t)
	}
}

func tunnelThenSleep(ctx context.Context, x *message.Exchange) {
	if _, err := x.Reply.Tunnel(101, nil); err == nil {
		<-ctx.Done()
	}
}

// TestEveryStateEnds walks all states: a silent peer keeps a connection in none
// of them for longer than it may. A state that is added fails here until it is
// shown to end.
func TestEveryStateEnds(t *testing.T) {
	shown := make(map[state]bool)
	for _, c := range silent {
		shown[c.state] = true
		t.Run(c.state.String()+" "+c.what, func(t *testing.T) {
			s := storing("/", "home", "/large", strings.Repeat("x", 64<<10))
			s.serve = c.serve
			onFakeTime(t, s, func(t *testing.T, p *peer) {
				if err := p.Conn.SetDeadline(time.Time{}); err != nil {
					t.Fatal(err)
				}
				var answer strings.Builder
				if c.reads {
					go io.Copy(&answer, p.Conn)
				}
				go io.WriteString(p.Conn, c.send)
				p.peek(func(conn *Conn) {
					if got := conn.state; got != c.state && !(c.state == closing && got == sending) {
						t.Fatalf("the connection is %v, want %v", got, c.state)
					}
				})
				began := time.Now()
				<-p.ended
				synctest.Wait()
				if got := time.Since(began); got != c.within {
					t.Errorf("it ended after %v, want %v", got, c.within)
				}
				if p.reason != c.reason || p.metrics.LimitBreaches.Value(c.limit) != c.breach {
					t.Errorf("it ended for reason %d with %d breaches, want %d with %d", p.reason, p.metrics.LimitBreaches.Value(c.limit), c.reason, c.breach)
				}
				if !strings.HasPrefix(answer.String(), c.answer) {
					t.Errorf("the peer got %q, want %q", answer.String(), c.answer)
				}
			})
		})
	}
	for s := range states {
		if !shown[s] {
			t.Errorf("nothing shows that a connection that is %v ends", s)
		}
	}
}

// TestTransitions: every state can be reached, and every one leads to closing.
func TestTransitions(t *testing.T) {
	reached := map[state]bool{waiting: true}
	for s, next := range follows {
		ends := state(s) == closing
		for _, n := range next {
			reached[n] = true
			ends = ends || n == closing
		}
		if !ends {
			t.Errorf("%v does not lead to closing", state(s))
		}
	}
	for s := range states {
		if !reached[s] {
			t.Errorf("nothing leads to %v", s)
		}
	}
}

// TestSlowContent: content at the lowest rate is taken to its end, however long
// that takes; at half the rate it is cut off.
func TestSlowContent(t *testing.T) {
	for name, c := range map[string]struct {
		part int // of the quantum, in each tenth of the timeout
		want string
	}{
		"at the rate":      {10, "HTTP/1.1 200"},
		"at half the rate": {20, "HTTP/1.1 408"},
	} {
		t.Run(name, func(t *testing.T) {
			s := storing()
			s.serve = readAll
			onFakeTime(t, s, func(t *testing.T, p *peer) {
				if err := p.Conn.SetDeadline(time.Time{}); err != nil {
					t.Fatal(err)
				}
				const quantum = 32 << 10
				part := strings.Repeat("x", quantum/c.part+1)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if _, err := io.WriteString(p.Conn, chunkedHead); err != nil {
						return
					}
					for range 100 {
						if _, err := io.WriteString(p.Conn, "0"+hexOf(len(part))+"\r\n"+part+"\r\n"); err != nil {
							return
						}
						time.Sleep(patience / 10)
					}
					io.WriteString(p.Conn, "0\r\n\r\n")
				}()
				line, err := p.R.ReadString('\r')
				if err != nil || !strings.HasPrefix(line, c.want) {
					t.Errorf("%q, %v; want %s", line, err, c.want)
				}
				p.Conn.Close()
				<-done
			})
		})
	}
}

func hexOf(n int) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hexOf(n/16) + digits[n%16:n%16+1]
}
