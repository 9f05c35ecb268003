package h2client

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
)

// A driver that has no more ends the connection, once nothing is in flight.
func TestNoMore(t *testing.T) {
	t.Run("in flight", func(t *testing.T) {
		run(t, setup{}, func(p *peer) {
			p.get(1, "/")
			p.get(3, "/")
			p.Close()
			p.engine.Stop()
			p.WantSilence()
			p.Send(ok(3))
			p.WantSilence()
			p.Send(ok(1))
			p.wantGoAway(frame.NoError)
			p.wantEnd(nil)
			p.wantCounts(2, 0)
		})
	})
	t.Run("idle", func(t *testing.T) {
		run(t, setup{}, func(p *peer) {
			p.WantSilence()
			time.Sleep(time.Minute)
			before := p.turns()
			p.Close()
			time.Sleep(time.Hour) // the engine is not woken
			if p.turns() != before {
				t.Error("the driver was asked for no reason")
			}
			p.engine.Stop()
			p.wantGoAway(frame.NoError)
			p.wantEnd(nil)
		})
	})
	t.Run("before the server has spoken", func(t *testing.T) {
		run(t, setup{silent: true}, func(p *peer) {
			p.Close()
			p.engine.Stop()
			p.wantGoAway(frame.NoError)
			p.wantEnd(nil)
		})
	})
	t.Run("behind GOAWAY", func(t *testing.T) {
		run(t, setup{}, func(p *peer) {
			p.get(1, "/")
			p.Send(goAway(1, frame.NoError))
			p.Close()
			p.Send(ok(1))
			p.wantGoAway(frame.NoError)
			p.wantEnd(nil) // no other connection is needed
		})
	})
}

// Stop has the driver asked again, whenever it comes.
func TestStop(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		r := request(p, 0, "GET", "https://test/", "")
		for i := range 100 {
			p.Add(p.now(), r)
			p.engine.Stop()
			if i%2 == 0 {
				synctest.Wait()
			}
			p.engine.Stop()
			p.wantRequest(uint32(1+2*i), r)
			p.engine.Stop()
			p.Send(ok(uint32(1 + 2*i)))
		}
		p.wantCounts(100, 0)
	})
	t.Run("at the end of a turn", func(t *testing.T) {
		run(t, setup{}, func(p *peer) {
			r := request(p, 0, "GET", "https://test/", "")
			p.Mu.Lock()
			p.Resting = func() { p.ask(r) }
			p.Mu.Unlock()
			p.engine.Stop()
			if p.wantRequest(1, r); p.now() != start {
				t.Errorf("the driver was asked at %v", p.now())
			}
		})
	})
}

// The server closes the connection with requests in flight: they fail, at that
// moment, with what has come of them.
func TestServerCloses(t *testing.T) {
	for name, sent := range map[string][]byte{
		"at once":              nil,
		"in a frame's head":    headers(3, true, ":status", "200")[:5],
		"in a frame":           headers(3, true, ":status", "200")[:9],
		"in a header block":    raw(frame.Headers, 0, 3, "\x88"),
		"in the content":       data(1, "a", false)[:9],
		"behind an acknowledg": frame.AppendSettingsAck(nil),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(p *peer) {
				p.three()
				p.Send(headers(1, false, ":status", "200"), data(1, "ok", false), ok(5), sent)
				time.Sleep(time.Second)
				p.Conn.Close()
				p.wantEnd(underRequest)
				p.wantOutcome(2, 200, nil)
				for seq, status := range []int{200, 0} {
					if o := p.wantOutcome(uint64(seq), status, byServer); o.Service() != time.Second || o.BytesIn != int64(status/100) {
						t.Errorf("%+v", o)
					}
				}
				p.wantCounts(3, 0)
			})
		})
	}
}

// A connection that ends while nothing is in flight costs no exchange.
func TestServerClosesIdle(t *testing.T) {
	for name, s := range map[string]setup{"after SETTINGS": {}, "before": {silent: true}} {
		t.Run(name, func(t *testing.T) {
			run(t, s, func(p *peer) {
				p.Conn.Close()
				p.wantEnd(byServer)
				p.wantCounts(0, 0)
			})
		})
	}
}

// A server that half-closes is gone, too: it will not answer.
func TestServerHalfCloses(t *testing.T) {
	r := request(t, 0, "GET", "https://test/", "")
	c := serveTCP(t, nil, r, r)
	c.readUntil(t, frame.Headers)
	c.send(t, ok(1))
	if err := c.server.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := io.Copy(io.Discard, c.server); err != nil { // up to our end
		t.Error(err)
	}
	if f := <-c.ended; !same(f, underRequest) {
		t.Errorf("ended for %v", f)
	}
	c.Check(t)
	if len(c.Outcomes) != 2 || c.Outcomes[0].Failure != nil || !same(c.Outcomes[1].Failure, byServer) {
		t.Errorf("%+v", c.Outcomes)
	}
	if took := time.Since(begun); took > soon {
		t.Errorf("seen after %v", took)
	}
}

// An error that the engine ends the connection for does not keep outcomes
// waiting for close_notify, which a server may delay.
func TestEndIsNotDelayed(t *testing.T) {
	r := request(t, 0, "GET", "https://test/", "")
	c := serveTCP(t, nil, r, r)
	c.readUntil(t, frame.Headers)
	c.send(t, frame.AppendWindowUpdate(nil, 0, 0))
	<-c.ended // the server has not closed
	c.Check(t)
	for _, o := range c.Outcomes {
		if !same(o.Failure, errIncrement) || o.Service() > 500*time.Millisecond {
			t.Errorf("%v after %v", o.Failure, o.Service())
		}
	}
}
