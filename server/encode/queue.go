package encode

import (
	"slices"
	"sync"
	"time"
)

// MaxQueued is how many jobs wait for their turn: those of some seconds of one
// goroutine. What is dropped is asked for again with a later request.
const MaxQueued = 256

// Job is something to be coded. It does not hold the content, which may leave the
// cache while the job waits.
type Job struct {
	Key    string // of what is stored
	Coding Coding
}

// restFor is how long a goroutine keeps its coders when there is nothing to do: what
// they take evicts entries if the cache is full, and not for each content anew.
const restFor = 10 * time.Second

// Queue runs jobs in the background, few at a time, and in their order. [NewQueue]
// makes one. Its goroutines end when there has been nothing to do for a while.
type Queue struct {
	run    func(*Encoders, Job)
	ledger Ledger

	mu      sync.Mutex
	jobs    []Job
	most    int             // goroutines
	running int             // of them, those that rest included
	resting []chan struct{} // closed to wake one
}

// NewQueue makes a queue without goroutines (see [Queue.Set]) whose jobs run does,
// with coders that take their memory of ledger. run may not panic.
func NewQueue(ledger Ledger, run func(*Encoders, Job)) *Queue {
	return &Queue{run: run, ledger: ledger}
}

// Set changes how many goroutines there are at most. With 0 no job is done, and
// those that wait are dropped.
func (q *Queue) Set(goroutines int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.most = goroutines
	if goroutines == 0 {
		q.jobs = nil
	}
	for len(q.resting) > 0 {
		q.wake()
	}
}

// wake wakes the goroutine that has rested for the shortest time. q.mu is held.
func (q *Queue) wake() {
	last := len(q.resting) - 1
	close(q.resting[last])
	q.resting = q.resting[:last]
}

// Offer adds a job, and reports false if it is dropped: too many wait. It does not
// wait itself.
func (q *Queue) Offer(j Job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.most == 0 || len(q.jobs) >= MaxQueued {
		return false
	}
	q.jobs = append(q.jobs, j)
	switch {
	case len(q.resting) > 0:
		q.wake()
	case q.running < q.most:
		q.running++
		go q.work()
	}
	return true
}

// Waiting is how many jobs wait for their turn.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs)
}

// Running is how many goroutines there are, those included that have nothing to do.
func (q *Queue) Running() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running
}

// work does jobs until there have been none for a while, or too many goroutines do.
func (q *Queue) work() {
	coders := Encoders{ledger: q.ledger}
	defer coders.Drop()
	for {
		j, ok := q.next()
		if !ok {
			return
		}
		q.run(&coders, j)
	}
}

// next waits for the first job. If it reports false the calling goroutine is to end.
func (q *Queue) next() (Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.running > q.most:
			q.running--
			return Job{}, false
		case len(q.jobs) > 0:
			j := q.jobs[0]
			if q.jobs = q.jobs[1:]; len(q.jobs) == 0 {
				q.jobs = nil
			}
			return j, true
		}
		if !q.rest() {
			q.running--
			return Job{}, false
		}
	}
}

// rest waits until the goroutine is woken, and reports false if it is not. q.mu is
// held, but for the time of the wait.
func (q *Queue) rest() bool {
	woken := make(chan struct{})
	q.resting = append(q.resting, woken)
	q.mu.Unlock()
	timer := time.NewTimer(restFor)
	select {
	case <-woken:
	case <-timer.C:
	}
	timer.Stop()
	q.mu.Lock()
	if i := slices.Index(q.resting, woken); i >= 0 {
		q.resting = slices.Delete(q.resting, i, i+1)
		return false
	}
	return true
}
