package h2

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// Clients of use come near to what floods do. Each test here is one, against the
// budgets that a server has by default, and trips none of them.

// byDefault are the defaults of server/config that overhead is bounded by.
var byDefault = Limits{Control: 1000, ControlPerSec: 100, ControlQueue: 1000, Resets: 200, ResetsPerSec: 33, Idle: time.Minute, Streams: 250}

// wantNoBreach checks that nothing was counted against the peer.
func (p *peer) wantNoBreach() {
	p.Helper()
	for l := range metrics.LimitRedirects + 1 { // all of them
		p.wantBreaches(l, 0)
	}
}

// chatMessage is a message of gRPC with a byte: a length of five bytes before it.
const chatMessage = "\x00\x00\x00\x00\x01x"

// answerEach answers each message of a stream with one, as a chat does.
func answerEach(_ *peer, w writer, r *http.Request) {
	for b := make([]byte, len(chatMessage)); ; {
		if _, err := io.ReadFull(r.Body, b); err != nil {
			return
		}
		if _, err := w.Write(b); err != nil || w.FlushError() != nil {
			return
		}
	}
}

// TestSmallMessages: a stream of many messages of six bytes each, both ways, whose
// client gives both windows back for each of them, is no flood, however long it goes
// on in one moment.
func TestSmallMessages(t *testing.T) {
	run(t, setup{handler: answerEach, limits: byDefault}, func(p *peer) {
		p.Write(post(1, "/chat", "content-type", "application/grpc"))
		p.Write(data(1, chatMessage, false))
		p.wantHead(1, 200)
		p.Want(frame.Data, 1, 0)
		const messages = 5000 // of budgets of 1,000, which no time gives back here
		for range messages {
			p.Write(data(1, chatMessage, false), frame.AppendWindowUpdate(nil, 0, uint32(len(chatMessage))), frame.AppendWindowUpdate(nil, 1, uint32(len(chatMessage))))
			if f := p.Want(frame.Data, 1, 0); string(f.Payload) != chatMessage {
				t.Fatalf("the answer is %q", f.Payload)
			}
		}
		p.Write(data(1, "", true))
		p.Want(frame.Data, 1, frame.FlagEndStream)
		p.wantNoBreach()
	})
}

// TestSmallMessagesOneWay: so is an upload in frames of a byte, many in a write.
func TestSmallMessagesOneWay(t *testing.T) {
	run(t, setup{limits: byDefault, handler: func(_ *peer, w writer, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.WriteString("done")
	}}, func(p *peer) {
		var b []byte
		for range 1000 {
			b = append(b, data(1, "x", false)...)
		}
		p.Write(post(1, "/"))
		for range 60 { // within the first windows
			p.Write(b)
		}
		p.Write(data(1, "x", true))
		p.wantBody(1, 200, "done")
		p.wantNoBreach()
	})
}

// TestPingsOfAClient: a client that sends a PING every other second, as some do to
// keep a balancer's entry alive, may do so for a day with a request that waits.
func TestPingsOfAClient(t *testing.T) {
	run(t, setup{handler: stall, limits: byDefault}, func(p *peer) {
		p.Write(get(1, "/events"))
		for range 24 * time.Hour / (2 * time.Second) {
			time.Sleep(2 * time.Second)
			p.WantAlive()
		}
		p.release <- struct{}{}
		p.wantBody(1, 200, "/events")
		p.wantNoBreach()
	})
}

// TestQuietClient: a request may wait for an hour on a connection on which nothing
// else happens, if its client answers our PINGs.
func TestQuietClient(t *testing.T) {
	run(t, setup{handler: stall, limits: byDefault}, func(p *peer) {
		p.Write(get(1, "/poll"))
		begun := time.Now()
		for time.Since(begun) < time.Hour {
			f := p.Want(frame.Ping, 0, 0)
			p.Write(frame.AppendPing(nil, true, f.Payload))
		}
		p.release <- struct{}{}
		p.wantBody(1, 200, "/poll")
		p.wantNoBreach()
	})
}

// TestRareRequests: a client that asks shortly before each idle-timeout is over keeps
// its connection for a day.
func TestRareRequests(t *testing.T) {
	run(t, setup{source: stored("/", "hit"), limits: byDefault}, func(p *peer) {
		const rest = 59 * time.Second
		for id := uint32(1); id < 2*uint32(24*time.Hour/rest); id += 2 {
			p.Write(get(id, "/"))
			p.wantBody(id, 200, "hit")
			time.Sleep(rest)
		}
		p.wantNoBreach()
	})
}
