package h2client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// Tickets leave at the moment they are due, and not before.
func TestMoments(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		r := request(p, 0, "POST", "https://test/", "body")
		due := []time.Duration{start + 3*time.Second, start + 3*time.Second + 1, start + 4*time.Second, start + 9*time.Second}
		for _, at := range due {
			p.Add(at, r)
		}
		p.engine.Stop()
		for i, at := range due {
			id := uint32(1 + 2*i)
			p.wantRequest(id, r)
			p.wantBody(id, "body")
			if p.now() != at {
				t.Errorf("stream %d at %v, want %v", id, p.now(), at)
			}
		}
		time.Sleep(time.Second)
		p.Send(headers(7, false, ":status", "200"))
		time.Sleep(time.Second)
		p.Send(data(7, "ok", true))
		want := exchange.Outcome{
			Ticket: exchange.Ticket{Request: r, Due: due[3], Seq: 3},
			Sent:   due[3], First: due[3] + time.Second, Ended: due[3] + 2*time.Second, Status: 200, BytesIn: 2, BytesOut: 4,
		}
		if got := p.wantOutcome(3, 200, nil); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		for range 3 { // the others took too long
			if f := p.NextFrame(); f.Type != frame.RSTStream {
				t.Error(f)
			}
		}
		p.wantCounts(4, 0)
	})
}

// A stream whose time is up is reset at that moment; the others go on, and what
// comes late for it is ignored but for the table that it changes.
func TestTimeout(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/silent")
		p.get(3, "/slow")
		time.Sleep(timeout / 2)
		p.get(5, "/later")
		p.Send(headers(3, false, ":status", "200", "content-length", "4"), data(3, "sl", false))
		time.Sleep(timeout/2 - 1)
		p.wantCounts(0, 0)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		p.wantCounts(2, 0)
		for i, o := range []exchange.Outcome{p.wantOutcome(0, 0, timedOut), p.wantOutcome(1, 200, timedOut)} {
			if o.Latency() != timeout || o.BytesIn != int64(2*i) {
				t.Errorf("%+v", o)
			}
		}
		p.WantReset(1, frame.Cancel)
		p.WantReset(3, frame.Cancel)

		var encoder hpack.Encoder
		late := encoder.AppendField([]byte{0x88}, hpack.Field{Name: "x", Value: "late"}, true)
		p.Send(
			frame.AppendHeaders(nil, 1, false, late, frame.MinMaxSize), data(1, "late", false), headers(1, true, "trailer", "1"),
			data(3, "ow", true), frame.AppendWindowUpdate(nil, 3, 0), frame.AppendRSTStream(nil, 3, frame.InternalError),
		)
		p.WantSilence()
		p.wantCounts(2, 0)
		p.Send(frame.AppendHeaders(nil, 5, true, encoder.AppendField([]byte{0x88}, hpack.Field{Name: "x", Value: "late"}, true), frame.MinMaxSize))
		p.wantOutcome(2, 200, nil)
		for id := uint32(7); id < 13; id += 2 { // one at a time
			begun := p.now()
			p.get(id, "/silent again")
			p.WantReset(id, frame.Cancel)
			if took := p.now() - begun; took != timeout {
				t.Errorf("stream %d reset after %v", id, took)
			}
		}
	})
}

// Many streams whose times are up one after the other are reset one after the
// other, whatever was answered between.
func TestTimeouts(t *testing.T) {
	const n = 50
	run(t, setup{streams: n}, func(p *peer) {
		r := request(p, 0, "GET", "https://test/", "")
		for i := range n {
			p.Add(start+time.Duration(i)*time.Millisecond, r)
		}
		p.engine.Stop()
		for i := range n {
			id := uint32(1 + 2*i)
			if p.wantRequest(id, r); i%3 == 0 {
				p.Send(ok(id))
			}
		}
		for i := range n {
			if i%3 == 0 {
				continue
			}
			p.WantReset(uint32(1+2*i), frame.Cancel)
			if at := start + time.Duration(i)*time.Millisecond + timeout; p.now() != at {
				t.Errorf("stream %d reset at %v, want %v", 1+2*i, p.now(), at)
			}
			p.wantOutcome(uint64(i), 0, timedOut)
		}
		p.wantCounts(n, 0)
	})
}

// A ticket that was due long ago, because a server turned it away before, has
// its time up before others on the connection.
func TestTimeoutOfAnOldTicket(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		r := request(p, 0, "GET", "https://test/", "")
		for i, ago := range []time.Duration{8 * time.Second, 0, 5 * time.Second, 2 * time.Second} {
			p.Add(start-ago, r)
			p.engine.Stop()
			p.wantRequest(uint32(1+2*i), r)
		}
		for _, c := range []struct {
			id uint32
			at time.Duration
		}{{1, 2 * time.Second}, {5, 5 * time.Second}, {7, 8 * time.Second}, {3, 10 * time.Second}} {
			p.WantReset(c.id, frame.Cancel)
			if p.now() != start+c.at {
				t.Errorf("stream %d reset at %v, want %v", c.id, p.now(), start+c.at)
			}
		}
	})
}

// A ticket whose time is up before it can be sent is not sent: its answer
// would come too late to be read.
func TestNotSentInTime(t *testing.T) {
	run(t, setup{streams: 1}, func(p *peer) {
		p.get(1, "/")
		late, last := request(p, 0, "GET", "https://test/late", ""), request(p, 0, "GET", "https://test/last", "")
		p.Add(p.now()+1-timeout, late, late)
		p.Add(p.now()+2-timeout, last)
		time.Sleep(time.Nanosecond)
		p.Send(ok(1))
		p.wantRequest(3, last)
		for seq := uint64(1); seq <= 2; seq++ {
			if o := p.wantOutcome(seq, 0, exchange.NeverSent); o.Sent != 0 || o.Latency() != timeout {
				t.Errorf("%+v", o)
			}
		}
		p.Send(ok(3))
		p.wantOutcome(3, 200, nil)
	})
}

// What arrives in the moment that a stream's time is up still counts.
func TestInTheLastMoment(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/")
		p.Send(headers(1, false, ":status", "200"))
		time.Sleep(timeout - 1)
		p.Send(data(1, "ok", true))
		if o := p.wantOutcome(0, 200, nil); o.Latency() != timeout-1 {
			t.Errorf("after %v", o.Latency())
		}
		time.Sleep(timeout)
		p.WantSilence()
		p.wantCounts(1, 0)
	})
}

// While the last requests are in flight the engine sleeps.
func TestLastRequests(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/")
		p.Close()
		p.engine.Stop()
		before := p.turns()
		time.Sleep(timeout / 4)
		if n := p.turns() - before; n > 1 { // one looks for the connection's end
			t.Errorf("%d turns while there was nothing to do", n)
		}
		p.Send(ok(1))
		p.wantGoAway(frame.NoError)
		p.wantEnd(nil)
	})
}
