package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Hotpath holds every instrument of hotpath. Through its Set it is a
// [prometheus.Collector] and hands out stripes:
//
//	m.Requests.Add(stripe, metrics.H2, metrics.Class2xx, metrics.Hit, n)
type Hotpath struct {
	*Set

	Requests        *CounterVec3[Protocol, Class, CacheResult]
	RequestDuration *HistogramVec[CacheResult]

	Connections         *GaugeVec[ConnState]
	ConnectionsAccepted *Counter
	ConnectionsClosed   *CounterVec[CloseReason]
	ConnectionsRefused  *CounterVec[RefuseReason]
	ProxyHeaders        *CounterVec[ProxyOutcome]
	AcceptErrors        *Counter
	Permits             *Level // effective limit
	PermitsInUse        *Gauge
	PermitsConfigured   *Level
	ReceivedBytes       *Counter
	SentBytes           *Counter

	Handshakes           *CounterVec2[TLSVersion, HandshakeOutcome]
	HandshakesResumed    *Counter
	HandshakesInProgress *Gauge
	QUICRetries          *Counter

	StreamsOpen    *Gauge
	Streams        *Counter
	StreamsReset   *CounterVec[Side]
	ProtocolErrors *CounterVec2[ErrorCode, Scope]
	LimitBreaches  *CounterVec[Limit]
	Limited        *CounterVec2[LimitedKind, LimitMode]
	Panics         *Counter

	OriginFetches       *CounterVec[FetchOutcome]
	OriginFetchDuration *Histogram
	CoalescedMisses     *Counter
	Revalidations       *CounterVec[RevalidationOutcome]
	Reasons             *CounterVec[Reason]

	Compressions        *CounterVec2[Coding, CompressionResult]
	CompressionDuration *HistogramVec[Coding]
	CompressedBytes     *CounterVec[Coding] // of contents
	CompressedResult    *CounterVec[Coding] // bytes that were made of them, and stored

	AccessLog  *CounterVec[LogOutcome]
	TraceSpans *CounterVec[SpanOutcome]

	AdminConnections *Level
	AdminRefused     *Counter
	TLSDirect        *Level // 0 or 1

	Certificates       *Level  // in use
	CertificatesBroken *Level  // whose files cannot be used
	KeyFilesBroken     *Level  // that cannot be used
	CertificateExpiry  *Level  // of the first to end: Unix time, s
	CertificateNames   *Levels // by name, the first to end: Unix time, s

	ACMENames    *Level // that certificates are obtained for
	ACMEMissing  *Level // of these, without one in its time
	ACMEAttempts *CounterVec[ACMEOutcome]

	RedirectConnections *Gauge // of the plain HTTP listener

	ConfigLoaded  *Level // Unix time, s
	ConfigRefused *Level // Unix time, s
	ConfigHash    *Level
	Reloads       *CounterVec[ReloadOutcome]
	Draining      *Level // 0 or 1

	Purges *CounterVec[PurgeForm] // targets of them
}

// Options are what NewHotpath needs from outside. The zero value serves a test.
type Options struct {
	// Stripes is the number of stripes; see [NewSet] for zero.
	Stripes int

	// Version is hotpath's own, for hotpath_build_info; "" means "unknown".
	Version string

	// Reasons are the names of the decisions about requests that were not
	// hits, in the order of their numbers; nil means a single one, "none".
	Reasons []string

	// Cache reports the cache's state, from any goroutine, several times
	// for each scrape; nil means an empty cache.
	Cache func() CacheStats

	// Memory reports what the server holds, as Cache does; nil means
	// nothing.
	Memory func() MemoryStats

	// Limits reports what the table of limits holds, as Cache does; nil means
	// nothing.
	Limits func() LimitStats

	// Upstreams reports the servers that misses go to, as Cache does, each URL
	// once; nil means none.
	Upstreams func() []UpstreamStats

	// MissedPaths reports the paths that miss most, as Cache does, each once; nil
	// means none.
	MissedPaths func() []MissedPath
}

// LimitStats is what a table of limits reports at a scrape. Evicted never goes
// back.
type LimitStats struct {
	Entries int64
	Evicted uint64
}

// MemoryStats is what a server reports at a scrape. Cuts never goes back.
type MemoryStats struct {
	Bytes [5]int64 // by Memory
	Cuts  uint64
}

// CacheStats is what a cache reports at a scrape. The counts never go back.
type CacheStats struct {
	Entries, LimitEntries int
	Bytes, LimitBytes     int64

	Hits, Misses uint64
	Expired      uint64    // entries that a lookup found expired
	Rejected     uint64    // values too large to be stored
	Evicted      [4]uint64 // by Eviction
}

// NewHotpath makes all instruments, at zero.
func NewHotpath(o Options) *Hotpath {
	if o.Version == "" {
		o.Version = "unknown"
	}
	if o.Cache == nil {
		o.Cache = func() CacheStats { return CacheStats{} }
	}
	if o.Memory == nil {
		o.Memory = func() MemoryStats { return MemoryStats{} }
	}
	if o.Limits == nil {
		o.Limits = func() LimitStats { return LimitStats{} }
	}
	if o.Upstreams == nil {
		o.Upstreams = func() []UpstreamStats { return nil }
	}
	if o.MissedPaths == nil {
		o.MissedPaths = func() []MissedPath { return nil }
	}
	if o.Reasons == nil {
		o.Reasons = []string{"none"}
	}
	set := NewSet(o.Stripes)
	m := newHotpath(set, o.Reasons)
	watchCache(set, o.Cache)
	watchMemory(set, o.Memory)
	watchLimits(set, o.Limits)
	watchUpstreams(set, o.Upstreams)
	watchMissedPaths(set, o.MissedPaths)
	newBuildInfo(set, o.Version, runtime.Version())
	return m
}

// NewRegistry makes a registry of its own, never the global one, with cs and
// the collectors of the Go runtime and of the process. It panics if two
// collectors claim one name, as [prometheus.Registry.MustRegister] does.
func NewRegistry(cs ...prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(cs...)
	return r
}
