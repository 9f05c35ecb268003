package h2client

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// fill asks for n pages.
func (p *peer) fill(n int) {
	p.Helper()
	r := request(p, 0, "GET", "https://test/", "")
	for range n {
		p.Add(p.now(), r)
	}
	p.engine.Stop()
}

// wantOpened reads so many requests, nothing after them, and returns the
// identifiers of the first and the next.
func (p *peer) wantOpened(n int) {
	p.Helper()
	for range n {
		if f := p.NextFrame(); f.Type != frame.Headers {
			p.Fatalf("%v, want a request", f)
		}
	}
	p.WantSilence()
}

// answer answers n streams, from one on, with one write.
func (p *peer) answer(from uint32, n int) {
	p.Helper()
	var b []byte
	for i := range n {
		b = append(b, headers(from+uint32(2*i), true, ":status", "204")...)
	}
	p.Send(b)
}

// As many streams are open as both sides want, 100 until the server has said
// how many.
func TestStreamsBeforeSettings(t *testing.T) {
	run(t, setup{streams: 1000, silent: true}, func(p *peer) {
		p.fill(300)
		p.wantOpened(100)
		p.Settings() // no limit
		p.wantOpened(200)
		p.answer(1, 300)
		p.wantCounts(300, 0)
	})
}

func TestConcurrentStreams(t *testing.T) {
	most := func(n uint32) frame.Setting { return frame.Setting{ID: frame.MaxConcurrentStreams, Value: n} }
	run(t, setup{streams: 50, settings: []frame.Setting{most(20)}}, func(p *peer) {
		p.fill(1000)
		p.wantOpened(20)
		p.answer(1, 5)
		p.wantOpened(5)
		p.Settings(most(10)) // 20 are open
		p.answer(11, 9)
		p.WantSilence()
		p.answer(29, 2) // 9 are
		p.wantOpened(1)
		p.Settings(most(1 << 31))
		p.wantOpened(40) // we want 50
		p.Settings(most(0))
		p.answer(33, 50)
		p.WantSilence()
		p.Settings(most(2))
		p.wantOpened(2)
	})
}

// A server that allows no stream keeps tickets waiting: the driver is asked
// often enough that it can give them up, and not more often than that.
func TestNoStreamsAllowed(t *testing.T) {
	run(t, setup{settings: []frame.Setting{{ID: frame.MaxConcurrentStreams, Value: 0}}}, func(p *peer) {
		p.fill(1)
		p.WantSilence()
		before := p.turns()
		time.Sleep(time.Minute)
		p.WantSilence()
		if n := p.turns() - before; n < 5 || n > 8 { // one is wire's, which looks for the connection's end
			t.Errorf("the driver was asked %d times in a minute", n)
		}
		p.Mu.Lock()
		p.Tickets, p.Open = nil, false // given up
		p.Mu.Unlock()
		p.wantGoAway(frame.NoError)
		p.wantEnd(nil)
	})
}

// SETTINGS change the windows of streams whose content waits, also below zero.
func TestInitialWindow(t *testing.T) {
	window := func(n uint32) frame.Setting { return frame.Setting{ID: frame.InitialWindowSize, Value: n} }
	run(t, setup{settings: []frame.Setting{window(10)}}, func(p *peer) {
		body := "0123456789abcdefghijklmnopqrstuvwxyz"
		r := request(p, 0, "POST", "https://test/", body)
		p.ask(r, r)
		for id := uint32(1); id <= 3; id += 2 {
			p.wantRequest(id, r)
			if f := p.Want(frame.Data, id, 0); string(f.Payload) != body[:10] {
				p.Errorf("%v", f)
			}
		}
		p.Settings(window(15))
		for id := uint32(1); id <= 3; id += 2 {
			if f := p.Want(frame.Data, id, 0); string(f.Payload) != body[10:15] {
				p.Errorf("%v", f)
			}
		}
		p.Settings(window(5)) // -10
		p.Send(frame.AppendWindowUpdate(nil, 1, 10))
		p.WantSilence()
		p.Send(frame.AppendWindowUpdate(nil, 1, 1))
		if f := p.Want(frame.Data, 1, 0); string(f.Payload) != body[15:16] {
			p.Errorf("%v", f)
		}
		p.Settings(window(1000))
		p.wantBody(1, body[16:])
		p.wantBody(3, body[15:])
		p.Send(ok(1), ok(3))
		p.wantCounts(2, 0)
		for _, o := range p.ends() {
			if o.BytesOut != int64(len(body)) {
				p.Errorf("%d bytes out", o.BytesOut)
			}
		}
	})
}

// SETTINGS and PING are answered in order, each once, and acknowledgements not.
func TestAnswers(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.Write(
			frame.AppendPing(nil, false, []byte("one 1234")),
			frame.AppendSettings(nil, frame.Setting{ID: 0x99, Value: 1}, frame.Setting{ID: frame.EnablePush, Value: 0}),
			frame.AppendPing(nil, true, []byte("not ours")),
			frame.AppendSettingsAck(nil),
			frame.AppendPing(nil, false, []byte("two 1234")),
			frame.AppendSettings(nil),
		)
		for _, want := range []string{"one 1234", "", "two 1234", ""} {
			f := p.NextFrame()
			if typ := map[bool]frame.Type{true: frame.Settings, false: frame.Ping}[want == ""]; f.Type != typ || f.Flags != frame.FlagAck || string(f.Payload) != want {
				p.Errorf("%v, want %v %q", f, typ, want)
			}
		}
		p.WantSilence()
	})
}

// Tickets that the server refuses are the driver's again.
func TestRefused(t *testing.T) {
	run(t, setup{streams: 50, silent: true}, func(p *peer) {
		p.fill(50)
		p.wantOpened(50)
		b := frame.AppendSettings(nil, frame.Setting{ID: frame.MaxConcurrentStreams, Value: 10})
		for id := uint32(21); id < 100; id += 2 {
			b = frame.AppendRSTStream(b, id, frame.RefusedStream)
		}
		p.Send(b)
		p.Want(frame.Settings, 0, frame.FlagAck)
		p.wantCounts(0, 40)
		p.wantReturned(49, &exchange.Failure{Kind: exchange.Reset, Detail: "REFUSED_STREAM"})
		p.answer(1, 10)
		p.wantCounts(10, 40)
	})
}
