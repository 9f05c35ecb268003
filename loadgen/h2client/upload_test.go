package h2client

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// noise are n bytes that differ from place to place.
func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return string(b)
}

// take reads so much content of one stream, nothing else between, and returns
// it, and whether it is the last.
func (p *peer) take(id uint32, n int) (content string, end bool) {
	p.Helper()
	for len(content) < n {
		f := p.NextFrame()
		if f.Type != frame.Data || f.StreamID != id || len(f.Payload) == 0 {
			p.Fatalf("%v, want DATA of %d", f, id)
		}
		content += string(f.Payload)
		end = f.Flags.Has(frame.FlagEndStream)
	}
	if len(content) > n {
		p.Fatalf("%d bytes of stream %d, want %d", len(content), id, n)
	}
	return content, end
}

// Content goes as far as the windows of stream and connection let it, and on
// when they open, by whatever steps.
func TestUploadWindows(t *testing.T) {
	body := noise(300_000)
	for name, c := range map[string]struct {
		initial      uint32 // of streams
		stream, conn uint32 // what WINDOW_UPDATEs give each time
		first, step  int    // what may go then
	}{
		"the stream's is narrow":     {initial: 20_000, stream: 7_000, conn: 50_000, first: 20_000, step: 7_000},
		"the connection's is narrow": {initial: frame.MaxWindow, conn: 9_999, first: frame.InitialWindow, step: 9_999},
		"both are":                   {initial: frame.InitialWindow, stream: 40_000, conn: 40_000, first: frame.InitialWindow, step: 40_000},
		"none at first":              {initial: 0, stream: 30_000, conn: 30_000, first: 0, step: 30_000},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: c.initial}}}, func(p *peer) {
				r := request(p, 0, "POST", "https://test/", body)
				p.ask(r)
				p.wantRequest(1, r)
				got, end := p.take(1, c.first)
				for !end {
					p.WantSilence()
					if c.stream > 0 {
						p.Write(frame.AppendWindowUpdate(nil, 1, c.stream))
					}
					if c.conn > 0 {
						p.Write(frame.AppendWindowUpdate(nil, 0, c.conn))
					}
					var more string
					more, end = p.take(1, min(c.step, len(body)-len(got)))
					got += more
				}
				if got != body {
					p.Error("it is not the content")
				}
				p.Send(ok(1))
				if o := p.wantOutcome(0, 200, nil); o.BytesOut != int64(len(body)) || o.Sent != start {
					p.Errorf("%+v", o)
				}
			})
		})
	}
}

// A window that is trickled is used octet by octet.
func TestTrickledWindow(t *testing.T) {
	const body = "twenty octets, no more"
	run(t, setup{settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}}, func(p *peer) {
		r := request(p, 0, "PUT", "https://test/", body)
		p.ask(r)
		p.wantRequest(1, r)
		for i := range len(body) {
			p.WantSilence()
			p.Write(frame.AppendWindowUpdate(nil, 1, 1))
			if got, end := p.take(1, 1); got != body[i:i+1] || end != (i == len(body)-1) {
				p.Errorf("octet %d is %q, the last: %v", i, got, end)
			}
		}
		p.Send(ok(1))
		p.wantOutcome(0, 200, nil)
	})
}

// The contents of many requests share the connection's window, and each arrives
// whole.
func TestManyUploads(t *testing.T) {
	const n, size = 20, 50_000
	run(t, setup{streams: n}, func(p *peer) {
		body := noise(size)
		r := request(p, 0, "POST", "https://test/", body)
		for range n {
			p.Add(p.now(), r)
		}
		p.engine.Stop()
		got := make(map[uint32]*strings.Builder)
		for left := n; left > 0; {
			f := p.NextFrame()
			switch f.Type {
			case frame.Headers:
				got[f.StreamID] = new(strings.Builder)
			case frame.Data:
				got[f.StreamID].Write(f.Payload)
				p.Write(frame.AppendWindowUpdate(nil, 0, f.Length), frame.AppendWindowUpdate(nil, f.StreamID, f.Length))
				if f.Flags.Has(frame.FlagEndStream) {
					left--
				}
			default:
				p.Fatalf("%v in an upload", f)
			}
		}
		for id, b := range got {
			if b.String() != body {
				p.Errorf("stream %d: not the content", id)
			}
		}
		p.answer(1, n)
		p.wantCounts(n, 0)
	})
}

// A response that is whole before the request is ends it: the rest of the
// content is not sent (RFC 9113 §8.1).
func TestEarlyResponse(t *testing.T) {
	body := noise(200_000)
	run(t, setup{}, func(p *peer) {
		r := request(p, 0, "POST", "https://test/", body)
		p.ask(r)
		p.wantRequest(1, r)
		p.take(1, frame.InitialWindow)
		p.Send(headers(1, true, ":status", "413"), frame.AppendRSTStream(nil, 1, frame.NoError))
		p.WantReset(1, frame.NoError)
		if o := p.wantOutcome(0, 413, nil); o.BytesOut != frame.InitialWindow {
			p.Errorf("%d bytes out", o.BytesOut)
		}
		p.Send(frame.AppendWindowUpdate(nil, 1, 1<<20), frame.AppendWindowUpdate(nil, 0, 1<<20))
		p.WantAlive()
		p.get(3, "/")
		p.Send(ok(3))
		p.wantOutcome(1, 200, nil)
	})
}

// A head does not end a request: the rest of its content is still sent.
func TestEarlyHead(t *testing.T) {
	body := noise(100_000)
	run(t, setup{}, func(p *peer) {
		r := request(p, 0, "POST", "https://test/", body)
		p.ask(r)
		p.wantRequest(1, r)
		got, _ := p.take(1, frame.InitialWindow)
		p.Write(headers(1, false, ":status", "200"), data(1, "ok", false))
		p.Write(frame.AppendWindowUpdate(nil, 1, 1<<20), frame.AppendWindowUpdate(nil, 0, 1<<20))
		if more, end := p.take(1, len(body)-len(got)); got+more != body || !end {
			p.Error("not the content")
		}
		p.Send(data(1, "", true))
		p.wantOutcome(0, 200, nil)
	})
}

// What ends a stream whose content waits frees the way for the next.
func TestUploadEnds(t *testing.T) {
	body := noise(100_000)
	for name, c := range map[string]struct {
		end  func(p *peer)
		want func(p *peer)
	}{
		"reset":   {func(p *peer) { p.Send(frame.AppendRSTStream(nil, 1, frame.Cancel)) }, func(p *peer) { p.wantOutcome(0, 0, reset(frame.Cancel)) }},
		"refused": {func(p *peer) { p.Send(frame.AppendRSTStream(nil, 1, frame.RefusedStream)) }, func(p *peer) { p.wantReturned(0, reset(frame.RefusedStream)) }},
		"timeout": {func(p *peer) { time.Sleep(timeout); p.WantReset(1, frame.Cancel) }, func(p *peer) { p.wantOutcome(0, 0, timedOut) }},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{streams: 1}, func(p *peer) {
				r := request(p, 0, "POST", "https://test/", body)
				p.ask(r)
				p.wantRequest(1, r)
				p.take(1, frame.InitialWindow)
				c.end(p)
				c.want(p)
				small := request(p, 0, "POST", "https://test/small", "small")
				p.ask(small)
				p.wantRequest(3, small)
				p.WantSilence() // the connection's window is used up
				p.Send(frame.AppendWindowUpdate(nil, 1, 5), frame.AppendWindowUpdate(nil, 0, 5))
				p.wantBody(3, "small")
				p.Send(ok(3))
				p.wantOutcome(1, 200, nil)
			})
		})
	}
}

// A server that opens its windows and does not read has no more of a content
// waiting for it than a turn makes.
func TestUploadIsNotRead(t *testing.T) {
	run(t, setup{settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: frame.MaxWindow}}}, func(p *peer) {
		p.Send(frame.AppendWindowUpdate(nil, 0, 1<<30))
		p.ask(request(p, 0, "POST", "https://test/", noise(4<<20)))
		time.Sleep(timeout)
		if o := p.wantOutcome(0, 0, timedOut); o.BytesOut == 0 || o.BytesOut > turnBytes {
			t.Errorf("%d bytes out", o.BytesOut)
		}
	})
}

// A server that does not read stops the engine from making more, and the
// requests that wait time out, on the stream or before.
func TestServerDoesNotRead(t *testing.T) {
	run(t, setup{streams: 1000}, func(p *peer) {
		r := request(p, 0, "GET", "https://test/", "", "Large", strings.Repeat("~", 5000)) // too large for the table
		for range 1000 {
			p.Add(p.now(), r)
		}
		p.engine.Stop()
		sent := 1000 - p.left()
		if sent == 0 || sent > 100 {
			t.Errorf("%d requests were made for a server that reads none", sent)
		}
		time.Sleep(timeout)
		p.wantCounts(sent, 0)
		for _, o := range p.ends() {
			if o.Failure != timedOut || o.Latency() != timeout {
				t.Errorf("%v after %v", o.Failure, o.Latency())
			}
		}
		time.Sleep(time.Minute) // wire gives the server half a minute
		p.wantEnd(exchange.CloseFailure(os.ErrDeadlineExceeded))
	})
}
