// Package edge turns a request into a response: it finds the request's site and
// what is stored, and on a miss fetches from the site's origin.
//
//	request ─ Look ──────────── hit ──────────────────▶ response        look.go
//	   └──── Serve ─ site? method? reuse? ─┬─ pass ───▶ origin           serve.go
//	                                       └─ flight ─▶ fetch ─▶ origin  share.go, flight.go, fetch.go
//	                                             the fetch decides at the head: sink.go
//	                   storable      a growing body, which all waiting requests follow: storing.go
//	                   not storable  for the request that began it; the others fetch for themselves
//	                   304, HEAD     what is stored is updated: validate.go, variants.go
//	Look ─ stale while revalidating ─ a fetch in the background          revalidate.go
//	   └── a coding that is missing ─── made in the background            coding.go, compress.go
//
// Every decision of caching is package rfc9111's; what is stored is package
// store's.
//
// # Concurrency
//
// All methods are safe for concurrent use. [Edge.Look] and [Edge.Again] are the
// engines' fast path: they neither block nor allocate, but for the one hit that
// starts a revalidation. [Edge.Serve] has a goroutine of its own for each
// exchange; a fetch of an upstream runs on that of the exchange that began it, and
// outlives it if others follow. A fetch of a file has one of its own.
//
// # Limits
//
// Fetches of files in progress, those that wait for their turn, and
// revalidations are bounded; see [Config]. Upstreams have limits of their own.
// What arrives is within the memory ledger. A panic in the origin fails its fetch
// and nothing else.
package edge

import (
	"cmp"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/missed"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

const (
	// fetchQueue is what 256 fetches of 10 ms work off in 40 ms: beyond that,
	// waiting only makes all of them late.
	fetchQueue = 1024

	// fetchTimeout is when a client has given up anyway.
	fetchTimeout = 30 * time.Second

	// maxRevalidations is how many goroutines hits may start. A stat takes
	// some microseconds, so that 64 at once keep every key of a large
	// cache fresh.
	maxRevalidations = 64
)

// Config is what an Edge may do at once.
type Config struct {
	// Fetches is how many files are fetched at once. Required.
	Fetches int

	// MaxStored is the largest body that is stored, in bytes. Required.
	MaxStored int64

	// Queue is how many fetches of files may wait for their turn; beyond it a
	// miss is answered with 503. Zero means 1,024.
	Queue int

	// FetchTimeout is how long a miss of a file waits for its turn and its
	// fetch; after it the answer is 504. Zero means 30 s.
	FetchTimeout time.Duration

	// Compressors is how many contents are compressed at once; see
	// [Edge.SetCompressors].
	Compressors int

	// Traces are those of requests; nil for none.
	Traces *traces.Tracer
}

// Edge answers requests; see the package comment. [New] makes one.
type Edge struct {
	sites   atomic.Pointer[site.Table]
	store   *store.Store
	traces  *traces.Tracer
	metrics *metrics.Hotpath
	stripe  metrics.Stripe
	log     *slog.Logger
	failed  limit.PerSecond // failures that are logged

	timeout       time.Duration
	maxStored     int64
	bulkhead      *bulkhead
	revalidations chan struct{} // a permit for each

	compressors *encode.Queue

	changes *changes
	missed  missed.Counter
	slowest missed.Slowest
	queried atomic.Bool // an answer to a QUERY was stored

	mu      sync.Mutex
	flights map[string]*flight // by the key of what is fetched
}

var (
	_ message.Source  = (*Edge)(nil)
	_ message.Handler = (*Edge)(nil)
)

// New makes an edge for the sites of t that stores in s.
func New(t *site.Table, s *store.Store, m *metrics.Hotpath, log *slog.Logger, config Config) *Edge {
	e := &Edge{
		store:         s,
		traces:        config.Traces,
		metrics:       m,
		stripe:        m.Stripe(),
		log:           log,
		timeout:       cmp.Or(config.FetchTimeout, fetchTimeout),
		maxStored:     config.MaxStored,
		bulkhead:      newBulkhead(config.Fetches, cmp.Or(config.Queue, fetchQueue)),
		revalidations: make(chan struct{}, maxRevalidations),
		changes:       newChanges(),
		flights:       make(map[string]*flight),
	}
	e.sites.Store(t)
	e.missed.Many = e.warnOfKeys
	e.compressors = encode.NewQueue(s.Ledger(), e.compress)
	e.SetCompressors(config.Compressors)
	return e
}

// SetCompressors changes how many contents are compressed at once; 0: none.
func (e *Edge) SetCompressors(n int) { e.compressors.Set(n) }

// Site is the site of a host, nil if there is none.
func (e *Edge) Site(host string) *site.Site { return e.sites.Load().Find(host) }

// SetSites changes what is served, for every look from here on. A request that
// has its site keeps it; the sites of the table before that are not in t may be
// retired now ([site.Site.Retire]).
func (e *Edge) SetSites(t *site.Table) { e.sites.Store(t) }

// Forget makes connections forget what they remember of requests: each is looked up
// again.
func (e *Edge) Forget() {
	for {
		t := e.sites.Load()
		if e.sites.CompareAndSwap(t, t.Renewed()) {
			return
		}
	}
}
