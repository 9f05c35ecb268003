package attack

import (
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// lone is the driver of an attack with one connection, and its recorder.
func lone(t *testing.T, cfg Config) (*driver, *recorder) {
	t.Helper()
	cfg.Targets = []vegeta.Target{{Method: "GET", URL: "https://localhost/"}}
	cfg.Connections, cfg.Timeout = 1, time.Second
	if cfg.Streams == 0 {
		cfg.Streams = 100
	}
	a, err := newAttack(cfg, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	epoch := time.Now()
	a.epoch.Store(&epoch)
	return a.conns[0].driver, a.recorder
}

// counted is what the recorder has.
func counted(r *recorder) *measure.Tally {
	t := measure.NewTally()
	r.collect(t)
	return t
}

// TestDriverWaits: tickets come when they are due, those of a fast connection in
// batches.
func TestDriverWaits(t *testing.T) {
	d, _ := lone(t, Config{Pacer: perSecond(1000), Duration: time.Second})
	for n := range 3 {
		due := time.Duration(n) * time.Millisecond
		if _, ok := d.Next(due - 1); ok {
			t.Fatalf("ticket %d comes too early", n)
		}
		if until, more := d.Rest(due - 1); until != max(due, 1) || !more {
			t.Errorf("ticket %d: rest until %v, %v", n, until, more)
		}
		if got, ok := d.Next(due + 5); !ok || got.Due != due || got.Seq != uint64(n) {
			t.Fatalf("ticket %d is %+v, %v", n, got, ok)
		}
	}
	// 100,000/s: one each 10 µs, on one connection a quantum of 100 µs.
	d, _ = lone(t, Config{Pacer: perSecond(100_000), Duration: time.Second})
	if _, ok := d.Next(99 * time.Microsecond); ok {
		t.Error("a batch leaves before its time")
	}
	for n := range 11 {
		if _, ok := d.Next(100 * time.Microsecond); !ok {
			t.Fatalf("ticket %d, which is due, does not come along", n)
		}
	}
	if _, ok := d.Next(100 * time.Microsecond); ok {
		t.Error("a ticket comes before it is due")
	}
}

// TestDriverGivesUp: what cannot be sent in time is an outcome.
func TestDriverGivesUp(t *testing.T) {
	d, r := lone(t, Config{Pacer: perSecond(100_000), Duration: time.Second})
	d.Rest(1500 * time.Millisecond) // due until 500 ms are beyond their second
	got := counted(r)
	if got.Failed[exchange.Timeout] != 50_001 || got.Requests() != 50_001 {
		t.Errorf("%d timed out, want 50001: %v", got.Requests(), got.Errors)
	}
	if got.Service.Count() != 0 {
		t.Errorf("%d of what was never sent have a service time", got.Service.Count())
	}
}

// TestDriverAgain: a ticket that is turned away comes again, first, and in the
// end is an outcome that was sent.
func TestDriverAgain(t *testing.T) {
	d, r := lone(t, Config{Requests: 2})
	refused := &exchange.Failure{Kind: exchange.Reset, Detail: "REFUSED_STREAM"}
	a, _ := d.Next(1)
	b, _ := d.Next(2)
	a.Last, b.Last = 1, 2
	d.Again(a, refused)
	d.Again(b, refused)
	for try := 1; try < maxTries; try++ {
		for _, want := range []exchange.Ticket{a, b} {
			got, ok := d.Next(time.Duration(try))
			if !ok || got.Due != want.Due || got.Tries != try {
				t.Fatalf("try %d: %+v, %v", try, got, ok)
			}
			d.Again(got, refused)
		}
	}
	if _, more := d.Rest(10); more {
		t.Error("there is more")
	}
	got := counted(r)
	if got.Failed[exchange.Reset] != 2 || got.Service.Count() != 0 || got.Retries != 2*(maxTries-1) {
		t.Errorf("%v, %d service times, %d retries", got.Errors, got.Service.Count(), got.Retries)
	}
}

// TestDriverAgainTooLate: a ticket that was turned away, and whose time is up before it
// can be sent again, was sent.
func TestDriverAgainTooLate(t *testing.T) {
	d, r := lone(t, Config{Requests: 1})
	a, _ := d.Next(1)
	a.Last = 1
	d.Again(a, &exchange.Failure{Kind: exchange.Reset, Detail: "REFUSED_STREAM"})
	d.Rest(time.Hour)
	got := counted(r)
	if want := "timeout: without a whole answer, and not sent again in time"; got.Errors[want] != 1 || got.Ends[exchange.Cut] != 1 || got.Requests() != 1 {
		t.Errorf("%v, ends %v", got.Errors, got.Ends)
	}
}

// TestDriverStopped: whatever a driver holds when the attack is ended becomes an
// outcome.
func TestDriverStopped(t *testing.T) {
	d, r := lone(t, Config{Requests: 5})
	ticket, _ := d.Next(10)
	at := time.Duration(5) // a moment before that
	d.stopped.Store(&at)
	d.Again(ticket, exchange.NoHTTP2)
	if _, more := d.Rest(20); more {
		t.Error("there is more")
	}
	d.await(30)
	if _, ok := d.Next(30); ok {
		t.Error("a ticket comes after the end")
	}
	if got := counted(r); got.Failed[exchange.Interrupted] != 1 || got.Requests() != 1 {
		t.Errorf("%v", got.Errors)
	}
}

// TestBeat: at which beats connections send, and for how long a request waits for one.
func TestBeat(t *testing.T) {
	for _, tt := range []struct {
		connections, streams int
		rate                 float64
		want                 beat
	}{
		{8, 32, 10_000, beat{}},
		{8, 32, 20_000, beat{800 * time.Microsecond, 1}},
		{8, 32, 150_000, beat{800 * time.Microsecond, 4}},
		{8, 32, 1_000_000, beat{800 * time.Microsecond, 8}}, // no more than there are
		{8, 1, 150_000, beat{}},                             // nothing can come along
		{8, 32, 11_000, beat{}},                             // nothing would
		{1, 32, 150_000, beat{100 * time.Microsecond, 1}},
		{64, 8, 150_000, beat{time.Millisecond, 5}},
		{512, 8, 150_000, beat{}},
	} {
		if got := beatOf(tt.connections, tt.streams, tt.rate); got != tt.want {
			t.Errorf("%d connections of %d streams at %v/s: %+v, want %+v", tt.connections, tt.streams, tt.rate, got, tt.want)
		}
	}
	b := beat{800 * time.Microsecond, 4}
	for _, tt := range []struct {
		due  time.Duration
		lane uint64
		want time.Duration
	}{
		{0, 0, 800}, {1, 0, 799}, {799, 0, 1}, {800, 0, 800}, {8000, 4, 800},
		{0, 1, 200}, {199, 1, 1}, {200, 1, 800}, {0, 3, 600}, {700, 7, 700},
	} {
		if got := b.wait(tt.due*time.Microsecond, tt.lane); got != tt.want*time.Microsecond {
			t.Errorf("due at %d µs on lane %d: waits %v, want %d µs", tt.due, tt.lane, got, tt.want)
		}
	}
	for due, want := range map[time.Duration]time.Duration{0: 200, 199: 200, 200: 400, 1000: 1200} {
		if got := b.next(due * time.Microsecond); got != want*time.Microsecond {
			t.Errorf("the next beat behind %d µs is at %v, want %d µs", due, got, want)
		}
	}
	if got := (beat{}).next(7); got != 7 || (beat{}).wait(7, 1) != 0 {
		t.Errorf("without a beat a request leaves at %v, want when it is due", got)
	}
}
