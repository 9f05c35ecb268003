package h3

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestSurvivesPanics: a panic on any goroutine of a connection ends the stream or the
// connection that it is about, and the process goes on. What panics is a metric that is
// not there.
func TestSurvivesPanics(t *testing.T) {
	t.Run("a stream that is no request", func(t *testing.T) {
		p := newPeer(t, setup{panics: 1, silent: true, broken: func(m *metrics.Hotpath) { m.ProtocolErrors = nil }})
		p.uni(streamPush, nil) // which is an error of the connection
		select {
		case reason := <-p.done:
			if reason != metrics.CloseError {
				t.Errorf("the connection ends for %v", reason)
			}
			p.done <- reason // for close
		case <-time.After(patience):
			t.Fatal("the connection goes on")
		}
		p.wantLog("panic on a connection")
	})
	t.Run("the connection itself", func(t *testing.T) {
		p := newPeer(t, setup{panics: 1, broken: func(m *metrics.Hotpath) { m.Streams = nil }})
		p.send(request("GET", "/"))
		reason := <-p.done
		if reason != metrics.CloseError {
			t.Errorf("the connection ends for %v", reason)
		}
		p.done <- reason
		p.wantLog("panic on a connection")
	})
	t.Run("a request's content", func(t *testing.T) {
		p := newPeer(t, setup{panics: 1, broken: func(m *metrics.Hotpath) { m.LimitBreaches = nil },
			limits: func(l *Limits) { l.Progress = 50 * time.Millisecond },
			serve: func(_ *peer, _ context.Context, x *message.Exchange) {
				if x.Body != nil {
					_, _ = io.Copy(io.Discard, x.Body)
				}
				x.Reply.Send(message.New(200, nil, []byte(x.Path), "", time.Time{}))
			}})
		s := p.send(request("POST", "/", "content-length", "9"), appendFrameHead(nil, frameData, 9)) // none of it comes
		p.wantReset(read(s), codeInternalError)
		p.wantLog("panic on a request's content")
		p.want(read(p.ask(request("GET", "/next"))), "200", "/next")
	})
}

func (p *peer) wantLog(text string) {
	p.Helper()
	if log := p.log.String(); !strings.Contains(log, text) || !strings.Contains(log, "survive.go") {
		p.Errorf("the log has no %q with its stack:\n%s", text, log)
	}
}
