package access

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// Mode is which requests are in the log. Each logs what the one before does,
// and more.
type Mode string

const (
	Off     Mode = "off"
	Errors  Mode = "errors"  // statuses from 400, and what was aborted
	Sampled Mode = "sampled" // and one of so many others
	All     Mode = "all"
)

// Format is the form of a line.
type Format string

const (
	Common   Format = "common"   // NCSA's, as Apache's %h %l %u %t "%r" %>s %b
	Combined Format = "combined" // and Referer and User-Agent
	JSON     Format = "json"
)

// Config is what a Recorder needs. All fields are required, but Rate, Fields, Traces, Sample
// if Mode is not Sampled, and Format and File if it is Off.
type Config struct {
	Mode    Mode
	Sample  int // of how many one is logged, on average
	Format  Format
	Fields  []string // members of a JSON line, see [FieldNames]; nil: the usual ones
	File    string   // is appended to; Stdout for standard output
	Rate    int64    // bytes per second that lines may fill, see budget; 0: no limit
	Metrics *metrics.Hotpath
	Log     *slog.Logger   // for what goes wrong with the access log
	Traces  *traces.Tracer // nil: no request is traced
}

const (
	// hotEvery is of how many requests one counts for the hottest keys, on
	// average, if the log does not take more. At a hundred requests a
	// second that are some in a minute; at full speed hundreds a second. If
	// it does, one in hotLeast counts: a key that is new to the list costs the
	// writer several times what a line does.
	hotEvery = 1024
	hotLeast = 100

	// linger is how long the writer lets records gather, so that the whole
	// server's are a write or two.
	linger = 100 * time.Millisecond

	// closeTime is how long Close waits for a file that takes nothing.
	closeTime = time.Second
)

// Recorder is what all connections share: see the package comment. [New] makes
// one.
type Recorder struct {
	cfg     Config
	rates   atomic.Pointer[rates]
	stripes *stripes
	secure  bool // lines have something of TLS
	details bool // lines have something of details
	hot     hot

	format formatter // the writer's
	sink   sink      // the writer's
	budget budget    // the writer's
	lines  []byte    // the writer's
	record record    // the writer's: the one that it is about

	reopen  chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
}

// New opens the file and starts the writer, which [Recorder.Close] ends.
func New(cfg Config) (*Recorder, error) {
	members, kinds, err := membersOf(cfg.Fields)
	if err != nil {
		return nil, err
	}
	size := stripeSize
	if cfg.Mode == Off {
		size = hotSize
	}
	r := &Recorder{
		cfg:     cfg,
		stripes: newStripes(size),
		hot:     newHot(time.Now()),
		format:  formatter{format: cfg.Format, members: members},
		budget:  newBudget(cfg.Rate, time.Now()),
		sink:    sink{name: cfg.File, metrics: cfg.Metrics, log: cfg.Log},
		reopen:  make(chan struct{}, 1),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	r.TraceRate()
	if cfg.Mode != Off && cfg.Format == JSON {
		r.secure, r.details = kinds&ofTLS != 0, kinds&ofDetails != 0
	}
	if cfg.Mode == Sampled {
		r.format.sample = cfg.Sample
	}
	if cfg.Mode != Off {
		if err := r.sink.open(); err != nil {
			return nil, fmt.Errorf("opening the access log: %w", err)
		}
	}
	go r.write()
	return r, nil
}

// Reopen makes the writer open the file by its name again: after it was renamed.
// A file that cannot be opened is logged, and the old one kept.
func (r *Recorder) Reopen() { raise(r.reopen) }

// Top returns the n hottest keys, the hottest first.
func (r *Recorder) Top(n int) []HotKey { return r.hot.top(n, time.Now()) }

var errStuck = errors.New("the access log takes nothing: its last records are lost")

// Close writes what was recorded and closes the file. What is recorded
// afterwards is lost. If the file takes nothing, it gives up after a second,
// with an error. A second Close does nothing.
func (r *Recorder) Close() (err error) {
	r.once.Do(func() {
		close(r.stop)
		select {
		case <-r.stopped:
		case <-time.After(closeTime):
			err = errStuck
		}
	})
	return err
}

// write is the writer's goroutine.
func (r *Recorder) write() {
	defer close(r.stopped)
	var due <-chan time.Time
	for {
		select {
		case <-r.stripes.news:
			if due == nil {
				due = time.After(linger)
			}
			continue
		case <-due:
		case <-r.stripes.half:
		case <-r.reopen:
			r.drain() // what was recorded before belongs to the old file
			r.sink.reopen()
		case <-r.stop:
			r.drain()
			r.sink.close()
			return
		}
		due = nil
		r.drain()
	}
}

// writeSize is how much is written at once.
const writeSize = 64 << 10

func (r *Recorder) drain() {
	now, rates := time.Now(), r.rates.Load()
	r.stripes.drain(func(batch []byte) {
		for len(batch) > 0 {
			rec := &r.record
			*rec, batch = takeRecord(batch)
			if rec.flags&flagChosen != 0 && oneIn(rates.hotThin) {
				r.hot.add(rec.path.b, rates.every*rates.hotThin, now)
			}
			r.serve(rec)
			if rec.flags&flagLogged == 0 {
				continue
			}
			if !r.budget.left(now) {
				r.count(0, metrics.LogDropped, 1)
				continue
			}
			had := len(r.lines)
			r.lines = r.format.appendLine(r.lines, rec)
			r.budget.spend(len(r.lines) - had)
			if len(r.lines) >= writeSize {
				r.flush(now)
			}
		}
	})
	r.flush(now)
}

func (r *Recorder) flush(now time.Time) {
	if len(r.lines) > 0 {
		r.sink.write(r.lines, now)
		r.lines = r.lines[:0]
	}
}

func (r *Recorder) count(s metrics.Stripe, outcome metrics.LogOutcome, n uint64) {
	r.cfg.Metrics.AccessLog.Add(s, outcome, n)
}
