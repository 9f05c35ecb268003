package h2

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// wantQuiet checks that nothing is sent for d, to the nanosecond before its end.
func (p *peer) wantQuiet(d time.Duration) {
	p.Helper()
	_ = p.Conn.SetReadDeadline(time.Now().Add(d - 1))
	if f, err := p.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		p.Fatalf("%v %x (%v) within %v", f.Header, f.Payload, err, d)
	}
	_ = p.Conn.SetReadDeadline(time.Time{})
	time.Sleep(time.Nanosecond)
}

func TestHeadTimeout(t *testing.T) {
	const limit = 5 * time.Second
	request := get(3, "/")
	for name, part := range map[string][]byte{
		"a byte of a frame":   request[:1],
		"a frame's header":    request[:frame.HeaderLen],
		"all but its last":    request[:len(request)-1],
		"a block without end": raw(frame.Headers, 0, 3, "\x82"),
		"CONTINUATION":        append(raw(frame.Headers, 0, 3, "\x82"), raw(frame.Continuation, 0, 3, "\x82")...),
		"a PING":              frame.AppendPing(nil, false, []byte("12345678"))[:10],
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{limits: Limits{Head: limit}, source: stored("/", "")}, func(p *peer) {
				p.Write(get(1, "/"))
				p.wantResponse(1, 200)
				time.Sleep(2 * limit) // nothing has begun
				p.Write(part)
				p.wantQuiet(limit)
				p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseTimeout)
				p.wantBreaches(metrics.LimitHeadTimeout, 1)
			})
		})
	}
}

// TestSlowButInTime: a frame may take its time, and so may each of the next.
func TestSlowButInTime(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		for id := uint32(1); id < 20; id += 2 {
			b := get(id, "/")
			p.Write(b[:10])
			p.wantQuiet(9 * time.Second)
			p.Write(b[10:])
			p.wantBody(id, 200, "hit")
		}
	})
}

// TestSlowData: a DATA frame has the time that a body has, not that of a head.
func TestSlowData(t *testing.T) {
	run(t, setup{handler: discard, limits: Limits{Head: time.Second, Progress: 20 * time.Second}}, func(p *peer) {
		b := data(1, "slow", true)
		p.Write(post(1, "/"), b[:11])
		p.wantQuiet(19 * time.Second)
		p.Write(b[11:])
		p.wantBody(1, 200, "4")

		b = data(3, "never", true)
		p.Write(post(3, "/"), b[:11])
		p.wantQuiet(20 * time.Second)
		if f := p.NextFrame(); f.Type == frame.RSTStream {
			f = p.NextFrame()
			if _, code := frame.LastStream(f.Payload); f.Type != frame.GoAway || code != frame.EnhanceYourCalm {
				p.Errorf("%v %x", f.Header, f.Payload)
			}
		}
		p.wantEnd(metrics.CloseTimeout)
	})
}

func TestIdleTimeout(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		p.wantQuiet(59 * time.Second)
		p.Write(get(1, "/"))
		p.wantBody(1, 200, "hit")
		p.wantQuiet(60 * time.Second)
		p.wantGoAway(frame.NoError, metrics.CloseIdle)
		p.wantBreaches(metrics.LimitIdleTimeout, 1)
	})
}

// TestFramesWithoutRequests do not keep a connection that has no stream.
func TestFramesWithoutRequests(t *testing.T) {
	const limit = 4 * time.Second
	for name, b := range map[string][]byte{
		"PING":                frame.AppendPing(nil, false, []byte("12345678")),
		"PING acknowledged":   frame.AppendPing(nil, true, []byte("12345678")),
		"SETTINGS":            frame.AppendSettings(nil),
		"WINDOW_UPDATE":       frame.AppendWindowUpdate(nil, 0, 1),
		"of a closed stream":  frame.AppendWindowUpdate(nil, 1, 1),
		"RST_STREAM":          frame.AppendRSTStream(nil, 1, frame.Cancel),
		"PRIORITY":            raw(frame.Priority, 0, 5, "\x00\x00\x00\x03\x10"),
		"GOAWAY":              frame.AppendGoAway(nil, 0, frame.NoError, ""),
		"an unknown type":     raw(0xbb, 0, 0, "x"),
		"trailers of a reset": headers(3, true, "a", "b"),
		"DATA of a reset":     data(3, "x", false),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", "hit"), limits: Limits{Idle: limit}}, func(p *peer) {
				p.Write(get(1, "/"))
				p.wantBody(1, 200, "hit")
				p.Write(get(3, "/", "te", "bad"))
				p.WantReset(3, frame.ProtocolError)
				start := time.Now()
				go func() {
					for range 20 {
						time.Sleep(limit / 3)
						if _, err := p.Conn.Write(b); err != nil {
							return
						}
					}
				}()
				f := p.NextFrame()
				for f.Type != frame.GoAway && time.Since(start) < 5*limit {
					f = p.NextFrame()
				}
				if after := time.Since(start); f.Type != frame.GoAway || after != limit {
					p.Errorf("%v after %v, want GOAWAY after %v", f.Type, after, limit)
				}
				p.Conn.Close()
				time.Sleep(limit) // until the writer has seen it
			})
		})
	}
}

// TestPingsDuringAStream: a peer that says that it lives by PINGs of its own is
// not asked, and its connection is in use while the stream is.
func TestPingsDuringAStream(t *testing.T) {
	run(t, setup{handler: stall, limits: Limits{Idle: 4 * time.Second}}, func(p *peer) {
		p.Write(get(1, "/"))
		for range 10 {
			p.wantQuiet(pingAfter - time.Second)
			p.WantAlive()
		}
		close(p.release)
		p.wantBody(1, 200, "/")
		p.wantQuiet(4 * time.Second)
		p.wantGoAway(frame.NoError, metrics.CloseIdle)
	})
}

// TestIdleBegins when the last stream ends.
func TestIdleBegins(t *testing.T) {
	run(t, setup{handler: stall}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantQuiet(59 * time.Second)
		close(p.release)
		p.wantBody(1, 200, "/")
		p.wantQuiet(60 * time.Second)
		p.wantGoAway(frame.NoError, metrics.CloseIdle)
	})
}

func TestStalledUpload(t *testing.T) {
	const limit = 30 * time.Second
	var failed error
	run(t, setup{handler: func(_ *peer, _ writer, r *http.Request) {
		for failed == nil {
			_, failed = r.Body.Read(make([]byte, 100))
		}
	}}, func(p *peer) {
		p.Write(post(1, "/"))
		for range 2 { // a byte is no progress
			p.wantQuiet(limit / 3)
			p.Write(data(1, "x", false))
		}
		p.wantQuiet(limit/3 + 2*(limit/30720)) // but for the time that it takes at the least rate
		p.WantReset(1, frame.Cancel)
		p.wantBreaches(metrics.LimitBodyTimeout, 1)
		synctest.Wait()
		if !errors.Is(failed, http.ErrHandlerTimeout) {
			p.Errorf("the handler got %v", failed)
		}
		p.WantAlive()
	})
}

// TestUploadThatWaitsForUs: the peer is not to blame for a handler that does
// not read.
func TestUploadThatWaitsForUs(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, r *http.Request) {
		<-p.release
		echo(p, w, r)
	}}, func(p *peer) {
		p.Write(post(1, "/"), data(1, "body", false))
		for range 10 {
			p.wantQuiet(50 * time.Second)
			p.WantAlive()
		}
		p.release <- struct{}{}
		synctest.Wait()
		p.Write(data(1, "", true))
		p.wantBody(1, 200, "body")
	})
}

func TestStalledDownload(t *testing.T) {
	const limit = 30 * time.Second
	for name, path := range map[string]string{"stored": "/", "by a handler": "/miss"} {
		t.Run(name, func(t *testing.T) {
			var failed error
			run(t, setup{source: stored("/", "123456789"), settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}, handler: func(_ *peer, w writer, _ *http.Request) {
				w.Flush()
				_, failed = w.Write(make([]byte, 2*(64<<10)))
			}}, func(p *peer) {
				p.Write(get(1, path))
				p.wantHead(1, 200)
				for range 2 { // a byte is no progress
					p.wantQuiet(limit / 3)
					p.Write(frame.AppendWindowUpdate(nil, 1, 1))
					p.Want(frame.Data, 1, 0)
				}
				p.wantQuiet(limit/3 + 2*(limit/30720)) // but for the time that it takes at the least rate
				p.WantReset(1, frame.Cancel)
				p.wantBreaches(metrics.LimitWriteTimeout, 1)
				p.WantAlive()
				synctest.Wait() // the stream is reset before its handler's write fails
				if path == "/miss" && !errors.Is(failed, http.ErrHandlerTimeout) {
					p.Errorf("the handler got %v", failed)
				}
			})
		})
	}
}

// TestDeadPeer: with a stream open a silent peer is asked whether it lives.
func TestDeadPeer(t *testing.T) {
	run(t, setup{handler: stall}, func(p *peer) {
		p.Write(get(1, "/"))
		for range 3 {
			p.wantQuiet(pingAfter)
			f := p.Want(frame.Ping, 0, 0)
			p.wantQuiet(pongWithin - time.Second)
			p.Write(frame.AppendPing(nil, true, f.Payload))
		}
		p.wantQuiet(pingAfter)
		p.Want(frame.Ping, 0, 0)
		p.wantQuiet(pongWithin)
		p.wantEnd(metrics.CloseTimeout)
		p.wantBreaches(metrics.LimitIdleTimeout, 1)
		p.wantBreaches(metrics.LimitControlFrames, 0)
	})
}

// TestOneAnswerToAPing: more answers to our PING serve nothing, and cost the peer
// as other frames do that serve nothing.
func TestOneAnswerToAPing(t *testing.T) {
	for name, tt := range map[string]struct {
		answers int
		alive   bool
	}{
		"within the budget": {1 + 5, true},
		"beyond it":         {1 + 5 + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{handler: stall, limits: Limits{Control: 5}}, func(p *peer) {
				p.Write(get(1, "/"))
				p.wantQuiet(pingAfter)
				f := p.Want(frame.Ping, 0, 0)
				time.Sleep(time.Millisecond) // the way there and back
				p.Write(bytes.Repeat(frame.AppendPing(nil, true, f.Payload), tt.answers))
				if tt.alive {
					close(p.release)
					p.wantBody(1, 200, "/")
					return
				}
				p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
				p.wantBreaches(metrics.LimitControlFrames, 1)
			})
		})
	}
}

// TestAnySignOfLifeCounts, not only the answer to our PING.
func TestAnySignOfLifeCounts(t *testing.T) {
	run(t, setup{handler: stall}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantQuiet(pingAfter)
		p.Want(frame.Ping, 0, 0)
		p.wantQuiet(pongWithin - time.Second)
		p.Write(frame.AppendWindowUpdate(nil, 0, 1))
		p.wantQuiet(pingAfter)
		p.Want(frame.Ping, 0, 0)
		close(p.release)
		p.wantBody(1, 200, "/")
	})
}

// TestSlowShare: streams that wait for their turn at a connection whose peer
// takes its time are not stalled.
func TestSlowShare(t *testing.T) {
	body := strings.Repeat("x", 50_000)
	for name, tt := range map[string]struct {
		streams uint32
		window  uint32 // of the connection, beyond the first
	}{
		"the window opens slowly": {4, 0},
		"the peer reads slowly":   {4, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", body), settings: wide}, func(p *peer) {
				if tt.window > 0 {
					p.Write(frame.AppendWindowUpdate(nil, 0, tt.window))
				}
				for i := range tt.streams {
					p.Write(get(1+2*i, "/"))
				}
				got, want := 0, int(tt.streams)*len(body)
				for got < want {
					f := p.NextFrame()
					switch {
					case f.Type == frame.Ping:
						p.Write(frame.AppendPing(nil, true, f.Payload))
						continue
					case f.Type == frame.Headers:
						continue
					case f.Type != frame.Data:
						p.Fatalf("%v %x after %d bytes", f.Header, f.Payload, got)
					}
					got += int(f.Length)
					time.Sleep(time.Duration(f.Length) * time.Second / 2000) // 2 KB/s, above what the wire demands
					if tt.window == 0 {
						p.Write(frame.AppendWindowUpdate(nil, 0, f.Length))
					}
				}
			})
		})
	}
}
