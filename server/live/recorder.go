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
	"github.com/e0ac7cd4/hotpath/server/config"
)

// Config is what a Recorder looks at. All functions must be safe to call from
// any goroutine.
type Config struct {
	Metrics *hotpath.Hotpath
	Cache   func() hotpath.CacheStats
	Ready   func() error // nil, or why requests are not welcome

	// HotKeys returns the n hottest keys, the hottest first.
	HotKeys func(n int) []access.HotKey

	Journal  *Journal
	Settings []config.Line
	Version  string
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
	keys    event         // the latest
	log     event         // the latest
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
		cfg:   cfg,
		start: now,
		slots: make(chan struct{}, maxReaders),
		done:  make(chan struct{}),
		news:  make(chan struct{}),
	}
	r.page.Store(&page)
	return r, nil
}

// Settings makes a page of other settings. A page that is opened once show has been
// called shows them.
func (r *Recorder) Settings(lines []config.Line) (show func(), err error) {
	cfg := r.cfg
	cfg.Settings = lines
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
	for earlier := r.cfg.totals(time.Now()); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := r.cfg.totals(time.Now())
		if err := r.record(r.cfg.sample(now, earlier), now.at); err != nil {
			return err
		}
		earlier = now
	}
}

// record keeps a sample and wakes the readers.
func (r *Recorder) record(s sample, now time.Time) error {
	// By the monotonic clock: if the other one is set back, readers must
	// not wait for it.
	s.Time = r.start.Add(now.Sub(r.start)).UnixMilli()
	// It alone has an id, and is sent last: a reader that has it has all of
	// that second.
	sampled, err := newEvent(fmt.Sprintf("event: sample\nid: %d", s.Time), s.Time, s)
	if err != nil {
		return err
	}
	keys, err := newEvent("event: keys", s.Time, shown(r.cfg.HotKeys(maxKeys)))
	if err != nil {
		return err
	}
	log := r.log
	if entries, ok := r.cfg.Journal.news(); ok {
		if log, err = newEvent("event: log", s.Time, entries); err != nil {
			return err
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys, r.log = keys, log
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
		short[i] = hotKey{cut(keys[i].Key, maxKeyLength), figure(keys[i].Share)}
	}
	return short
}

// since returns the events from after a moment, the moment of the latest of
// them, and what is closed when there are more.
func (r *Recorder) since(moment int64) (events []byte, latest int64, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b bytes.Buffer
	for _, e := range []event{r.keys, r.log} {
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
