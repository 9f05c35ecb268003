package stream

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/server/memory"
)

// plain is a store without entries, of so many bytes.
type plain struct{ limit, reserved atomic.Int64 }

func (p *plain) Reserve(n int64) bool {
	if p.reserved.Add(n) > p.limit.Load() {
		p.reserved.Add(-n)
		return false
	}
	return true
}
func (p *plain) ForceReserve(n int64) { p.reserved.Add(n) }
func (p *plain) Trim() (bool, int64)  { return false, 0 }
func (p *plain) Release(n int64)      { p.reserved.Add(-n) }
func (p *plain) Reserved() int64      { return p.reserved.Load() }
func (p *plain) Used() int64          { return p.reserved.Load() }

// deaf is a sender that does not end when it is cut.
type deaf struct{}

func (deaf) Cut(*memory.Ticket) {}

func never() time.Time { return time.Time{} }

// TestOutputWithoutMemory: a writer for which there is no memory waits while the
// connection has yet to take what it wrote before, and else fails.
func TestOutputWithoutMemory(t *testing.T) {
	const block = 4 << 10
	for _, tt := range []struct {
		about  string
		before int           // bytes written before
		room   bool          // there is memory after a second, and the connection takes what waits
		within time.Duration // of a deadline; 0: none
		took   time.Duration
		err    error
	}{
		{"nothing waits: it fails at once", 0, false, 0, 0, ErrMemory},
		{"something waits, and then there is room", 100, true, 0, time.Second, nil},
		{"something waits, and stays", 100, false, 0, memoryWait, ErrMemory},
		{"its own deadline comes first", 100, false, 3 * time.Second, 3 * time.Second, errDeadline},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(plain)
				store.limit.Store(16 * block)
				ticket := memory.New(store, 16*block).Join(deaf{}, nil, time.Now())
				o := NewOutput(ticket)
				if _, err := o.write(make([]byte, tt.before), never, func() {}); err != nil {
					t.Fatal(err)
				}
				store.limit.Store(store.Reserved())
				if tt.room {
					time.AfterFunc(time.Second, func() {
						store.limit.Store(16 * block)
						o.Take(nil, tt.before)
					})
				}
				deadline := never
				if tt.within > 0 {
					end := time.Now().Add(tt.within)
					deadline = func() time.Time { return end }
				}
				began := time.Now()
				_, err := o.write(make([]byte, 2*block), deadline, func() {})
				if took := time.Since(began); !errors.Is(err, tt.err) || took != tt.took {
					t.Errorf("%v after %v, want %v after %v", err, took, tt.err, tt.took)
				}
				o.Fail(errAnswered)
				if n := store.Reserved(); n != 0 {
					t.Errorf("%d bytes are reserved after the end", n)
				}
			})
		})
	}
}

// TestDrainedTakesNoMemory: what both sides hold is counted with the memory that
// it takes, and nothing when the other side has taken all.
func TestDrainedTakesNoMemory(t *testing.T) {
	store := new(plain)
	store.limit.Store(1 << 20)
	ticket := memory.New(store, 1<<20).Join(deaf{}, nil, time.Now())
	o, b := NewOutput(ticket), NewBody(ticket, func(int) {}, nil)
	for n := 1; n <= maxOutput; n *= 3 {
		if _, err := o.write(make([]byte, n), never, func() {}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Add(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if got, want := store.Reserved(), int64(2*capFor(n)); got != want {
			t.Errorf("%d bytes are reserved for %d both ways, want %d", got, n, want)
		}
		if out, part := o.Take(nil, n); len(out) != n || part.More {
			t.Errorf("%d bytes came out of %d", len(out), n)
		}
		if got, err := b.Read(make([]byte, n)); got != n || err != nil {
			t.Errorf("read %d of %d: %v", got, n, err)
		}
		if n := store.Reserved(); n != 0 {
			t.Errorf("%d bytes are reserved for nothing", n)
		}
	}
}
