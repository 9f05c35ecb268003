package wire

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// purse is a Budget of so many bytes.
type purse struct {
	mu    sync.Mutex
	left  int64
	cuts  []func() // of all that joined
	moved int
	open  int // shares that have not left
}

type share struct {
	purse *purse
	taken int64
}

func (p *purse) Join(cut func()) Share {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts = append(p.cuts, cut)
	p.open++
	return &share{purse: p}
}

func (s *share) Take(n int64) bool {
	s.purse.mu.Lock()
	defer s.purse.mu.Unlock()
	if n > s.purse.left {
		return false
	}
	s.purse.left -= n
	s.taken += n
	return true
}

func (s *share) Moved(n int) {
	s.purse.mu.Lock()
	defer s.purse.mu.Unlock()
	s.purse.moved += n
}

func (s *share) Leave() {
	s.purse.mu.Lock()
	defer s.purse.mu.Unlock()
	s.purse.left += s.taken
	s.purse.open--
}

// say makes an engine that sends n bytes at its first turn, and is Done when its
// Flush fails or the client ends.
func say(n int, end *error) func(*Conn) {
	return func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			c.Out = append(c.Out, make([]byte, n)...)
			n = 0
			if *end = c.Flush(); *end != nil {
				return Done, time.Time{}
			}
			if err := c.Fill(); err != error(ErrWouldBlock) {
				return Done, time.Time{}
			}
			return Sleep, time.Time{}
		}})
	}
}

// TestBacklogBudget: what a peer does not read counts on the budget, with all the
// memory that it takes, until the peer has read it. One for which there is none,
// or whose memory is needed, is cut off at once, and not counted as too slow.
func TestBacklogBudget(t *testing.T) {
	const size = 100_000
	for _, tt := range []struct {
		about  string
		budget int64
		cut    bool
	}{
		{"enough, and the peer reads at last", 1 << 20, false},
		{"not enough", size - 1, false},
		{"enough, and then needed for others", 1 << 20, true},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := newOptions()
				var cut, stalled atomic.Int32
				opt.Metrics.Cut = func(metrics.Stripe) { cut.Add(1) }
				opt.Metrics.Stalled = func(metrics.Stripe) { stalled.Add(1) }
				p := &purse{left: tt.budget}
				opt.Budget = p
				server, client := net.Pipe()
				var end error
				s := serve(t, server, client, false, opt, say(size, &end))
				began := time.Now()
				synctest.Wait()
				if tt.cut {
					p.cuts[0]()
					p.cuts[0]() // a second call does nothing
					synctest.Wait()
				}
				if tt.budget > size && !tt.cut {
					if taken := tt.budget - p.left; taken < size || taken > size+queueUnit || p.open != 1 {
						t.Errorf("%d bytes are taken for %d", taken, size)
					}
					buf := make([]byte, size)
					for read := 0; read < size; {
						n, err := s.client.Read(buf)
						if err != nil {
							t.Fatal(err)
						}
						read += n
					}
					synctest.Wait()
					if p.moved != size || end != nil || cut.Load() != 0 {
						t.Errorf("%d bytes moved, %d cut, %v", p.moved, cut.Load(), end)
					}
				} else {
					<-s.ended
					if !errors.Is(end, ErrNoMemory) || cut.Load() != 1 || stalled.Load() != 0 {
						t.Errorf("Flush: %v; %d were counted as cut, %d as too slow", end, cut.Load(), stalled.Load())
					}
					if took := time.Since(began); took > time.Second {
						t.Errorf("it took %v", took)
					}
				}
				if p.left != tt.budget || p.open != 0 {
					t.Errorf("%d of %d bytes are left, %d backlogs", p.left, tt.budget, p.open)
				}
			})
		})
	}
}

// TestLateCut: a cut that comes when its backlog is gone, which it may, does
// nothing to the next one of that connection.
func TestLateCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := newOptions()
		opt.Metrics.Cut = func(metrics.Stripe) {}
		p := &purse{left: 1 << 20}
		opt.Budget = p
		server, client := net.Pipe()
		s := serve(t, server, client, false, opt, echo)
		s.ask(t, "first")
		synctest.Wait()
		if _, err := s.client.Write([]byte("second")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it waits to be read
		p.cuts[0]()
		synctest.Wait()
		got := make([]byte, 6)
		if n, err := s.client.Read(got); err != nil || string(got[:n]) != "second" {
			t.Errorf("read %q, %v", got[:n], err)
		}
	})
}
