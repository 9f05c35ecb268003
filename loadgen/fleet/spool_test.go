package fleet

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// numbered makes n outcomes from number first on.
func numbered(first, n int) []exchange.Outcome {
	batch := make([]exchange.Outcome, n)
	for i := range batch {
		batch[i] = exchange.Outcome{Ticket: exchange.Ticket{Request: &exchange.Request{}, Seq: uint64(first + i)}}
	}
	return batch
}

func TestSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pause = time.Second // that sending takes
		next, began := uint64(0), time.Now()
		var first time.Duration
		s := newSpool(func(batch []outcome) error {
			if next == 0 {
				first = time.Since(began)
			}
			for _, o := range batch {
				if o.Seq != next {
					t.Fatalf("outcome %d where %d was to come", o.Seq, next)
				}
				next++
			}
			time.Sleep(pause)
			return nil
		})
		over := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { s.run(over) })
		s.add(numbered(0, 10))
		synctest.Wait()
		time.Sleep(spoolTime)
		synctest.Wait()
		if next != 10 || first != spoolTime {
			t.Errorf("%d of a few were sent, after %v", next, first)
		}
		// While those are on their way there is room for so many, and no more.
		s.add(numbered(10, spoolRoom))
		full := time.Now()
		s.add(numbered(10+spoolRoom, 5))
		if waited := time.Since(full); waited != pause {
			t.Errorf("it waited %v for room", waited)
		}
		close(over)
		wg.Wait()
		if next != 10+spoolRoom+5 {
			t.Errorf("%d were sent", next)
		}
	})
}

// TestSpoolBroken: a coordinator that is gone is not waited for.
func TestSpoolBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := newSpool(func([]outcome) error { calls++; return errors.New("gone") })
		over := make(chan struct{})
		var wg sync.WaitGroup
		s.add(numbered(0, spoolRoom))
		wg.Go(func() { s.add(numbered(0, 1)) }) // waits
		synctest.Wait()
		wg.Go(func() { s.run(over) })
		synctest.Wait()
		time.Sleep(time.Second)
		for range 3 {
			s.add(numbered(0, spoolRoom))
		}
		close(over)
		wg.Wait()
		if calls > 2 {
			t.Errorf("sent %d times", calls)
		}
	})
}
