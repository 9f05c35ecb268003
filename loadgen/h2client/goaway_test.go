package h2client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

func goAway(last uint32, code frame.ErrCode) []byte { return frame.AppendGoAway(nil, last, code, "") }

// three has three requests in flight, on 1, 3 and 5.
func (p *peer) three() {
	p.Helper()
	for id := uint32(1); id <= 5; id += 2 {
		p.get(id, "/")
	}
}

// A server that drains says so twice: nothing new is sent after the first time,
// and what it has not processed is given back after the second.
func TestGracefulGoAway(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.three()
		p.Send(goAway(frame.MaxStreamID, frame.NoError))
		p.wantCounts(0, 0)
		p.ask(request(p, 0, "GET", "https://test/new", ""))
		p.WantSilence()
		p.Send(ok(1))
		p.wantOutcome(0, 200, nil)
		p.Send(goAway(3, frame.NoError))
		p.wantReturned(2, wentAway(frame.NoError))
		p.WantAlive()
		p.Send(ok(3))
		p.wantOutcome(1, 200, nil)
		p.wantGoAway(frame.NoError)
		p.wantEnd(wentAway(frame.NoError))
		p.wantCounts(2, 1)
		if p.left() != 1 {
			t.Error("the ticket behind GOAWAY was taken")
		}
	})
}

func TestGoAway(t *testing.T) {
	for name, c := range map[string]struct {
		last     uint32
		outcomes int // of three, when GOAWAY has come; the others are given back
	}{
		"nothing was processed":     {0, 0},
		"the last in the middle":    {3, 0},
		"between two":               {4, 0},
		"everything was processed":  {5, 0},
		"more than there is":        {1001, 0},
		"one that was answered":     {0, 1},
		"one whose head was answer": {0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(p *peer) {
				p.three()
				failure := wentAway(frame.EnhanceYourCalm)
				open := 3
				if c.outcomes > 0 {
					p.Send(ok(1))
					open--
				}
				if c.outcomes > 1 { // by the server's word it was not processed, by its deed it was
					p.Send(headers(3, false, ":status", "200"))
				}
				p.Send(goAway(c.last, frame.EnhanceYourCalm))
				if c.outcomes > 1 {
					p.wantOutcome(1, 200, failure)
					open--
				}
				returned := 0
				for i := 3 - open; i < 3; i++ {
					if uint32(1+2*i) > c.last {
						p.wantReturned(uint64(i), failure)
						returned++
					}
				}
				p.wantCounts(c.outcomes, returned)
				p.Conn.Close()
				p.wantEnd(failure)
				for i := 3 - open; i < 3; i++ {
					if uint32(1+2*i) <= c.last {
						p.wantOutcome(uint64(i), 0, failure)
					}
				}
				p.wantCounts(3-returned, returned)
			})
		})
	}
}

// An idle connection that the server leaves ends at once, for a reason that
// has another one made.
func TestGoAwayIdle(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/")
		p.Send(ok(1))
		p.Send(goAway(1, frame.NoError))
		p.wantGoAway(frame.NoError)
		p.wantEnd(wentAway(frame.NoError))
		p.wantCounts(1, 0)
	})
}

// GOAWAY, a response and the connection's end may come in one piece.
func TestGoAwayAndEnd(t *testing.T) {
	for name, c := range map[string]struct {
		sent     []byte
		outcomes int
		failure  *exchange.Failure
	}{
		"with the answers": {append(goAway(3, frame.NoError), append(ok(1), ok(3)...)...), 2, nil},
		"without":          {goAway(3, frame.InternalError), 2, wentAway(frame.InternalError)},
		"none processed":   {goAway(0, frame.InternalError), 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(p *peer) {
				p.get(1, "/")
				p.get(3, "/")
				begun := p.now()
				p.Write(c.sent)
				p.Conn.Close()
				<-p.engineEnd()
				p.wantCounts(c.outcomes, 2-c.outcomes)
				for _, o := range p.ends() {
					if !same(o.Failure, c.failure) || o.Ended != begun {
						p.Errorf("%v at %v, want %v at %v", o.Failure, o.Ended, c.failure, begun)
					}
				}
			})
		})
	}
}

// engineEnd is closed once Serve has returned.
func (p *peer) engineEnd() <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		p.ended <- <-p.ended
		close(ended)
	}()
	return ended
}

// Streams below GOAWAY's last may take their time, up to their timeout.
func TestGoAwayTimeout(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.three()
		time.Sleep(time.Second)
		p.Send(goAway(3, frame.NoError))
		time.Sleep(timeout - time.Second)
		synctest.Wait()
		p.wantCounts(2, 1)
		p.WantReset(1, frame.Cancel)
		p.WantReset(3, frame.Cancel)
		p.wantGoAway(frame.NoError)
		p.wantEnd(wentAway(frame.NoError))
	})
}
