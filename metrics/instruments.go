package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// durationBounds lie close together around 3 ms, the mean that is promised, so
// that a quantile near it is off by half a millisecond at most. The first ones
// resolve a hit, the last ones an origin that is slow: a fetch may take half a
// minute and more, and a quantile beyond the last bound would be that bound.
var durationBounds = []time.Duration{
	25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 1500 * time.Microsecond, 2 * time.Millisecond, 2500 * time.Microsecond, 3 * time.Millisecond,
	3500 * time.Microsecond, 4 * time.Millisecond, 5 * time.Millisecond, 7500 * time.Microsecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second,
	2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// newHotpath names every instrument but those that read the cache.
func newHotpath(set *Set, reasons []string) *Hotpath {
	return &Hotpath{
		Set: set,

		Requests: NewCounterVec3[Protocol, Class, CacheResult](set, "hotpath_requests_total",
			"Responses whose head was sent, by protocol, status class and how the cache took part.", protocolLabel, classLabel, cacheLabel),
		RequestDuration: NewHistogramVec[CacheResult](set, "hotpath_request_duration_seconds",
			"Time from reading a request's head to handing the end of its response to the connection, by how the cache took part.", cacheLabel, durationBounds),

		Connections: NewGaugeVec[ConnState](set, "hotpath_connections",
			"Open connections by what they are doing.", stateLabel),
		ConnectionsAccepted: NewCounter(set, "hotpath_connections_accepted_total",
			"Connections accepted and given a permit."),
		ConnectionsClosed: NewCounterVec[CloseReason](set, "hotpath_connections_closed_total",
			"Connections that ended, by why.", closeLabel),
		ConnectionsRefused: NewCounterVec[RefuseReason](set, "hotpath_connections_refused_total",
			"Connections closed at once for want of a permit or a descriptor.", refuseLabel),
		ProxyHeaders: NewCounterVec[ProxyOutcome](set, "hotpath_proxy_headers_total",
			"PROXY headers, and connections that should have begun with one, by what came of it.", proxyLabel),
		AcceptErrors: NewCounter(set, "hotpath_accept_errors_total",
			"Errors while accepting a connection."),
		Permits: NewLevel(set, "hotpath_connection_permits",
			"Connections that may be open at once: what is configured, or fewer if descriptors are short."),
		PermitsInUse: NewGauge(set, "hotpath_connection_permits_in_use",
			"Connection permits taken."),
		PermitsConfigured: NewLevel(set, "hotpath_connection_permits_configured",
			"Connections that may be open at once by configuration."),
		ReceivedBytes: NewCounter(set, "hotpath_received_bytes_total",
			"Bytes read from sockets, TLS included."),
		SentBytes: NewCounter(set, "hotpath_sent_bytes_total",
			"Bytes written to sockets, TLS included."),

		Handshakes: NewCounterVec2[TLSVersion, HandshakeOutcome](set, "hotpath_tls_handshakes_total",
			"TLS handshakes that ended, by version agreed on and outcome.", versionLabel, handshakeLabel),
		HandshakesResumed: NewCounter(set, "hotpath_tls_resumed_total",
			"TLS handshakes that resumed a session."),
		HandshakesInProgress: NewGauge(set, "hotpath_tls_handshakes_in_progress",
			"TLS handshakes in progress."),
		QUICRetries: NewCounter(set, "hotpath_quic_retries_total",
			"Connections of QUIC whose address was to be validated first."),

		StreamsOpen: NewGauge(set, "hotpath_streams_open",
			"Open streams of HTTP/2 and HTTP/3."),
		Streams: NewCounter(set, "hotpath_streams_total",
			"Streams opened by peers, of HTTP/2 and requests of HTTP/3."),
		StreamsReset: NewCounterVec[Side](set, "hotpath_streams_reset_total",
			"Streams of HTTP/2 and HTTP/3 that were reset, by who did it.", sideLabel),
		ProtocolErrors: NewCounterVec2[ErrorCode, Scope](set, "hotpath_protocol_errors_total",
			"Errors of HTTP/2 and HTTP/3 that we answered, by code and by what they ended.", codeLabel, scopeLabel),
		LimitBreaches: NewCounterVec[Limit](set, "hotpath_limit_breaches_total",
			"Times that a peer used up a budget, by budget.", limitLabel),
		Limited: NewCounterVec2[LimitedKind, LimitMode](set, "hotpath_limited_total",
			"What a client did beyond its limit, by what it was and what became of it.", limitedLabel, limitModeLabel),
		Panics: NewCounter(set, "hotpath_panics_total",
			"Panics that were caught: each ended its stream or connection."),

		OriginFetches: NewCounterVec[FetchOutcome](set, "hotpath_origin_fetches_total",
			"Fetches from the origin that ended, by outcome.", fetchLabel),
		OriginFetchDuration: NewHistogram(set, "hotpath_origin_fetch_duration_seconds",
			"Time from asking the origin to its whole answer, or its head if the body is streamed.", durationBounds),
		CoalescedMisses: NewCounter(set, "hotpath_coalesced_misses_total",
			"Misses that waited for another request's fetch of the same key."),
		Revalidations: NewCounterVec[RevalidationOutcome](set, "hotpath_revalidations_total",
			"Times that the origin was asked whether an entry is current, by outcome.", revalidationLabel),
		Reasons: NewCounterVec[Reason](set, "hotpath_cache_reasons_total",
			"Requests that were not hits, by why, and the origin's answers to them, by why they were not stored.", Label{"reason", reasons}),

		Compressions: NewCounterVec2[Coding, CompressionResult](set, "hotpath_compressions_total",
			"Stored contents that were to be compressed in the background, by coding and by what came of it.", codingLabel, compressionLabel),
		CompressionDuration: NewHistogramVec[Coding](set, "hotpath_compression_duration_seconds",
			"Time that compressing a stored content took, by coding: hits go first.", codingLabel, durationBounds),
		CompressedBytes: NewCounterVec[Coding](set, "hotpath_compression_read_bytes_total",
			"Bytes of stored contents that were compressed, by coding.", codingLabel),
		CompressedResult: NewCounterVec[Coding](set, "hotpath_compression_stored_bytes_total",
			"Bytes of compressed contents that were stored, by coding.", codingLabel),

		AccessLog: NewCounterVec[LogOutcome](set, "hotpath_access_log_records_total",
			"Records for the access log, by what became of them.", logLabel),

		TraceSpans: NewCounterVec[SpanOutcome](set, "hotpath_trace_spans_total",
			"Spans of traced requests, by what became of them.", spanLabel),

		AdminConnections: NewLevel(set, "hotpath_admin_connections",
			"Open connections to the admin listener."),
		AdminRefused: NewCounter(set, "hotpath_admin_connections_refused_total",
			"Connections to the admin listener that were closed because all places were taken: idle ones first, new ones if there were none."),
		TLSDirect: NewLevel(set, "hotpath_tls_buffers_direct",
			"1 while TLS records are put into crypto/tls's buffers directly, 0 while it reads them itself."),

		Certificates: NewLevel(set, "hotpath_tls_certificates",
			"Certificates in use."),
		CertificatesBroken: NewLevel(set, "hotpath_tls_certificates_broken",
			"Certificates whose files cannot be used as they are now: what was loaded before stays in use."),
		KeyFilesBroken: NewLevel(set, "hotpath_tls_key_files_broken",
			"Files of keys for TLS that cannot be used as they are now: the keys that were loaded before stay in use."),
		CertificateExpiry: NewLevel(set, "hotpath_tls_certificate_expiry_timestamp_seconds",
			"When the first of the certificates in use ends, in seconds since 1970; 0 before they are loaded."),
		CertificateNames: NewLevels(set, "hotpath_tls_certificate_name_expiry_timestamp_seconds",
			"When a certificate in use ends, by the first name in it, in seconds since 1970: the 32 names that end first.", "name"),
		ACMENames: NewLevel(set, "hotpath_acme_names",
			"Names that certificates are obtained for."),
		ACMEMissing: NewLevel(set, "hotpath_acme_names_missing",
			"Names that certificates are obtained for and that have none in its time."),
		ACMEAttempts: NewCounterVec[ACMEOutcome](set, "hotpath_acme_attempts_total",
			"Attempts to obtain a certificate that ended, by outcome.", acmeLabel),
		RedirectConnections: NewGauge(set, "hotpath_redirect_connections",
			"Open connections to the plain HTTP listener."),
		ConfigLoaded: NewLevel(set, "hotpath_config_loaded_timestamp_seconds",
			"When the configuration in use was read, in seconds since 1970."),
		ConfigRefused: NewLevel(set, "hotpath_config_refused_timestamp_seconds",
			"When a reload was last refused, in seconds since 1970; 0 for never."),
		ConfigHash: NewLevel(set, "hotpath_config_hash",
			"A number for the settings in use: the same on servers with the same ones."),
		Reloads: NewCounterVec[ReloadOutcome](set, "hotpath_config_reloads_total",
			"Times that the configuration was to be loaded again, by outcome.", reloadLabel),
		Draining: NewLevel(set, "hotpath_draining",
			"1 while the server finishes what is in flight and takes nothing new."),
		Purges: NewCounterVec[PurgeForm](set, "hotpath_purges_total",
			"Purges of what is stored, by what they name.", purgeLabel),
	}
}

// watchCache names the instruments that read the cache at scrape.
func watchCache(set *Set, read func() CacheStats) {
	NewGaugeFunc(set, "hotpath_cache_entries", "Entries in the cache.",
		func() int64 { return int64(read().Entries) })
	NewGaugeFunc(set, "hotpath_cache_bytes", "Bytes that the cache's entries hold, keys and overhead included.",
		func() int64 { return read().Bytes })
	NewGaugeFunc(set, "hotpath_cache_limit_entries", "Entries that the cache may hold.",
		func() int64 { return int64(read().LimitEntries) })
	NewGaugeFunc(set, "hotpath_cache_limit_bytes", "Bytes that the cache may hold, and all of hotpath_memory_bytes.",
		func() int64 { return read().LimitBytes })
	NewCounterVecFunc(set, "hotpath_cache_lookups_total", "Times that the cache was asked for an entry, by whether it had a fresh one.", lookupLabel,
		func(r CacheResult) uint64 {
			if r == Hit {
				return read().Hits
			}
			return read().Misses
		})
	NewCounterVecFunc(set, "hotpath_cache_evictions_total", "Entries that left the cache other than by expiry, by why.", evictionLabel,
		func(why Eviction) uint64 { return read().Evicted[why] })
	NewCounterFunc(set, "hotpath_cache_expired_total", "Entries that a lookup found expired.",
		func() uint64 { return read().Expired })
	NewCounterFunc(set, "hotpath_cache_rejected_total", "Values too large for what the cache has left.",
		func() uint64 { return read().Rejected })
}

// watchMemory names the instruments that read the memory's ledger at scrape.
func watchMemory(set *Set, read func() MemoryStats) {
	NewGaugeVecFunc(set, "hotpath_memory_bytes", "Bytes held within the limit of the cache, by what for.", memoryLabel,
		func(kind Memory) int64 { return read().Bytes[kind] })
	NewCounterFunc(set, "hotpath_senders_cut_total", "Responses that were cut for being the slowest when memory ran out.",
		func() uint64 { return read().Cuts })
}

// watchLimits names the instruments that read the limits' table at scrape.
func watchLimits(set *Set, read func() LimitStats) {
	NewGaugeFunc(set, "hotpath_limit_clients", "Clients in the table of limits, those included whose place is free to be taken.",
		func() int64 { return read().Entries })
	NewCounterFunc(set, "hotpath_limit_evictions_total", "Clients that left the table of limits while it still mattered what they had done.",
		func() uint64 { return read().Evicted })
}

// newBuildInfo names the instrument that is always 1 and whose labels say
// what was built.
func newBuildInfo(set *Set, version, goVersion string) {
	const name = "hotpath_build_info"
	desc := prometheus.NewDesc(name, "Always 1; the labels are the version of hotpath and of the Go that built it.", nil,
		prometheus.Labels{"version": version, "go": goVersion})
	set.add(name, &funcs{desc: desc, kind: prometheus.GaugeValue, read: func(int) float64 { return 1 }})
}
