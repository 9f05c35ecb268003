package h2

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// slow is the least rate of these tests: 1 KiB a second, over 3 s.
var slow = Limits{Progress: 3 * time.Second, Quantum: 3 << 10, Idle: time.Hour}

// until reads frames until d has passed, counts the content of each stream and
// notes which were reset, and when.
func (p *peer) until(d time.Duration) (got map[uint32]int, resets map[uint32]time.Duration) {
	p.Helper()
	start := time.Now()
	got, resets = make(map[uint32]int), make(map[uint32]time.Duration)
	_ = p.Conn.SetReadDeadline(start.Add(d))
	for {
		f, err := p.Read()
		if err != nil {
			break
		}
		switch f.Type {
		case frame.Data:
			got[f.StreamID] += int(f.Length)
		case frame.RSTStream:
			if code := frame.Code(f.Payload); code != frame.Cancel {
				p.Errorf("stream %d reset with %v", f.StreamID, code)
			}
			resets[f.StreamID] = time.Since(start)
		case frame.GoAway:
			p.Fatalf("GOAWAY: %s", f.Payload[8:])
		}
	}
	_ = p.Conn.SetReadDeadline(time.Time{})
	return got, resets
}

// every writes b every d, n times, beside what the test does.
func (p *peer) every(d time.Duration, n int, b []byte) {
	go func() {
		for range n {
			time.Sleep(d)
			if _, err := p.Conn.Write(b); err != nil {
				return
			}
		}
	}()
}

// closeWindow asks for a response that uses up the connection's window.
func (p *peer) closeWindow(id uint32) {
	p.Helper()
	p.Write(get(id, "/window"))
	if r := p.wantResponse(id, 200); len(r.body) != frame.InitialWindow {
		p.Fatalf("%d bytes", len(r.body))
	}
}

func windowAnd(body string) *store {
	return stored("/window", strings.Repeat("w", frame.InitialWindow), "/", body)
}

// TestTrickledConnectionWindow: a connection's window that opens by a byte a
// second keeps no stream alive, however many share it.
func TestTrickledConnectionWindow(t *testing.T) {
	for _, n := range []int{1, 250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			run(t, setup{limits: slow, source: windowAnd(strings.Repeat("x", 2048)), settings: wide}, func(p *peer) {
				p.closeWindow(1)
				for i := range n {
					p.Write(get(uint32(3+2*i), "/"))
					p.wantHead(uint32(3+2*i), 200)
				}
				p.every(time.Second, 60, frame.AppendWindowUpdate(nil, 0, 1))
				_, resets := p.until(time.Minute)
				if len(resets) != n {
					t.Errorf("%d of %d streams reset", len(resets), n)
				}
				for id, after := range resets {
					if after < 3*time.Second || after > 3*time.Second+10*time.Millisecond {
						t.Fatalf("stream %d reset after %v", id, after)
					}
				}
				p.wantBreaches(metrics.LimitWriteTimeout, n)
				p.WantAlive()
			})
		})
	}
}

// TestConnectionWindowAtTheLeastRate: streams that share a window which opens
// just fast enough end whole, though each takes little of it.
func TestConnectionWindowAtTheLeastRate(t *testing.T) {
	const n, size = 100, 2048
	for name, part := range map[string]int{"smoothly": 128, "a quantum at a time": 3 << 10} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{limits: slow, source: windowAnd(strings.Repeat("x", size)), settings: wide}, func(p *peer) {
				p.closeWindow(1)
				for i := range uint32(n) {
					p.Write(get(3+2*i, "/"))
					p.wantHead(3+2*i, 200)
				}
				total := n * size
				p.every(time.Second*time.Duration(part)/1024-1, total/part+1, frame.AppendWindowUpdate(nil, 0, uint32(part)))
				got, resets := p.until(time.Duration(total/1024+4) * time.Second)
				for i := range uint32(n) {
					if got[3+2*i] != size {
						t.Fatalf("stream %d: %d bytes; %d streams reset", 3+2*i, got[3+2*i], len(resets))
					}
				}
			})
		})
	}
}

// TestStreamWindowRates: a stream whose own window opens slowly has to take the
// quantum itself, whatever others on its connection take.
func TestStreamWindowRates(t *testing.T) {
	for name, tt := range map[string]struct {
		part  uint32
		every time.Duration
		cut   time.Duration // 0: never
	}{
		"just fast enough":    {1 << 10, time.Second - 1, 0},
		"a quantum at a time": {3 << 10, 3*time.Second - 1, 0},
		"a byte a second":     {1, time.Second, 3002 * time.Millisecond},
		"half of the rate":    {460, 900 * time.Millisecond, 5246 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			const size = 60 << 10
			s := setup{limits: slow, source: stored("/", strings.Repeat("x", size), "/other", strings.Repeat("x", 10)), settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}}
			run(t, s, func(p *peer) {
				p.Write(get(1, "/"))
				p.wantHead(1, 200)
				p.every(tt.every, int(time.Minute/tt.every), frame.AppendWindowUpdate(nil, 1, tt.part))
				got, resets := p.until(61 * time.Second)
				after, cut := resets[1]
				switch {
				case tt.cut == 0 && (cut || got[1] != size):
					t.Errorf("%d bytes, reset after %v", got[1], after)
				case tt.cut > 0 && (after < tt.cut || after > tt.cut+10*time.Millisecond):
					t.Errorf("reset after %v, want %v", after, tt.cut)
				}
			})
		})
	}
}

// TestTakingTurnsToStall: a peer that holds back now the streams' windows and
// now the connection's has no more than the time of both.
func TestTakingTurnsToStall(t *testing.T) {
	run(t, setup{limits: slow, source: windowAnd("body"), settings: wide}, func(p *peer) {
		p.closeWindow(1)
		p.Write(get(3, "/"))
		p.wantHead(3, 200)
		go func() {
			for range 20 {
				for _, window := range []uint32{0, 8 << 20} {
					time.Sleep(2 * time.Second)
					if _, err := p.Conn.Write(frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: window})); err != nil {
						return
					}
				}
			}
		}()
		for f := p.NextFrame(); f.Type != frame.RSTStream; f = p.NextFrame() {
		}
		p.Conn.Close()
		time.Sleep(3 * time.Second) // until the writer has seen it
	})
}

// TestUploadRates: a handler waits no longer for a body than at the least rate.
func TestUploadRates(t *testing.T) {
	for name, tt := range map[string]struct {
		part  int
		every time.Duration
		cut   time.Duration // 0: never
	}{
		"just fast enough":    {1 << 10, time.Second - 1, 0},
		"a quantum at a time": {3 << 10, 3*time.Second - 1, 0},
		"a byte every 2.9 s":  {1, 2900 * time.Millisecond, 3 * time.Second},
		"half of the rate":    {460, 900 * time.Millisecond, 5246 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{limits: slow, handler: discard}, func(p *peer) {
				p.Write(post(1, "/"))
				p.every(tt.every, int(time.Minute/tt.every), data(1, strings.Repeat("x", tt.part), false))
				_, resets := p.until(time.Minute)
				if after, cut := resets[1]; cut != (tt.cut > 0) || cut && (after < tt.cut || after > tt.cut+10*time.Millisecond) {
					t.Errorf("reset: %v, after %v, want %v", cut, after, tt.cut)
				}
			})
		})
	}
}

// TestLongDataFrame: its bytes count as they come, not when it is whole. One
// that comes more slowly ends the connection, whose other frames it holds back.
func TestLongDataFrame(t *testing.T) {
	b := data(1, strings.Repeat("x", frame.MinMaxSize), true)
	run(t, setup{limits: slow, handler: discard}, func(p *peer) {
		p.Write(post(1, "/"))
		for ; len(b) > 0; b = b[min(len(b), 1<<10):] {
			p.Write(b[:min(len(b), 1<<10)])
			time.Sleep(time.Second - 1)
		}
		p.wantBody(1, 200, fmt.Sprint(frame.MinMaxSize))
	})
	b = data(1, strings.Repeat("x", frame.MinMaxSize), true)
	run(t, setup{limits: slow, handler: func(p *peer, _ writer, _ *http.Request) { <-p.release }}, func(p *peer) {
		p.Write(post(1, "/"), data(1, "unread", false))
		start := time.Now()
		go func() {
			for i := range b {
				if _, err := p.Conn.Write(b[i : i+1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseTimeout)
		if after := time.Since(start); after > 20*time.Second {
			t.Errorf("cut after %v", after)
		}
		close(p.release)
		time.Sleep(time.Second) // until the writer has seen it
	})
}

// TestUploadsWithoutCredit: bodies that handlers do not read use up the
// connection's window; a body that has none of it left is not late.
func TestUploadsWithoutCredit(t *testing.T) {
	run(t, setup{limits: slow, handler: func(p *peer, w writer, r *http.Request) {
		if r.URL.Path == "/unread" {
			<-p.release
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}}, func(p *peer) {
		p.Write(post(1, "/unread"), post(3, "/unread"), post(5, "/read"))
		for i := range connWindow / frame.MinMaxSize {
			p.Write(data(uint32(1+2*(i%2)), strings.Repeat("x", frame.MinMaxSize), false))
		}
		p.wantQuiet(50 * time.Second)
		close(p.release)
		synctest.Wait()
		p.Write(data(1, "", true), data(3, "", true), data(5, "late", true))
		for ended := 0; ended < 3; { // in whatever order
			f := p.NextFrame()
			if f.Type != frame.Headers && f.Type != frame.Data {
				p.Fatalf("%v", f.Header)
			}
			if f.Ends() {
				ended++
			}
		}
	})
}
