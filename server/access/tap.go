package access

import (
	"crypto/tls"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// Tap is a connection's way to the recorder. It belongs to the connection's
// goroutine. The zero Tap records nothing.
//
// A hit that is answered within its turn goes through Due and, rarely, Hit;
// whatever takes longer through Keep and EndKept, or through End alone, when it
// is over. Flush ends the turn.
type Tap struct {
	recorder *Recorder
	batch    *batch // of this turn; nil: empty
	left     uint32 // hits until the next one that is chosen, itself counted
	stripe   metrics.Stripe
	protocol Protocol
	next     uses // of the one that is chosen next
	secure   *Secure
}

// batch is what a turn recorded.
type batch struct {
	records []byte
	logged  uint64    // how many of them are lines of the log
	traced  uint64    // and how many of them are traced
	turn    time.Time // when it began, for a record whose duration is the turn's
}

// batchSize is how large a batch grows before it is handed over in the middle
// of a turn: some eighty records.
const batchSize = 16 << 10

var batches = sync.Pool{New: func() any { return &batch{records: make([]byte, 0, batchSize+maxRecord)} }}

// Tap makes the Tap of a connection, c if it has TLS. r may be nil: the Tap records
// nothing then.
func (r *Recorder) Tap(p Protocol, s metrics.Stripe, c *tls.Conn) Tap {
	if r == nil || !r.secure {
		return r.TapOf(p, s, &unknown)
	}
	return r.TapOf(p, s, SecureOf(c))
}

// TapOf is Tap for what the connection's handshake has agreed on. An engine whose
// requests have a goroutine each makes one for each of them: a hit is chosen as
// often.
func (r *Recorder) TapOf(p Protocol, s metrics.Stripe, secure *Secure) Tap {
	if r == nil {
		return Tap{}
	}
	t := Tap{recorder: r, stripe: s, protocol: p, secure: secure}
	t.draw()
	return t
}

// draw draws how many hits it is to the next one that is chosen, and what for. The
// gaps of a geometric distribution choose each hit independently of all others,
// with the same probability: a connection with a single request is chosen as often
// as its share, and a client that asks for the same hundred pages in turn does not
// have the same one chosen each time.
func (t *Tap) draw() {
	r := t.recorder.rates.Load()
	t.left = uint32(1 + min(rand.ExpFloat64()*r.meanGap, math.MaxUint32-1))
	t.next = r.draw()
}

// Trace decides whether an exchange that begins now is traced; nil: it is not. It
// is the handler's, and the Trace of the exchange's [Answer]. r is borrowed.
func (t *Tap) Trace(r *message.Request) *traces.Request {
	if t.recorder == nil {
		return nil
	}
	return t.recorder.cfg.Traces.Begin(r.Client, r.Fields)
}

// Account is where those who answer an exchange that begins now note what the log
// has of it; nil if it has nothing of that.
func (t *Tap) Account() *message.Account {
	if t.recorder == nil || !t.recorder.details {
		return nil
	}
	return new(message.Account)
}

// Due counts a hit and reports whether it may have to be recorded: then Hit is
// to be called.
func (t *Tap) Due(status int) bool {
	t.left--
	return t.left == 0 || status >= errorStatus
}

// Hit records the hit for which Due was just true. request is from
// [AppendRequest].
func (t *Tap) Hit(request []byte, a Answer) {
	r := t.recorder
	if r == nil {
		return
	}
	var u uses
	if t.left == 0 {
		u = t.next
		t.draw()
	}
	t.add(request, a, u)
}

// Keep reports whether a record of an exchange that begins now can be used: its
// request is to be kept until it ends, for EndKept. Without a log those are few,
// chosen here; with one all, since each may end as an error.
func (t *Tap) Keep() bool {
	switch r := t.recorder; {
	case r == nil:
		return false
	case r.cfg.Mode == Off:
		return oneIn(r.rates.Load().every)
	}
	return true
}

// EndKept records an exchange that has ended, if it is one of those to be
// recorded and Keep was true for it.
func (t *Tap) EndKept(request []byte, a Answer) {
	r := t.recorder
	if r == nil {
		return
	}
	// Without a log Keep has chosen it, unless it was kept for its trace.
	var u uses
	if rates := r.rates.Load(); r.cfg.Mode == Off && a.Trace == nil || oneIn(rates.every) {
		u = rates.draw()
	}
	if a.Handled {
		u.traced = false // that was decided when it began
	}
	t.add(request, a, u)
}

// End is Keep and EndKept for an exchange whose request is at hand at its end.
func (t *Tap) End(request []byte, a Answer) {
	if a.Trace != nil || t.Keep() {
		t.EndKept(request, a)
	}
}

// SetProtocol is for a connection whose requests differ in it.
func (t *Tap) SetProtocol(p Protocol) { t.protocol = p }

func (t *Tap) add(request []byte, a Answer, u uses) {
	logged, traced := t.recorder.logs(&a, u.sampled), u.traced || a.Trace != nil
	if !logged && !traced && !u.chosen {
		return
	}
	b := t.batch
	if b == nil {
		b = batches.Get().(*batch)
		t.batch = b
	}
	var flags byte
	if u.chosen {
		flags |= flagChosen
	}
	if traced {
		b.traced++
	}
	if u.traced {
		flags |= flagTraced
	}
	if logged {
		flags |= flagLogged
		b.logged++
	}
	if a.Duration == 0 {
		b.turn = a.Began
	}
	if logged && t.recorder.details {
		flags |= flagDetails
	}
	b.records = appendRecord(b.records, request, &a, flags, t.protocol, t.secure)
	if len(b.records) >= batchSize {
		t.Flush(time.Since(b.turn))
	}
}

// logs reports whether an exchange is to be in the log.
func (r *Recorder) logs(a *Answer, sampled bool) bool {
	switch r.cfg.Mode {
	case All:
		return true
	case Sampled:
		return a.fault() || sampled
	case Errors:
		return a.fault()
	}
	return false
}

// oneIn is true once in n times, by chance.
func oneIn(n float64) bool { return n <= 1 || rand.Float64()*n < 1 }

// Flush hands over what the turn recorded. took is how long the turn took, and
// becomes the duration of its hits.
func (t *Tap) Flush(took time.Duration) {
	if t.batch != nil {
		t.handOver(took)
	}
}

func (t *Tap) handOver(took time.Duration) {
	b := t.batch
	t.batch = nil
	setTook(b.records, took)
	if !t.recorder.stripes.put(int(t.stripe), b.records) {
		t.recorder.count(t.stripe, metrics.LogDropped, b.logged)
		t.recorder.cfg.Metrics.TraceSpans.Add(t.stripe, metrics.SpanDropped, b.traced)
	}
	b.records, b.logged, b.traced = b.records[:0], 0, 0
	batches.Put(b)
}
