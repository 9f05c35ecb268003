package h1client

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

const ok = two + "\r\nok"

// Moments: a request waits until it is due, is sent in the turn that finds the
// connection free, and ends when its last byte is read.
func TestMoments(t *testing.T) {
	run(t, nil, func(p *peer) {
		a, b := request(p, "GET", "http://test/a", ""), request(p, "POST", "http://test/b", "body")
		const dueA, dueB = start + 3*time.Second, start + 3*time.Second + time.Millisecond
		p.Add(dueA, a)
		p.Add(dueB, b)
		p.engine.Stop()
		p.WantSilence()
		p.WantRequest("GET", "/a", "")
		time.Sleep(5 * time.Millisecond)
		p.WantSilence() // b is due, and must not be pipelined
		p.Send(ok[:len(ok)-1])
		time.Sleep(2 * time.Millisecond)
		p.Send(ok[len(ok)-1:])
		p.WantRequest("POST", "/b", "body")
		time.Sleep(time.Millisecond)
		p.Send(ok)
		p.wantOutcomes(2)
		const endedA = dueA + 7*time.Millisecond + h1peer.Silence
		for i, want := range []exchange.Outcome{
			{Ticket: exchange.Ticket{Request: a, Due: dueA, Seq: 0}, Sent: dueA, First: endedA - 2*time.Millisecond, Ended: endedA, Status: 200, BytesIn: 2},
			{Ticket: exchange.Ticket{Request: b, Due: dueB, Seq: 1}, Sent: endedA, First: endedA + time.Millisecond, Ended: endedA + time.Millisecond, Status: 200, BytesIn: 2, BytesOut: 4},
		} {
			if got := p.Outcomes[i]; got != want {
				t.Errorf("outcome %d: %+v, want %+v", i, got, want)
			}
		}
	})
}

// Requests of all methods go out as they were prepared, and each response ends
// its own.
func TestRequests(t *testing.T) {
	large := strings.Repeat("0123456789", 100_000)
	run(t, nil, func(p *peer) {
		for i, c := range []struct {
			method, body, response string
			status, bytesIn        int
		}{
			{"GET", "", ok, 200, 2},
			{"HEAD", "", two + "\r\n", 200, 0},
			{"POST", large, chunks + "3\r\nyes\r\n0\r\n\r\n", 200, 3},
			{"PUT", "", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0},
			{"DELETE", "x", "HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n" + large, 404, len(large)},
			{"GET", "", "HTTP/1.1 103 Early Hints\r\n\r\n" + ok, 200, 2},
		} {
			path := fmt.Sprintf("/%d", i)
			p.ask(request(p, c.method, "http://test"+path, c.body))
			p.WantRequest(c.method, path, c.body)
			p.Send(c.response)
			o := p.wantOutcome(c.status, nil)
			if o.BytesIn != int64(c.bytesIn) || o.BytesOut != int64(len(c.body)) {
				t.Errorf("%s: %d bytes in, %d out", c.method, o.BytesIn, o.BytesOut)
			}
		}
		p.wantOutcomes(6)
	})
}

// A driver that has no more ends the connection, once nothing is in flight.
func TestNoMore(t *testing.T) {
	t.Run("in flight", func(t *testing.T) {
		run(t, nil, func(p *peer) {
			p.get("/")
			p.Close()
			p.engine.Stop()
			p.WantSilence()
			p.Send(ok)
			p.wantOutcome(200, nil)
			p.wantEnd(nil)
		})
	})
	t.Run("idle", func(t *testing.T) {
		run(t, nil, func(p *peer) {
			p.WantSilence()
			p.Close()
			time.Sleep(time.Hour) // the engine is not woken
			synctest.Wait()
			if len(p.ended) > 0 {
				t.Error("the driver was asked for no reason")
			}
			p.engine.Stop()
			p.wantEnd(nil)
		})
	})
	t.Run("with the connection's end", func(t *testing.T) {
		run(t, nil, func(p *peer) {
			p.get("/")
			p.Close()
			p.Conn.Close()
			p.wantOutcome(0, byServer)
			if f := <-p.ended; !same(f, underRequest) {
				t.Errorf("%v, although it was closed under a request", f)
			}
			p.ended <- nil
		})
	})
}

func TestTimeouts(t *testing.T) {
	for name, c := range map[string]struct {
		sent    string
		status  int
		failure *exchange.Failure
	}{
		"nothing came":             {"", 0, errNoAnswer},
		"part of a head":           {head200, 0, errUnfinished},
		"part of a content":        {two + "\r\no", 200, errUnfinished},
		"only interim responses":   {"HTTP/1.1 103 Early Hints\r\n\r\n", 0, errUnfinished},
		"a content without an end": {head200 + "\r\nok", 200, errUnfinished},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(p *peer) {
				p.get("/")
				p.Send(c.sent)
				time.Sleep(timeout - time.Nanosecond)
				p.wantOutcomes(0)
				p.wantEnd(c.failure)
				if o := p.wantOutcome(c.status, c.failure); o.Latency() != timeout {
					t.Errorf("it ended after %v", o.Latency())
				}
			})
		})
	}
}

// TestLooksWhenFull: while a request is in flight, and nothing comes, there is the turn
// that the driver asks for and no other.
func TestLooksWhenFull(t *testing.T) {
	run(t, nil, func(p *peer) {
		p.get("/")
		synctest.Wait()
		p.Mu.Lock()
		p.Look = p.now() + 5*time.Second
		p.Mu.Unlock()
		p.engine.Stop()
		time.Sleep(4 * time.Second)
		rests := func() int {
			synctest.Wait()
			p.Mu.Lock()
			defer p.Mu.Unlock()
			p.Look = 0
			return p.Rests
		}
		before := rests()
		time.Sleep(time.Second)
		if n := rests() - before; n != 1 {
			t.Errorf("%d turns when the driver has to look, want 1", n)
		}
		before = rests()
		time.Sleep(4 * time.Second)
		if n := rests() - before; n != 0 {
			t.Errorf("%d turns while nothing is to be done", n)
		}
		p.Send(ok)
		p.wantOutcome(200, nil)
	})
}

// A request that waited too long is not sent: it would only cost the connection.
func TestNotSentInTime(t *testing.T) {
	run(t, nil, func(p *peer) {
		p.get("/slow")
		p.Add(p.now()-timeout+time.Second, request(p, "GET", "http://test/late", ""), request(p, "GET", "http://test/later", ""))
		p.Add(p.now(), request(p, "GET", "http://test/next", ""))
		time.Sleep(time.Second)
		p.Send("HTTP/1.1 200 OK\ncontent-length: 0\n\n") // with a remark, which is this one's
		p.WantRequest("GET", "/next", "")
		p.wantOutcomes(3)
		if p.Outcomes[0].Remarks == 0 {
			t.Error("lines without CR are not remarked")
		}
		for _, o := range p.Outcomes[1:] {
			if o.Remarks != 0 || o.Failure != exchange.NeverSent || o.Sent != 0 || o.Status != 0 || o.BytesIn != 0 || o.Latency() != timeout {
				t.Errorf("%+v", o)
			}
		}
		p.Send(ok)
		p.wantOutcome(200, nil)
	})
}

// What a server sends ends the connection, after the exchange.
func TestBrokenConnection(t *testing.T) {
	for name, c := range map[string]struct {
		sent    string
		status  int
		failure *exchange.Failure // of the exchange
		end     *exchange.Failure
	}{
		"no HTTP":                  {"SSH-2.0-OpenSSH_9.2\r\n", 0, errStatusLine, errStatusLine},
		"a broken field":           {head200 + "x y: z\r\n\r\n", 0, errField, errField},
		"a broken chunk":           {chunks + "x\r\n", 200, errChunk, errChunk},
		"more than a response":     {ok + "!", 200, nil, errUnasked},
		"two responses":            {ok + ok, 200, nil, errUnasked},
		"close":                    {two + "Connection: close\r\n\r\nok", 200, nil, byServer},
		"close, more than it said": {two + "Connection: close\r\n\r\nok!", 200, nil, byServer},
		"HTTP/1.0":                 {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, nil, byServer},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(p *peer) {
				p.ask(request(p, "GET", "http://test/", ""), request(p, "GET", "http://test/next", ""))
				p.WantRequest("GET", "/", "")
				p.Send(c.sent)
				p.wantOutcome(c.status, c.failure)
				p.wantEnd(c.end)
				p.wantOutcomes(1)
			})
		})
	}
}

func TestUnaskedBytes(t *testing.T) {
	for name, used := range map[string]bool{"at the beginning": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(p *peer) {
				if used {
					p.get("/")
					p.Send(ok)
				}
				p.Send("HTTP/1.1 408 Request Timeout\r\n\r\n")
				p.wantEnd(errUnasked)
			})
		})
	}
}

// Stop asks the driver again, whenever it comes.
func TestStop(t *testing.T) {
	run(t, nil, func(p *peer) {
		for i := range 100 {
			p.Add(p.now(), request(p, "GET", "http://test/", ""))
			p.engine.Stop()
			if i%2 == 0 {
				synctest.Wait()
			}
			p.engine.Stop()
			p.WantRequest("GET", "/", "")
			p.engine.Stop()
			p.Send(ok)
		}
		p.wantOutcomes(100)
	})
	t.Run("at the end of a turn", func(t *testing.T) {
		run(t, nil, func(p *peer) {
			p.Mu.Lock()
			p.Resting = func() { p.ask(request(p, "GET", "http://test/", "")) }
			p.Mu.Unlock()
			p.engine.Stop()
			p.WantRequest("GET", "/", "")
		})
	})
}
