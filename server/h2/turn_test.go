package h2

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// slowLook is a store in which each look takes a while. It counts how many requests a turn
// has handled, by the turn's time.
type slowLook struct {
	*store
	takes time.Duration

	mu    sync.Mutex
	turns map[time.Time]int
}

func (s *slowLook) Look(l *message.Lookup, r *message.Request, now time.Time) bool {
	s.mu.Lock()
	s.turns[now]++
	s.mu.Unlock()
	time.Sleep(s.takes)
	return s.store.Look(l, r, now)
}

func (s *slowLook) Again(l *message.Lookup, now time.Time) bool {
	return s.Look(l, &message.Request{Method: "GET", Path: string(l.Key)}, now)
}

// TestTurnHasItsTime: a turn handles input for wire.TurnTime, looking at the clock after
// every 16 frames, and what is left is the next turn's: nothing is lost, and all is
// answered in its order.
func TestTurnHasItsTime(t *testing.T) {
	const requests = 100
	look := &slowLook{store: storedPaths(requests), takes: 20 * time.Microsecond, turns: make(map[time.Time]int)} // 16 of them: 320 µs
	run(t, setup{look: look}, func(p *peer) {
		var all []byte
		for i := range requests {
			all = append(all, get(uint32(2*i+1), "/"+strconv.Itoa(i))...)
		}
		p.Write(all)
		for i := range requests {
			p.wantBody(uint32(2*i+1), 200, "/"+strconv.Itoa(i))
		}
		synctest.Wait()
		if want := requests/framesToClock + 1; len(look.turns) != want {
			t.Errorf("%d turns, want %d", len(look.turns), want)
		}
		for _, n := range look.turns {
			if n > framesToClock {
				t.Errorf("a turn handled %d requests, want %d at most", n, framesToClock)
			}
		}
	})
}

// TestWaitsEndBesideInput: a client whose turns never end, since there is always more to be
// read, has no more time for an upload than others.
func TestWaitsEndBesideInput(t *testing.T) {
	const batch = 64 // 64 ms of looks
	look := &slowLook{store: stored("/", "hit"), takes: time.Millisecond, turns: make(map[time.Time]int)}
	read := func(_ *peer, _ writer, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	run(t, setup{limits: slow, look: look, handler: read}, func(p *peer) {
		p.Write(post(1, "/upload"))
		over := make(chan struct{})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for id := uint32(3); ; {
				var flood []byte
				for range batch {
					flood = append(flood, headers(id, true, pseudo("HEAD", "/")...)...)
					id += 2
				}
				select {
				case <-over:
					return
				default:
				}
				if _, err := p.Conn.Write(flood); err != nil {
					return
				}
			}
		}()
		_, resets := p.until(10 * time.Second)
		close(over)
		p.Conn.Close()
		<-ended
		after, cut := resets[1]
		if most := slow.Progress + 2*turnsToWaits*framesToClock*look.takes; !cut || after > most {
			t.Errorf("reset: %v, after %v, want it within %v", cut, after, most)
		}
	})
}
