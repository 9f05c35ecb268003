package h2

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestPanic: it ends its own stream, is logged and counted, and nothing else
// stops.
func TestPanic(t *testing.T) {
	run(t, setup{panics: 2, source: stored("/", "hit"), handler: func(p *peer, w writer, r *http.Request) {
		switch r.URL.Path {
		case "/before":
			w.Header().Set("X-Secret", "1")
			_, _ = w.WriteString("secret")
			panic("a short body is not sent yet")
		case "/after":
			_, _ = w.WriteString("part")
			w.Flush()
			<-p.release
			panic("the head is sent")
		case "/slow":
			stall(p, w, r)
		}
	}}, func(p *peer) {
		p.Write(get(1, "/slow"))
		<-p.entered
		p.Write(get(3, "/before"))
		if r := p.wantBody(3, 500, "Internal Server Error\n"); r.Field("x-secret") != "" {
			p.Errorf("%v", r.Fields)
		}
		p.Write(get(5, "/after"))
		p.wantHead(5, 200)
		p.Want(frame.Data, 5, 0)
		p.release <- struct{}{} // of whichever: the other follows
		p.release <- struct{}{}
		for reset, answered := false, false; !reset || !answered; {
			switch f := p.NextFrame(); {
			case f.Type == frame.RSTStream && f.StreamID == 5 && frame.Code(f.Payload) == frame.InternalError:
				reset = true
			case f.StreamID == 1 && f.Type != frame.RSTStream:
				answered = answered || f.Ends()
			default:
				p.Fatalf("%v %x", f.Header, f.Payload)
			}
		}
		p.Write(get(7, "/"))
		p.wantBody(7, 200, "hit")
		synctest.Wait() // a stream is reset before the panic is logged
		log := p.log.String()
		for _, want := range []string{"a short body is not sent yet", "the head is sent", "path=/before", "path=/after", "handler_test.go"} {
			if !strings.Contains(log, want) {
				p.Errorf("%q is not in the log:\n%s", want, log)
			}
		}
		if n := p.metrics.ProtocolErrors.Value(metrics.InternalError, metrics.ScopeStream); n != 1 {
			p.Errorf("%d errors counted", n)
		}
	})
}

func TestAbortHandlerIsQuiet(t *testing.T) {
	run(t, setup{handler: func(_ *peer, w writer, r *http.Request) {
		if r.URL.Path == "/after" {
			w.Flush()
		}
		panic(http.ErrAbortHandler)
	}}, func(p *peer) {
		p.Write(get(1, "/before"))
		p.wantResponse(1, 500)
		p.Write(get(3, "/after"))
		p.wantHead(3, 200)
		p.WantReset(3, frame.InternalError)
		if log := p.log.String(); log != "" {
			p.Errorf("logged: %s", log)
		}
	})
}

// TestGoexit ends a handler as a panic does, without one.
func TestGoexit(t *testing.T) {
	run(t, setup{limits: Limits{Streams: 1}, handler: func(_ *peer, w writer, _ *http.Request) {
		w.Flush()
		runtime.Goexit()
	}}, func(p *peer) {
		for id := uint32(1); id < 6; id += 2 {
			p.Write(get(id, "/"))
			p.wantHead(id, 200)
			p.WantReset(id, frame.InternalError)
		}
	})
}

// TestTheNextRequestAfterTheLast: with one stream allowed, the end of a response
// makes room for the next at once.
func TestTheNextRequestAfterTheLast(t *testing.T) {
	run(t, setup{limits: Limits{Streams: 1}}, func(p *peer) {
		for id := uint32(1); id < 2000; id += 2 {
			p.Write(get(id, "/"))
			p.wantBody(id, 200, "/")
		}
	})
}

// TestHandlersOutliveTheirConnection without a trace.
func TestHandlersOutliveTheirConnection(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, r *http.Request) {
		p.entered <- r
		<-p.release
		w.Header().Set("X", "y")
		w.WriteHeader(103)
		_, _ = w.Write(make([]byte, 1<<20))
		w.Flush()
		_, _ = r.Body.Read(make([]byte, 1))
		_ = r.Body.Close()
	}}, func(p *peer) {
		p.Write(get(1, "/"), post(3, "/"), data(3, "x", false))
		<-p.entered
		<-p.entered
		p.Conn.Close()
		synctest.Wait()
		close(p.release)
	})
}
