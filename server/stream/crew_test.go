package stream

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// TestCrewRunsEach expects every function to run, however many there are at
// once, and the goroutines to be used again.
func TestCrewRunsEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Crew
		var mu sync.Mutex
		on := make(map[string]int) // functions by goroutine
		for range 3 {
			hold := make(chan struct{})
			for range 2 * maxResting {
				c.Go(func() {
					<-hold
					mu.Lock()
					defer mu.Unlock()
					on[goroutine()]++
				})
			}
			synctest.Wait() // all have started
			close(hold)
			synctest.Wait()
			c.mu.Lock()
			if got := len(c.resting); got != maxResting {
				t.Errorf("%d goroutines rest, want %d: the others end", got, maxResting)
			}
			c.mu.Unlock()
		}
		total, again := 0, 0
		for _, n := range on {
			total += n
			again += n - 1
		}
		if want := 6 * maxResting; total != want {
			t.Errorf("%d functions ran, want %d", total, want)
		}
		if want := 2 * maxResting; again != want {
			t.Errorf("%d functions ran on a goroutine that had run another, want %d", again, want)
		}
		c.Close() // or synctest finds goroutines that block for ever
		c.Go(func() {})
	})
}

// TestCrewTakesTurns: functions start in their order, and between two turns of another
// goroutine only a share of those that wait does.
func TestCrewTakesTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const functions = 10 * share
	var c Crew
	defer c.Close()
	var mu sync.Mutex
	var started []int
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(started)
	}
	var running sync.WaitGroup
	running.Add(functions)
	for i := range functions {
		c.Go(func() {
			defer running.Done()
			mu.Lock()
			defer mu.Unlock()
			started = append(started, i)
		})
	}
	const want = 2 * min(1+functions/share, atOnce) // the scheduler may leave us out once
	most := 0
	for before := 0; before < functions; {
		yield.ToNetwork()
		now := count()
		most = max(most, now-before)
		before = now
	}
	running.Wait()
	for i, f := range started {
		if late := i - f; late > want || late < -want {
			t.Errorf("function %d was the %dth to start", f, i)
		}
	}
	if most > want {
		t.Errorf("%d of %d functions started between two turns of another goroutine, want %d at most", most, functions, want)
	}
}

// TestNoCrew expects a function to run all the same.
func TestNoCrew(t *testing.T) {
	done := make(chan struct{})
	(*Crew)(nil).Go(func() { close(done) })
	<-done
}

// goroutine is the number of the goroutine that calls it.
func goroutine() string {
	var room [64]byte
	text := string(room[:runtime.Stack(room[:], false)])
	return strings.Fields(text)[1]
}

// handler uses as much stack as a miss of an upstream does.
//
//go:noinline
func handler(depth int) int {
	var room [256]byte
	if depth == 0 {
		return len(room)
	}
	room[depth] = byte(depth)
	return handler(depth-1) + int(room[depth])
}

// BenchmarkCrew shows what a stack that has grown already is worth.
func BenchmarkCrew(b *testing.B) {
	for name, c := range map[string]*Crew{"new": nil, "crew": new(Crew)} {
		b.Run(name, func(b *testing.B) {
			done := make(chan struct{}, 1)
			for b.Loop() {
				c.Go(func() { handler(24); done <- struct{}{} })
				<-done
			}
		})
	}
}
