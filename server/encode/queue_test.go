package encode

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueue: so many jobs run at once, so many wait, and the rest is dropped.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		go1 := make(chan struct{})
		var order []string
		var mu sync.Mutex
		running, most := 0, 0
		p := &purse{left: 1 << 30}
		q := NewQueue(p, func(e *Encoders, j Job) {
			mu.Lock()
			e.Reserve(Gzip, 100)
			running++
			most = max(most, running)
			order = append(order, j.Key)
			mu.Unlock()
			<-go1
			mu.Lock()
			running--
			mu.Unlock()
		})
		// state is read under the locks: a timer that fires orders nothing.
		state := func() (goroutines, resting int, left int64) {
			q.mu.Lock()
			defer q.mu.Unlock()
			p.mu.Lock()
			defer p.mu.Unlock()
			return q.running, len(q.resting), p.left
		}
		if q.Offer(Job{Key: "none"}) {
			t.Error("a queue without goroutines takes a job")
		}
		q.Set(1)
		for i := range MaxQueued + 1 {
			if !q.Offer(Job{Key: fmt.Sprint(i)}) {
				t.Fatalf("job %d is dropped", i)
			}
			synctest.Wait()
		}
		if q.Offer(Job{Key: "one more"}) || q.Waiting() != MaxQueued {
			t.Errorf("%d wait, and one more is taken", q.Waiting())
		}
		for range MaxQueued + 1 {
			go1 <- struct{}{}
		}
		synctest.Wait()
		if most != 1 || len(order) != MaxQueued+1 || order[0] != "0" || order[MaxQueued] != fmt.Sprint(MaxQueued) {
			t.Errorf("%d at once, %d jobs", most, len(order))
		}

		order, most = nil, 0
		q.Set(2)
		for i := range 5 {
			q.Offer(Job{Key: fmt.Sprint(i)})
		}
		synctest.Wait()
		if running != 2 {
			t.Errorf("%d run, want 2", running)
		}
		q.Set(1)
		go1 <- struct{}{}
		synctest.Wait()
		if running != 1 {
			t.Errorf("%d run after there may be one less", running)
		}
		q.Set(0)
		if q.Waiting() != 0 {
			t.Errorf("%d wait though none is to be done", q.Waiting())
		}
		go1 <- struct{}{}
		synctest.Wait()
		if running != 0 || q.Offer(Job{}) {
			t.Errorf("%d run, and jobs are taken", running)
		}
		close(go1)
		q.Set(1)
		q.Offer(Job{Key: "last"})
		synctest.Wait()
		goroutines, resting, taken := state()
		if order[len(order)-1] != "last" || goroutines != 1 || resting != 1 || taken == 1<<30 {
			t.Errorf("%q; %d goroutines, %d rest, %d bytes are left", order, goroutines, resting, taken)
		}
		// A goroutine that rests keeps its coders, and is woken; then it ends.
		time.Sleep(restFor / 2)
		q.Offer(Job{Key: "another"})
		synctest.Wait()
		if goroutines, _, left := state(); order[len(order)-1] != "another" || left != taken || goroutines != 1 {
			t.Errorf("%q; %d bytes are left of %d, %d goroutines", order, left, taken, goroutines)
		}
		time.Sleep(restFor)
		synctest.Wait()
		if goroutines, resting, left := state(); left != 1<<30 || goroutines != 0 || resting != 0 {
			t.Errorf("%d bytes are left, %d goroutines, %d rest", left, goroutines, resting)
		}
		q.Offer(Job{Key: "after it"})
		synctest.Wait()
		q.Set(0)
		synctest.Wait()
		if goroutines, _, left := state(); order[len(order)-1] != "after it" || left != 1<<30 || goroutines != 0 {
			t.Errorf("%q; %d bytes are left when there are to be none", order, left)
		}
	})
}
