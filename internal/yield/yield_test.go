package yield

import (
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestToNetwork: what has arrived is read before ToNetwork returns, on one core as on
// many. Only the first of two calls in a row looks at the network.
func TestToNetwork(t *testing.T) {
	needsPoller(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	here, there := pair(t)
	var got atomic.Int64
	var reading sync.WaitGroup
	reading.Go(func() {
		for buf := make([]byte, 1); ; got.Add(1) {
			if _, err := io.ReadFull(there, buf); err != nil {
				return
			}
		}
	})
	const rounds = 100
	missed := 0
	for i := range int64(rounds) {
		time.Sleep(interval) // the reader waits, and a look is due
		if _, err := here.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		ToNetwork()
		if got.Load() != i+1 {
			missed++ // the scheduler may run us first once in 61 times
			for got.Load() != i+1 {
				time.Sleep(interval)
			}
		}
	}
	if missed > rounds/10 {
		t.Errorf("in %d of %d rounds what had arrived was not read", missed, rounds)
	}
	here.Close()
	reading.Wait()
}

// needsPoller skips what only Linux has; there it must be.
func needsPoller(t *testing.T) {
	t.Helper()
	switch {
	case once() != nil:
	case runtime.GOOS == "linux":
		t.Fatal("there is no poller")
	default:
		t.Skip("ToNetwork and InLoop are runtime.Gosched on " + runtime.GOOS)
	}
}

// TestDue: a look is due once in an interval, however many ask.
func TestDue(t *testing.T) {
	var p poller
	for _, tt := range []struct {
		now  time.Duration
		want bool
	}{
		{interval - 1, false}, // since the start
		{interval, true},
		{interval, false}, // another has just looked
		{2*interval - 1, false},
		{2 * interval, true},
	} {
		if got := p.due(tt.now, interval); got != tt.want {
			t.Errorf("after %v: %t, want %t", tt.now, got, tt.want)
		}
	}
}

// TestInLoop: a loop of short steps lets others go first, and not at each step.
func TestInLoop(t *testing.T) {
	needsPoller(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	turns := 0
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				turns++
				ToNetwork()
			}
		}
	})
	began, steps := time.Now(), 0
	for ; time.Since(began) < 20*slice; steps++ {
		InLoop()
	}
	close(stop)
	others.Wait()
	if turns == 0 || turns > steps/10 {
		t.Errorf("another goroutine had %d turns in %d steps, want some, and few", turns, steps)
	}
}

// TestConcurrentCalls: many at once all return; run it with the race detector.
func TestConcurrentCalls(t *testing.T) {
	var calling sync.WaitGroup
	for range 8 {
		calling.Go(func() {
			for range 10_000 {
				ToNetwork()
			}
		})
	}
	calling.Wait()
}

// pair is the two ends of a connection over loopback.
func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if here, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close() })
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	return here, there
}

// BenchmarkToNetwork is what a call costs that looks at the network, and one that does not.
func BenchmarkToNetwork(b *testing.B) {
	b.Run("look", func(b *testing.B) {
		p := newPoller()
		if p == nil {
			b.Skip("there is no look")
		}
		for b.Loop() {
			p.look()
		}
	})
	b.Run("none", func(b *testing.B) {
		for b.Loop() {
			ToNetwork()
		}
	})
	b.Run("gosched", func(b *testing.B) {
		for b.Loop() {
			runtime.Gosched()
		}
	})
}
