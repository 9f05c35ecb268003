package h2

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// wantDrain asks the engine to end and reads the first GOAWAY and its PING,
// whose answer it returns.
func (p *peer) wantDrain() (pong []byte) {
	p.Helper()
	p.engine.Drain()
	p.wantLast(frame.MaxStreamID)
	return frame.AppendPing(nil, true, p.Want(frame.Ping, 0, 0).Payload)
}

// wantLast reads a GOAWAY that names the last stream that is answered.
func (p *peer) wantLast(id uint32) {
	p.Helper()
	f := p.Want(frame.GoAway, 0, 0)
	if last, code := frame.LastStream(f.Payload); last != id || code != frame.NoError {
		p.Fatalf("GOAWAY of stream %d with %v, want %d with NO_ERROR", last, code, id)
	}
}

func TestDrainIdle(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantBody(1, 200, "hit")
		pong := p.wantDrain()
		p.engine.Drain() // again: nothing new
		p.WantSilence()
		p.Write(pong)
		p.wantLast(1)
		p.wantEnd(metrics.CloseDrain)
	})
}

// TestDrainSettles: a request that the client sends behind its sign that the first
// GOAWAY has arrived is answered for a while, and a connection that has long seen
// it ends no later than one that has not.
func TestDrainSettles(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		began := time.Now()
		p.Write(p.wantDrain())
		time.Sleep(drainSettle - time.Millisecond)
		p.Write(get(1, "/"))
		p.wantBody(1, 200, "hit")
		p.wantLast(1)
		p.wantEnd(metrics.CloseDrain)
		if took := time.Since(began); took != drainSettle {
			t.Errorf("it ended after %v, want %v", took, drainSettle)
		}
	})
	run(t, setup{}, func(p *peer) {
		began := time.Now()
		pong := p.wantDrain()
		time.Sleep(drainSettle + 10*time.Millisecond)
		p.Write(pong) // late: there is nothing left to wait for
		p.wantLast(0)
		p.wantEnd(metrics.CloseDrain)
		if took := time.Since(began); took != drainSettle+10*time.Millisecond {
			t.Errorf("it ended after %v", took)
		}
	})
}

func TestDrainWithoutAnswer(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.wantDrain()
		p.wantQuiet(drainRoundTrip)
		p.wantLast(0)
		p.wantEnd(metrics.CloseDrain)
	})
}

// TestDrainFinishesWhatIsInFlight: streams of before the second GOAWAY are
// answered, whichever path they took; later ones are not, but HPACK
// and the connection's window stay in step.
func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	run(t, setup{source: stored("/", "hit", "/large", strings.Repeat("x", 100_000)), handler: stall, limits: Limits{Resets: 3}}, func(p *peer) {
		p.Write(get(1, "/slow"), post(3, "/upload"))
		<-p.entered
		<-p.entered
		pong := p.wantDrain()
		p.Write(get(5, "/")) // under way when the first GOAWAY was sent
		p.wantBody(5, 200, "hit")
		p.Write(get(7, "/large"), pong)
		p.wantHead(7, 200)
		got := 0
		for got < frame.InitialWindow-len("hit") {
			got += int(p.Want(frame.Data, 7, 0).Length)
		}
		p.wantLast(7)

		enter := []byte{0x82, 0x87, 0x40 | 4, 1, '/'}
		before := p.Credit[0]
		p.Write(
			frame.AppendHeaders(nil, 9, true, enter, frame.MinMaxSize),
			post(11, "/"),
			frame.AppendWindowUpdate(nil, 11, 1),
		)
		for range 10 { // more than the budget for stream errors
			p.Write(data(11, strings.Repeat("x", frame.MinMaxSize), false))
		}
		p.Write(headers(11, true, "a", "trailer"), frame.AppendRSTStream(nil, 11, frame.Cancel))
		p.WantAlive()
		if n := p.Credit[0] - before; n < 8*frame.MinMaxSize {
			p.Errorf("%d bytes given back", n)
		}

		p.Write(data(3, "", true), frame.AppendWindowUpdate(nil, 0, 1<<20), frame.AppendWindowUpdate(nil, 7, 1<<20))
		for ended := false; !ended; {
			f := p.wantAny(frame.Data, 7)
			got += int(f.Length)
			ended = f.Ends()
		}
		if got != 100_000 {
			p.Errorf("%d bytes of the large body", got)
		}
		close(p.release)
		for ended := 0; ended < 2; {
			if f := p.NextFrame(); f.Ends() && (f.StreamID == 1 || f.StreamID == 3) {
				ended++
			}
		}
		p.wantEnd(metrics.CloseDrain)
	})
}

// TestDrainKeepsHPACK: the block of a request that comes too late enters its
// fields nevertheless.
func TestDrainKeepsHPACK(t *testing.T) {
	run(t, setup{handler: echo}, func(p *peer) {
		p.Write(post(1, "/"))
		p.Write(p.wantDrain())
		p.wantLast(1)
		p.Write(frame.AppendHeaders(nil, 3, true, []byte{0x82, 0x87, 0x40 | 4, 1, '/', 0x01, 4, 't', 'e', 's', 't'}, frame.MinMaxSize))
		p.Write(frame.AppendHeaders(nil, 5, true, []byte{0x82, 0x87, 0x80 | 62, 0x01, 4, 't', 'e', 's', 't'}, frame.MinMaxSize)) // refers to it
		p.WantAlive()
		p.Write(data(1, "body", true))
		p.wantBody(1, 200, "body")
		p.wantEnd(metrics.CloseDrain)
	})
}

func TestDrainBeforeThePreface(t *testing.T) {
	run(t, setup{silent: true}, func(p *peer) {
		p.engine.Drain()
		p.Want(frame.Settings, 0, 0)
		p.wantLast(frame.MaxStreamID)
		p.Want(frame.Ping, 0, 0)
		time.Sleep(drainRoundTrip)
		p.wantLast(0)
		p.wantEnd(metrics.CloseDrain)
	})
}

func TestDrainAfterTheEnd(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.Conn.Close()
		synctest.Wait()
		p.engine.Drain()
	})
}
