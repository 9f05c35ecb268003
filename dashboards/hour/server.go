package hour

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
)

const (
	permits     = 25_000
	cacheLimit  = 100_000 // entries
	cacheBytes  = 2 << 30
	memoryLimit = 3 << 30
	responses   = 14_000 // bytes of each, with what surrounds it
	day         = 24 * time.Hour
)

// server is one process: its instruments and what the scrape reads besides them.
type server struct {
	m       *metrics.Hotpath
	random  *rand.Rand
	began   time.Time
	process process

	cache  metrics.CacheStats
	memory metrics.MemoryStats
	limits metrics.LimitStats

	upstreams []metrics.UpstreamStats // the last one is what fails
	missed    []metrics.MissedPath
}

// newServer is one that began at a time, with the configuration of that number.
func newServer(began time.Time, seed uint64, configuration int64) *server {
	s := &server{began: began, random: rand.New(rand.NewPCG(seed, 0))}
	s.cache.LimitEntries, s.cache.LimitBytes = cacheLimit, cacheBytes
	s.cache.Entries = cacheLimit * 4 / 5
	s.m = metrics.NewHotpath(metrics.Options{
		Stripes: 1, Version: "1.0.0", Reasons: reasons(),
		Cache:  func() metrics.CacheStats { return s.cache },
		Memory: func() metrics.MemoryStats { return s.memory },
		Limits: func() metrics.LimitStats { return s.limits },

		Upstreams:   func() []metrics.UpstreamStats { return s.upstreams },
		MissedPaths: func() []metrics.MissedPath { return s.missed },
	})
	for _, url := range []string{"http://10.0.0.11:8080", "http://10.0.0.12:8080"} {
		s.upstreams = append(s.upstreams, metrics.UpstreamStats{URL: url, Usable: true})
	}
	m := s.m
	m.Permits.Set(permits)
	m.PermitsConfigured.Set(permits)
	m.TLSDirect.Set(1)
	m.AdminConnections.Set(1)
	m.ACMENames.Set(1)
	m.Certificates.Set(3)
	m.ConfigLoaded.Set(began.Unix())
	m.ConfigHash.Set(configuration)
	s.certificates(began, 74*day)
	s.process = process{start: began, descriptors: 20_000 + permits}
	return s
}

// certificates are what is in use, of which one ends so long after now.
func (s *server) certificates(now time.Time, first time.Duration) {
	ends := map[string]int64{
		"www.shop.example": now.Add(81 * day).Unix(),
		"api.shop.example": now.Add(88 * day).Unix(),
		"old.shop.example": now.Add(first).Unix(),
	}
	s.m.CertificateNames.Set(ends)
	s.m.CertificateExpiry.Set(ends["old.shop.example"])
}

// reasons are the names of the decisions about requests that were no hits.
func reasons() []string {
	names := make([]string, rfc9111.Reasons)
	for i := range names {
		names[i] = rfc9111.Reason(i).String()
	}
	return names
}

// count is how many of something happen in a step, at so many a second: a whole
// number whose mean is right also if that is below one.
func (s *server) count(perSecond float64) uint64 {
	if perSecond <= 0 {
		return 0
	}
	n := perSecond * Scrape.Seconds() * (0.96 + 0.08*s.random.Float64())
	whole := math.Floor(n)
	if s.random.Float64() < n-whole {
		whole++
	}
	return uint64(whole)
}

// step is a scrape's interval of traffic, and of a load test.
func (s *server) step(t traffic, load test) {
	served := t.rate + load.reached
	s.requests(t)
	if load.asked > 0 {
		s.answer(metrics.H2, metrics.Class2xx, metrics.Hit, s.count(load.reached), load.mean*4/5)
	}
	s.connections(t)
	s.origin(t)
	s.store(t)
	s.process.step(s.random, served, t)
	s.behind(t, served)
}

// requests are those of clients, by protocol, class and cache result.
func (s *server) requests(t traffic) {
	hits := 1 - t.miss - t.bypass - t.failing
	plain := hits - t.moved - t.notFound
	for _, p := range []struct {
		protocol metrics.Protocol
		share    float64
	}{{metrics.H1, 0.15}, {metrics.H2, 0.75}, {metrics.H3, 0.1}} {
		rate := t.rate * p.share
		s.answer(p.protocol, metrics.Class2xx, metrics.Hit, s.count(rate*plain), t.hitTime)
		s.answer(p.protocol, metrics.Class3xx, metrics.Hit, s.count(rate*t.moved), t.hitTime)
		s.answer(p.protocol, metrics.Class4xx, metrics.Hit, s.count(rate*t.notFound), t.hitTime)
		s.answer(p.protocol, metrics.Class2xx, metrics.Miss, s.count(rate*t.miss), t.missTime)
		s.answer(p.protocol, metrics.Class5xx, metrics.Miss, s.count(rate*t.failing), t.missTime)
		s.answer(p.protocol, metrics.Class2xx, metrics.Bypass, s.count(rate*t.bypass*0.9), 40*t.missTime/10)
		s.answer(p.protocol, metrics.Class4xx, metrics.Bypass, s.count(rate*t.bypass*0.1), t.hitTime)
	}
	all := s.count(t.rate)
	s.m.Streams.Add(0, all*85/100)
	s.m.StreamsReset.Add(0, metrics.ByPeer, s.count(t.rate/2000))
	s.m.StreamsReset.Add(0, metrics.ByUs, s.count(t.broken/4))
	set(s.m.StreamsOpen, t.connections/8)
}

// spread is how a mean is made up: shares of requests and how long they take, as
// multiples of the mean.
var spread = []struct{ share, times float64 }{
	{0.5, 0.5}, {0.3, 0.9}, {0.15, 1.5}, {0.04, 4}, {0.01, 9.5},
}

func (s *server) answer(p metrics.Protocol, c metrics.Class, r metrics.CacheResult, n uint64, mean time.Duration) {
	s.m.Requests.Add(0, p, c, r, n)
	divide(s.random, n, mean, func(d time.Duration, n uint64) { s.m.RequestDuration.ObserveN(0, r, d, n) })
	s.m.SentBytes.Add(0, n*responses)
	s.m.ReceivedBytes.Add(0, n*80)
}

// divide gives n events with that mean to observe.
func divide(random *rand.Rand, n uint64, mean time.Duration, observe func(time.Duration, uint64)) {
	left := n
	for i := len(spread) - 1; i > 0; i-- { // the rare ones first, which must be whole
		part := spread[i].share*float64(n) + random.Float64()
		k := min(uint64(part), left)
		if k > 0 {
			observe(time.Duration(float64(mean)*spread[i].times*(0.8+0.4*random.Float64())), k)
		}
		left -= k
	}
	if left > 0 {
		observe(time.Duration(float64(mean)*spread[0].times), left)
	}
}

// connections are what clients hold, and what they are refused.
func (s *server) connections(t traffic) {
	m := s.m
	shares := []float64{0.002, 0.2, 0.7, 0.098} // by ConnState
	for state, share := range shares {
		move(int64(share*float64(t.connections)), m.Connections.Value(metrics.ConnState(state)),
			func(n int64) { m.Connections.Add(0, metrics.ConnState(state), n) })
	}
	set(m.PermitsInUse, t.connections)
	fresh := float64(t.connections)/60 + t.refused
	m.ConnectionsAccepted.Add(0, s.count(fresh))
	m.ConnectionsClosed.Add(0, metrics.ClosePeer, s.count(fresh*0.7))
	m.ConnectionsClosed.Add(0, metrics.CloseIdle, s.count(fresh*0.28))
	m.ConnectionsClosed.Add(0, metrics.CloseLimit, s.count(t.broken))
	m.ConnectionsRefused.Add(0, metrics.RefusePermits, s.count(t.refused))
	m.ConnectionsRefused.Add(0, metrics.RefuseHandshakes, s.count(t.refused/6))
	m.AcceptErrors.Add(0, s.count(t.refused/500))
	m.Handshakes.Add(0, metrics.TLS13, metrics.HandshakeOK, s.count(fresh*0.95))
	m.Handshakes.Add(0, metrics.TLS12, metrics.HandshakeOK, s.count(fresh*0.04))
	m.Handshakes.Add(0, metrics.TLSNone, metrics.HandshakeError, s.count(fresh*0.01))
	m.Handshakes.Add(0, metrics.TLSNone, metrics.HandshakeTimeout, s.count(t.refused/20))
	m.HandshakesResumed.Add(0, s.count(fresh*0.4))
	set(m.HandshakesInProgress, t.connections/500)
	m.QUICRetries.Add(0, s.count(t.refused/10))
	m.ProxyHeaders.Add(0, metrics.ProxyNamed, s.count(fresh*0.1))
	m.ProxyHeaders.Add(0, metrics.ProxyMissing, s.count(t.refused/200))
	set(m.RedirectConnections, t.connections/400)

	m.LimitBreaches.Add(0, metrics.LimitIdleTimeout, s.count(fresh*0.28))
	for i, limit := range []metrics.Limit{
		metrics.LimitHandshakeTimeout, metrics.LimitHeadTimeout, metrics.LimitEarlyReset, metrics.LimitControlFrames,
		metrics.LimitHelloTimeout, metrics.LimitWriteTimeout, metrics.LimitOutputMemory, metrics.LimitExchanges,
	} {
		m.LimitBreaches.Add(0, limit, s.count(t.broken/float64(2+i)))
	}
	for code := metrics.ProtocolError; code <= metrics.UnknownError; code++ {
		m.ProtocolErrors.Add(0, code, metrics.ScopeStream, s.count(t.broken*t.pressure/float64(4+code)))
		m.ProtocolErrors.Add(0, code, metrics.ScopeConnection, s.count(t.broken*t.pressure/float64(9+code)))
	}
	m.ProtocolErrors.Add(0, metrics.RefusedStream, metrics.ScopeStream, s.count(t.broken))
	m.ProtocolErrors.Add(0, metrics.NoError, metrics.ScopeConnection, s.count(t.broken/2))
	m.Limited.Add(0, metrics.LimitedRequests, metrics.LimitRefuse, s.count(t.broken*t.pressure*40))
	m.Limited.Add(0, metrics.LimitedConnections, metrics.LimitRefuse, s.count(t.broken*t.pressure))
	m.Limited.Add(0, metrics.LimitedHandshakes, metrics.LimitDryRun, s.count(t.broken*t.pressure/2))
	s.limits.Entries = t.connections / 3
	s.limits.Evicted += s.count(t.broken * t.pressure / 9)
}

// origin is what misses ask of it.
func (s *server) origin(t traffic) {
	m := s.m
	misses := t.rate * (t.miss + t.failing)
	coalesced := misses / 5
	fetches := misses - coalesced
	m.CoalescedMisses.Add(0, s.count(coalesced))
	failed := fetches * t.fetchFails
	m.OriginFetches.Add(0, metrics.FetchOK, s.count((fetches-failed)*0.96))
	m.OriginFetches.Add(0, metrics.FetchNotFound, s.count((fetches-failed)*0.03))
	m.OriginFetches.Add(0, metrics.FetchCanceled, s.count((fetches-failed)*0.01))
	m.OriginFetches.Add(0, metrics.FetchError, s.count(failed*0.5))
	m.OriginFetches.Add(0, metrics.FetchTimeout, s.count(failed*0.3))
	m.OriginFetches.Add(0, metrics.FetchRefused, s.count(failed*0.2))
	for i := range s.upstreams {
		u := &s.upstreams[i]
		last := i == len(s.upstreams)-1
		u.Usable = !last || t.fetchFails == 0
		share := 1 / float64(len(s.upstreams))
		if !u.Usable {
			share = 0.02 // it is tried now and then
		}
		n := s.count(fetches * share)
		u.Fetches += n
		if last {
			u.Failures += min(s.count(failed), n)
		}
	}
	divide(s.random, s.count(fetches), t.missTime, func(d time.Duration, n uint64) { m.OriginFetchDuration.ObserveN(0, d, n) })
	m.Revalidations.Add(0, metrics.RevalidationSame, s.count(misses/8))
	m.Revalidations.Add(0, metrics.RevalidationChanged, s.count(misses/30))
	m.Revalidations.Add(0, metrics.RevalidationError, s.count(misses*t.fetchFails/8))
	s.missed = s.missed[:0]
	for i, path := range []string{"/search", "/cart", "/suggest", "/item"} {
		s.missed = append(s.missed, metrics.MissedPath{Site: "www.shop.example", Path: "www.shop.example" + path, Rate: misses / float64(int(2)<<i)})
	}
	for i, reason := range []rfc9111.Reason{rfc9111.Miss, rfc9111.Expired, rfc9111.NoStore, rfc9111.Method, rfc9111.SetCookie} {
		m.Reasons.Add(0, metrics.Reason(reason), s.count(misses/float64(int(1)<<(i+1))))
	}
}

// store is the cache, and what is made in the background of what it holds.
func (s *server) store(t traffic) {
	c := &s.cache
	stored := s.count(t.rate * t.miss * 0.7)
	c.Hits += s.count(t.rate * (1 - t.miss - t.bypass))
	c.Misses += s.count(t.rate * t.miss)
	c.Expired += s.count(t.rate * t.miss * 0.3)
	c.Rejected += s.count(t.rate * t.miss * 0.001)
	c.Evicted[metrics.EvictReplaced] += s.count(t.rate * t.miss * 0.3)
	c.Entries += int(stored) / 4
	if over := c.Entries - cacheLimit; over > 0 {
		c.Entries = cacheLimit
		c.Evicted[metrics.EvictCapacity] += uint64(over)
	}
	c.Bytes = int64(c.Entries) * responses
	s.memory.Bytes = [5]int64{
		metrics.MemoryStored:   c.Bytes,
		metrics.MemoryArriving: int64(t.rate * t.miss * 4000),
		metrics.MemorySending:  t.connections * 2000 * int64(1+9*t.pressure),
		metrics.MemoryBuffered: t.connections * 1000 * int64(1+9*t.pressure),
		metrics.MemoryAside:    64 << 20,
	}
	s.memory.Cuts += s.count(2 * t.pressure)

	for coding, share := range []float64{0.2, 0.1, 0.05, 0.01} {
		coding := metrics.Coding(coding)
		n := s.count(t.rate * t.miss * share / 4)
		s.m.Compressions.Add(0, coding, metrics.CompressionMade, n)
		s.m.Compressions.Add(0, coding, metrics.CompressionNoGain, n/9)
		s.m.Compressions.Add(0, coding, metrics.CompressionDropped, s.count(3*t.pressure))
		s.m.CompressionDuration.ObserveN(0, coding, 4*time.Millisecond, n)
		s.m.CompressedBytes.Add(0, coding, n*20_000)
		s.m.CompressedResult.Add(0, coding, n*6_000)
	}
}

// behind is what is written after an answer.
func (s *server) behind(t traffic, served float64) {
	lost := t.pressure * 0.1 * served
	s.m.AccessLog.Add(0, metrics.LogWritten, s.count(served-lost))
	s.m.AccessLog.Add(0, metrics.LogDropped, s.count(lost))
	s.m.TraceSpans.Add(0, metrics.SpanExported, s.count(t.rate/100))
	s.m.TraceSpans.Add(0, metrics.SpanDropped, s.count(t.pressure*t.rate/1000))
}

// set moves a gauge to a level.
func set(g *metrics.Gauge, level int64) {
	move(level, g.Value(), func(n int64) { g.Add(0, n) })
}

func move(want, is int64, add func(int64)) { add(want - is) }
