package live

import (
	"fmt"
	"strings"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
)

// limitRow is a limit that was hit, or can be, with its line of the runbook: what that
// means and what to do. docs/operations.md has the same lines.
type limitRow struct {
	Metric   string // that counts it
	Label    string // of that, as `limit="header_list"`; "": it has none
	Means    string
	Do       string
	Ordinary bool // it is hit in an ordinary day, and is no news

	count func(*sources) uint64
}

// sources are what rows count in.
type sources struct {
	metrics *hotpath.Hotpath
	cache   hotpath.CacheStats
	memory  hotpath.MemoryStats
	clients hotpath.LimitStats
}

// name is what the page calls it.
func (l *limitRow) name() string {
	if l.Label == "" {
		return l.Metric
	}
	return l.Metric + "{" + l.Label + "}"
}

// short is what it is called in a sentence.
func (l *limitRow) short() string {
	if _, value, ok := strings.Cut(l.Label, `limit="`); ok {
		return "limit " + strings.TrimSuffix(value, `"`)
	}
	return l.name()
}

// breach is a row about a budget of a connection.
func breach(limit hotpath.Limit, means, do string) limitRow {
	return limitRow{
		Metric: "hotpath_limit_breaches_total", Label: fmt.Sprintf("limit=%q", limit), Means: means, Do: do,
		count: func(s *sources) uint64 { return s.metrics.LimitBreaches.Value(limit) },
	}
}

// ordinary is a row about what happens in an ordinary day.
func ordinary(l limitRow) limitRow {
	l.Ordinary = true
	return l
}

func refused(reason hotpath.RefuseReason, means, do string) limitRow {
	return limitRow{
		Metric: "hotpath_connections_refused_total", Label: fmt.Sprintf("reason=%q", reason), Means: means, Do: do,
		count: func(s *sources) uint64 { return s.metrics.ConnectionsRefused.Value(reason) },
	}
}

func limited(kind hotpath.LimitedKind, mode hotpath.LimitMode, means, do string) limitRow {
	return limitRow{
		Metric: "hotpath_limited_total", Label: fmt.Sprintf("kind=%q,mode=%q", kind, mode), Means: means, Do: do,
		count: func(s *sources) uint64 { return s.metrics.Limited.Value(kind, mode) },
	}
}

// abuse is what to do about a client that no ordinary one is like.
const abuse = "A client that misbehaves, mostly; what it does has ended. If it is yours, `-log-level debug` names it; raise the setting only if it is right."

// limits are all of them, those of the whole server first.
var limits = []limitRow{
	refused(hotpath.RefusePermits, "As many connections are open as may be: new ones are closed at once.",
		"See HotpathBulkheadNearlyFull: another server or a larger `-max-conns` if requests grow with them, else a shorter `-idle-timeout`."),
	refused(hotpath.RefuseHandshakes, "More new connections than the cores can agree on TLS with, or silent ones.",
		"See HotpathRefusing: clients should keep connections and resume sessions; stop a flood before it gets here."),
	refused(hotpath.RefuseDescriptors, "The process has no file descriptor left.",
		"See HotpathDescriptorsNearlyExhausted: raise RLIMIT_NOFILE, and look at `ls -l /proc/PID/fd`."),
	{Metric: "hotpath_origin_fetches_total", Label: `outcome="refused"`,
		Means: "More misses at once than may be fetched, or than an upstream may have: clients got 503.",
		Do:    "See HotpathOriginFailing: is the disk or the upstream slow, or was the cache emptied? Then `-max-fetches`, or more upstreams.",
		count: func(s *sources) uint64 { return s.metrics.OriginFetches.Value(hotpath.FetchRefused) }},
	{Metric: "hotpath_senders_cut_total",
		Means: "Memory ran out: the responses that clients took slowest were cut.",
		Do:    "A larger `-cache-bytes`, with the machine's memory for it, or fewer `-max-conns`.",
		count: func(s *sources) uint64 { return s.memory.Cuts }},
	breach(hotpath.LimitOutputMemory, "No memory was left for what a client does not read: its connection was closed, the slowest first.",
		"A larger `-cache-bytes`, or fewer `-max-conns`; a flood of slow readers is to be stopped before it gets here."),
	breach(hotpath.LimitBodyMemory, "No memory was left for the content of a request: it was reset, or got 503 over HTTP/1.1.",
		"A larger `-cache-bytes`; is an upstream slow to take uploads?"),
	breach(hotpath.LimitExchanges, "As many requests are with handlers as memory allows, or one connection has more than its share of what is nearly taken: one was refused, which its client may send again, or got 503 over HTTP/1.1, or waited for its answer and was ended.",
		"Is an upstream slow? Shorter `timeouts` of its site, or more upstreams."),
	breach(hotpath.LimitPasswords, "More passwords came than can be verified: a client got 429 or 503.",
		"Passwords are guessed, or many users came at once: deny the address, which the access log has; a lower cost of the hashes takes less time."),
	breach(hotpath.LimitRedirects, "As many connections are open to the plain HTTP listener as may be.",
		"Clients should know the https URL by now: Strict-Transport-Security, and links that name it."),
	{Metric: "hotpath_admin_connections_refused_total",
		Means: "Connections to the admin listener took all places: the one that had been idle longest was closed, or a new one.",
		Do:    "Close pages, and have what scrapes keep its connection.",
		count: func(s *sources) uint64 { return s.metrics.AdminRefused.Value() }},

	limited(hotpath.LimitedConnections, hotpath.LimitRefuse, "A client had more connections than `-limit-connections`: the next was closed.",
		"That is what the limit is for. If it is a proxy, name it in `-limit-exempt`."),
	limited(hotpath.LimitedHandshakes, hotpath.LimitRefuse, "A client made connections faster than `-limit-handshakes`: the next was closed.",
		"That is what the limit is for. If it is a proxy, name it in `-limit-exempt`."),
	limited(hotpath.LimitedRequests, hotpath.LimitRefuse, "A client sent requests faster than `-limit-requests`: it got 429.",
		"That is what the limit is for. The access log has who; if it is a proxy, name it in `trusted-proxies` of the site."),
	limited(hotpath.LimitedConnections, hotpath.LimitDryRun, "A client had more connections than `-limit-connections`; `-limit-mode` is dry-run.",
		"Decide by these figures whether `-limit-mode refuse` would meet the right ones."),
	limited(hotpath.LimitedHandshakes, hotpath.LimitDryRun, "A client made connections faster than `-limit-handshakes`; `-limit-mode` is dry-run.",
		"Decide by these figures whether `-limit-mode refuse` would meet the right ones."),
	limited(hotpath.LimitedRequests, hotpath.LimitDryRun, "A client sent requests faster than `-limit-requests`; `-limit-mode` is dry-run.",
		"Decide by these figures whether `-limit-mode refuse` would meet the right ones; the access log marks them."),
	{Metric: "hotpath_limit_evictions_total",
		Means: "A client left the table of limits while it still mattered what it had done.",
		Do:    "Raise `-limit-clients` if they are many.",
		count: func(s *sources) uint64 { return s.clients.Evicted }},

	{Metric: "hotpath_cache_rejected_total",
		Means: "A response was larger than what the cache had left: it was not stored.",
		Do:    "A larger `-cache-bytes`, or a smaller `-max-stored`.",
		count: func(s *sources) uint64 { return s.cache.Rejected }},
	{Metric: "hotpath_compressions_total", Label: `result="dropped"`,
		Means: "More contents were to be compressed than are queued: they are served as they are.",
		Do:    "More `-compressors`, if a core has time.",
		count: compressions(hotpath.CompressionDropped)},
	{Metric: "hotpath_compressions_total", Label: `result="no_room"`,
		Means: "No memory was left for a compressed content: it is served as it is.",
		Do:    "A larger `-cache-bytes`.",
		count: compressions(hotpath.CompressionNoRoom)},
	{Metric: "hotpath_access_log_records_total", Label: `outcome="dropped"`,
		Means: "Lines of the access log were lost: its writer is behind, or the file grows as fast as it may.",
		Do:    "See HotpathAccessLogLost: `-access-log sampled`, or a higher `-access-log-rate`.",
		count: func(s *sources) uint64 { return s.metrics.AccessLog.Value(hotpath.LogDropped) }},
	{Metric: "hotpath_access_log_records_total", Label: `outcome="failed"`,
		Means: "The file of the access log did not take lines; the log says why.",
		Do:    "See HotpathAccessLogLost: mostly a full disk. Writing goes on by itself.",
		count: func(s *sources) uint64 { return s.metrics.AccessLog.Value(hotpath.LogFailed) }},
	{Metric: "hotpath_trace_spans_total", Label: `outcome="dropped"`,
		Means: "Spans were lost: the collector is behind.",
		Do:    "A smaller `-trace-sample`, or a collector that is nearer.",
		count: func(s *sources) uint64 { return s.metrics.TraceSpans.Value(hotpath.SpanDropped) }},
	{Metric: "hotpath_trace_spans_total", Label: `outcome="failed"`,
		Means: "The collector did not take spans; the log says why.",
		Do:    "Is it there, at `-otlp-endpoint`? Requests are served as ever.",
		count: func(s *sources) uint64 { return s.metrics.TraceSpans.Value(hotpath.SpanFailed) }},

	breach(hotpath.LimitHeaderList, "A request had more fields, or larger ones, than may be: it got 431 or 414.",
		"Mostly cookies that have grown: make them smaller, or raise `-max-header-bytes` or `-max-header-fields`."),
	breach(hotpath.LimitBodySize, "A request had more content than may be: it got 413.",
		"If uploads are that large, raise `-max-body`, or that of the site."),
	breach(hotpath.LimitConcurrentStreams, "A client opened more streams on a connection than may be: the next was refused, to be sent again.",
		"Few: nothing, a client that has not read the limit yet. Many: is an upstream slow? Else raise `-max-streams`."),
	breach(hotpath.LimitHandshakeTimeout, "A TLS handshake took longer than `-handshake-timeout`.",
		"Few: nothing, networks that lose packets. Many with full cores: see HotpathRefusing."),
	breach(hotpath.LimitHeadTimeout, "The head of a request took longer than `-head-timeout`.",
		"Few: nothing, telephones that lost their network. Many: a slow-request attack, which costs what it costs here."),
	breach(hotpath.LimitWriteTimeout, "A client took its answer slower than `-min-write-rate`.",
		"Few: nothing. Many from one network: clients there are slow; a lower `-min-write-rate` lets them be."),
	breach(hotpath.LimitBodyTimeout, "The content of a request came slower than `-min-write-rate`.",
		"Few: nothing. Many from one network: clients there are slow; a lower `-min-write-rate` lets them be."),
	breach(hotpath.LimitHelloSize, "A ClientHello was larger than 16 KiB: the connection was closed.", abuse),
	breach(hotpath.LimitHeaderBlock, "A request's fields were larger than may be before they are decoded.", abuse),
	breach(hotpath.LimitContinuation, "A request's fields came in more frames than may be.", abuse),
	breach(hotpath.LimitEarlyReset, "A client ended more streams early than may be (Rapid Reset, for one).", abuse),
	breach(hotpath.LimitControlFrames, "A client sent more frames that serve no request than may be.", abuse),
	breach(hotpath.LimitControlQueue, "A client asked for more answers to control frames than it read.", abuse),
	ordinary(breach(hotpath.LimitHelloTimeout, "A connection said nothing, or not enough, within `-hello-timeout`.",
		"Nothing: balancers that look whether the port is open, browsers that connect in advance, scanners.")),
	ordinary(breach(hotpath.LimitIdleTimeout, "A connection had no request for `-idle-timeout`.",
		"Nothing: that is how connections end.")),
	ordinary(breach(hotpath.LimitOutputBuffer, "A client did not read its answers for a while: its requests waited.",
		"Nothing: it is slower than the server.")),
}

func compressions(result hotpath.CompressionResult) func(*sources) uint64 {
	return func(s *sources) (n uint64) {
		for coding := hotpath.CodingBrotli; coding <= hotpath.CodingDcb; coding++ {
			n += s.metrics.Compressions.Value(coding, result)
		}
		return n
	}
}
