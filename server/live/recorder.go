package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// Config is what a Recorder looks at. All functions must be safe to call from
// any goroutine.
type Config struct {
	Metrics *hotpath.Hotpath
	Cache   func() hotpath.CacheStats
	Ready   func() error // nil, or why requests are not welcome

	// HotKeys returns the n hottest keys, the hottest first.
	HotKeys func(n int) []access.HotKey

	// Sites returns the sites that are served now.
	Sites func() []Site

	// Misses and Slowest return the n paths that miss most, and whose fetches take
	// longest.
	Misses  func(n int) []missed.Path
	Slowest func(n int) []missed.SlowPath

	// Broken returns the files of certificates and keys that cannot be used.
	Broken func() []certs.Broken

	// Memory and Clients return what metrics have of the memory's ledger and of the
	// table of limits.
	Memory  func() hotpath.MemoryStats
	Clients func() hotpath.LimitStats

	Journal *Journal
	Version string
	Shown
}

// Shown is what of a configuration the page shows.
type Shown struct {
	Settings []config.Line
	Capacity *config.Capacity // nil: no load test has shown it
}

// Recorder samples the server, and shows it: it answers / and /live.
type Recorder struct {
	cfg   Config
	page  atomic.Pointer[page]
	start time.Time
	slots chan struct{} // one for each reader
	done  chan struct{} // closed when there will be no more samples

	mu      sync.Mutex
	samples []event // the latest, a ring once it is full: the oldest at next
	next    int
	latest  []event       // of those of which only the latest is kept: keys, state, log, notes
	news    chan struct{} // closed when there is something new, and then replaced
}

// event is a message of the stream with the moment it is from.
type event struct {
	at   int64 // ms of Unix time
	data []byte
}

// newEvent encodes an event (WHATWG HTML §9.2.6) that begins with head. JSON has
// no line breaks.
func newEvent(head string, at int64, content any) (event, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return event{}, fmt.Errorf("encoding the event %q: %w", head, err)
	}
	return event{at, fmt.Appendf(nil, "%s\ndata: %s\n\n", head, data)}, nil
}

// New makes a Recorder that does not record yet.
func New(cfg Config) (*Recorder, error) {
	now := time.Now()
	page, err := newPage(cfg, now)
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		cfg:    cfg,
		start:  now,
		slots:  make(chan struct{}, maxReaders),
		done:   make(chan struct{}),
		latest: make([]event, latestEvents),
		news:   make(chan struct{}),
	}
	r.page.Store(&page)
	return r, nil
}

// Show makes a page of another configuration. A page that is opened once show has been
// called shows it.
func (r *Recorder) Show(shown Shown) (show func(), err error) {
	cfg := r.cfg
	cfg.Shown = shown
	page, err := newPage(cfg, r.start)
	if err != nil {
		return nil, err
	}
	return func() { r.page.Store(&page) }, nil
}

// Run records until ctx ends, and then ends all streams. It is called once.
func (r *Recorder) Run(ctx context.Context) error {
	defer close(r.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var w window
	w.add(r.cfg.totals(time.Now()))
	states := newWatch(&r.cfg, time.Now())
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := r.cfg.totals(time.Now())
		var s *state
		if n%stateEvery == 0 {
			s = states.look(now.at)
		}
		if err := r.record(r.cfg.sample(now, w.back(1), w.earlier(now)), s, now.at); err != nil {
			return err
		}
		w.add(now)
	}
}

// The events of which only the latest is kept, in the order in which they are sent.
const (
	keysEvent = iota
	stateEvent
	logEvent
	notesEvent
	latestEvents
)

// record keeps a sample, and a state if there is one, and wakes the readers.
func (r *Recorder) record(s sample, st *state, now time.Time) error {
	// By the monotonic clock: if the other one is set back, readers must
	// not wait for it.
	s.Time = r.start.Add(now.Sub(r.start)).UnixMilli()
	// It alone has an id, and is sent last: a reader that has it has all of
	// that second.
	sampled, err := newEvent(fmt.Sprintf("event: sample\nid: %d", s.Time), s.Time, s)
	if err != nil {
		return err
	}
	fresh := make([]event, latestEvents) // those of now; without data: the one before stays
	if fresh[keysEvent], err = newEvent("event: keys", s.Time, shown(r.cfg.HotKeys(maxKeys))); err != nil {
		return err
	}
	if st != nil {
		if fresh[stateEvent], err = newEvent("event: state", s.Time, st); err != nil {
			return err
		}
	}
	if entries, notes, ok := r.cfg.Journal.news(); ok {
		if fresh[logEvent], err = newEvent("event: log", s.Time, entries); err != nil {
			return err
		}
		if fresh[notesEvent], err = newEvent("event: notes", s.Time, notes); err != nil {
			return err
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range fresh {
		if e.data != nil {
			r.latest[i] = e
		}
	}
	if len(r.samples) < kept {
		r.samples = append(r.samples, sampled)
	} else {
		r.samples[r.next] = sampled
		r.next = (r.next + 1) % kept
	}
	close(r.news)
	r.news = make(chan struct{})
	return nil
}

// hotKey is an [access.HotKey] as it is sent.
type hotKey struct {
	Key   string `json:"key"`
	Share figure `json:"share"`
}

func shown(keys []access.HotKey) []hotKey {
	short := make([]hotKey, len(keys))
	for i := range short {
		short[i] = hotKey{access.Cut(keys[i].Key, maxKeyLength), figure(keys[i].Share)}
	}
	return short
}

// since returns the events from after a moment, the moment of the latest of
// them, and what is closed when there are more.
func (r *Recorder) since(moment int64) (events []byte, latest int64, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b bytes.Buffer
	for _, e := range r.latest {
		if e.at > moment {
			b.Write(e.data)
		}
	}
	latest = moment
	for i := range r.samples {
		if e := r.samples[(r.next+i)%len(r.samples)]; e.at > moment {
			b.Write(e.data)
			latest = e.at
		}
	}
	return b.Bytes(), latest, r.news
}

// ServeHTTP implements [http.Handler].
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/live" {
		r.serveStream(w, req)
		return
	}
	r.page.Load().serve(w)
}
