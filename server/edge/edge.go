// Package edge turns a request into a response: it names the request's key,
// looks in the cache, and on a miss asks the origin.
//
//	             ┌ Key, Find ──────────── hit ─┐                          source.go
//	request ─────┤                             ├─ response
//	             └ ServeHTTP ─ Get ─ fetch ─ origin                       serve.go
//	                            └─ one flight for each key                flight.go
//	                                      └─ so many at once              bulkhead.go
//	Find ─ past its fresh lifetime ─ revalidation in the background       revalidate.go
//
// # Concurrency
//
// All methods are safe for concurrent use. [Edge.Key] and [Edge.Find] are the
// engines' first door: they neither block nor allocate, but for the one hit
// that starts a revalidation. [Edge.ServeHTTP] and [Edge.Get] wait for the
// origin, each on the goroutine of its caller; the fetch itself has a goroutine
// of its own, so that a caller that leaves takes nothing away from the others.
//
// # Limits
//
// Fetches in progress, those that wait for their turn, and revalidations are
// bounded; see [Config]. A panic in the origin fails its fetch and nothing else.
package edge

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

const (
	// DefaultFetches keeps a disk or an upstream busy, and the goroutines
	// and bodies of fetches within some tens of MiB.
	DefaultFetches = 256

	// DefaultQueue is what 256 fetches of 10 ms work off in 40 ms: beyond
	// that, waiting only makes everybody late.
	DefaultQueue = 1024

	// DefaultFetchTimeout is when a client has given up anyway.
	DefaultFetchTimeout = 30 * time.Second

	// maxRevalidations is how many goroutines hits may start. A stat takes
	// some microseconds, so that 64 at once keep every key of a large
	// cache fresh.
	maxRevalidations = 64
)

// Config is what an Edge may do at once. For each field, zero and less mean the
// default.
type Config struct {
	// Fetches is how many fetches from the origin are in progress at once.
	Fetches int

	// Queue is how many fetches may wait for their turn; beyond it a miss
	// is answered with 503.
	Queue int

	// FetchTimeout is how long a miss waits for its turn and its fetch;
	// after it the answer is 504.
	FetchTimeout time.Duration
}

// Entry is what the cache holds.
type Entry struct {
	answer origin.Answer

	// recheck is the Unix time in nanoseconds from which the next hit
	// starts a revalidation; rechecking while one is under way.
	recheck atomic.Int64
}

// Edge answers requests; see the package comment. [New] makes one.
type Edge struct {
	origin  origin.Origin
	cache   *cache.Cache[*Entry]
	metrics *metrics.Hotpath
	stripe  metrics.Stripe
	log     *slog.Logger

	timeout       time.Duration
	bulkhead      *bulkhead
	revalidations chan struct{} // a permit for each

	mu      sync.Mutex
	flights map[string]*flight // by key
}

var (
	_ message.Source = (*Edge)(nil)
	_ http.Handler   = (*Edge)(nil)
)

// New makes an edge in front of o that stores in c.
func New(o origin.Origin, c *cache.Cache[*Entry], m *metrics.Hotpath, log *slog.Logger, config Config) *Edge {
	if config.Fetches <= 0 {
		config.Fetches = DefaultFetches
	}
	if config.Queue <= 0 {
		config.Queue = DefaultQueue
	}
	if config.FetchTimeout <= 0 {
		config.FetchTimeout = DefaultFetchTimeout
	}
	return &Edge{
		origin:        o,
		cache:         c,
		metrics:       m,
		stripe:        m.Stripe(),
		log:           log,
		timeout:       config.FetchTimeout,
		bulkhead:      newBulkhead(config.Fetches, config.Queue),
		revalidations: make(chan struct{}, maxRevalidations),
		flights:       make(map[string]*flight),
	}
}
