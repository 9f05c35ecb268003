package fleet

import (
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

const (
	// Outcomes are sent when so many wait, or after so long: few enough
	// messages to cost little, soon enough to be seen live.
	spoolBatch = 4096
	spoolTime  = 100 * time.Millisecond

	// spoolRoom is how many may wait, half a second of the fastest attacks. A
	// coordinator that is slower than that slows the connections down, which
	// shows in what they measure: dropping outcomes would not.
	spoolRoom = 1 << 16
)

// spool keeps outcomes until they are sent, so that connections need not wait
// for the coordinator.
type spool struct {
	send func([]outcome) error

	mu     sync.Mutex
	room   sync.Cond // held was taken, or broken set
	held   []outcome
	broken bool // sending has failed: nothing is kept any more

	wake  chan struct{} // spoolBatch wait
	spare []outcome     // the flusher's
}

func newSpool(send func([]outcome) error) *spool {
	s := &spool{send: send, wake: make(chan struct{}, 1)}
	s.room.L = &s.mu
	return s
}

// add keeps a batch; any goroutine may call it.
func (s *spool) add(batch []exchange.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.held) >= spoolRoom && !s.broken {
		s.room.Wait()
	}
	if s.broken {
		return
	}
	for i := range batch {
		s.held = append(s.held, toWire(&batch[i]))
	}
	if len(s.held) >= spoolBatch {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// run sends until over is closed, and then what is left.
func (s *spool) run(over <-chan struct{}) {
	tick := time.NewTicker(spoolTime)
	defer tick.Stop()
	for {
		select {
		case <-s.wake:
		case <-tick.C:
		case <-over:
			s.flush()
			return
		}
		s.flush()
	}
}

func (s *spool) flush() {
	s.mu.Lock()
	batch := s.held
	s.held = s.spare[:0]
	s.mu.Unlock()
	s.room.Broadcast()
	if len(batch) > 0 && s.send(batch) != nil {
		s.mu.Lock()
		s.broken = true
		s.mu.Unlock()
		s.room.Broadcast()
	}
	clear(batch) // failures
	s.spare = batch
}
