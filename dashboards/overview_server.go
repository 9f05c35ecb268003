package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

// The sections of the overview about what clients hold and use up, and about
// the process.
var (
	connectionSection = section{"Connections", []panel{
		{title: "Open, against the bulkhead", unit: units.Short,
			about: "Connections by what they do, and how many may be open at once. effective below configured means that descriptors are short.",
			queries: []query{
				{legend: "{{state}}", expr: `sum by (state) (hotpath_connections)`},
				{legend: "taken", expr: `sum(hotpath_connection_permits_in_use)`},
				{legend: "effective", expr: `sum(hotpath_connection_permits)`},
				{legend: "configured", expr: `sum(hotpath_connection_permits_configured)`},
			}},
		{title: "Refused", unit: units.CountsPerSecond, steps: limit(1),
			about: "Connections closed as soon as accepted, by what was missing, and failures to accept. Anything above 0 is a client turned away.",
			queries: []query{
				{legend: "{{reason}}", expr: `sum by (reason) (rate(hotpath_connections_refused_total[$rate]))`},
				{legend: "accept errors", expr: `sum(rate(hotpath_accept_errors_total[$rate]))`},
			}},
		{title: "Accepted and closed", unit: units.CountsPerSecond,
			about: "New connections, and ended ones by why. Many new ones for few requests cost handshakes: see below.",
			queries: []query{
				{legend: "accepted", expr: `sum(rate(hotpath_connections_accepted_total[$rate]))`},
				{legend: "closed: {{reason}}", expr: `sum by (reason) (rate(hotpath_connections_closed_total[$rate]))`},
			}},
		{title: "TLS handshakes", unit: units.CountsPerSecond,
			about: "Ended handshakes by version and outcome. A full one costs some 300 µs of a core, a resumed one far less.",
			queries: []query{
				{legend: "{{version}} {{outcome}}", expr: `sum by (version, outcome) (rate(hotpath_tls_handshakes_total[$rate]))`},
				{legend: "resumed", expr: `sum(rate(hotpath_tls_resumed_total[$rate]))`},
			}},
		{title: "Streams and handshakes at once", unit: units.Short,
			about: "Open HTTP/2 streams, and handshakes in progress.",
			queries: []query{
				{legend: "streams", expr: `sum(hotpath_streams_open)`},
				{legend: "handshakes", expr: `sum(hotpath_tls_handshakes_in_progress)`},
			}},
		{title: "Streams", unit: units.CountsPerSecond,
			about: "HTTP/2 streams opened, and those ended by RST_STREAM, by who sent it.",
			queries: []query{
				{legend: "opened", expr: `sum(rate(hotpath_streams_total[$rate]))`},
				{legend: "reset by {{by}}", expr: `sum by (by) (rate(hotpath_streams_reset_total[$rate]))`},
			}},
		{title: "Beyond a client's limit", unit: units.CountsPerSecond,
			about: "Connections, handshakes and requests beyond the limits of one client, and what became of them: a dry run only counts.",
			queries: []query{
				{legend: "{{kind}} {{mode}}", expr: `sum by (kind, mode) (rate(hotpath_limited_total[$rate]))`},
			}},
		{title: "Clients with a limit", unit: units.Short,
			about: "Clients in the table of limits, and those a minute that left it while what they had done still counted: then limit-clients is too low for them.",
			queries: []query{
				{legend: "in the table", expr: `sum(hotpath_limit_clients)`},
				{legend: "left it, per minute", expr: `sum(rate(hotpath_limit_evictions_total[$rate])) * 60`},
			}},
		{title: "PROXY headers", unit: units.CountsPerSecond,
			about: "Headers with which balancers name a connection's client, by outcome. missing and malformed: the balancer is not configured as proxy-protocol-from is; stranger: an address that is not in it sent one.",
			queries: []query{
				{legend: "{{outcome}}", expr: `sum by (outcome) (rate(hotpath_proxy_headers_total[$rate]))`},
			}},
		{title: "Limits that clients broke", unit: units.CountsPerSecond, w: 12,
			about:   "Budgets used up, by budget: docs/security.md has each. idle_timeout is everyday; others are a broken client, or an attack that was met.",
			queries: []query{{legend: "{{limit}}", expr: `sum by (limit) (rate(hotpath_limit_breaches_total[$rate]))`}}},
		{title: "HTTP/2 errors answered", unit: units.CountsPerSecond, w: 12,
			about:   "By code and by what they ended.",
			queries: []query{{legend: "{{code}} {{scope}}", expr: `sum by (code, scope) (rate(hotpath_protocol_errors_total[$rate]))`}}},
	}}

	processSection = section{"Process", []panel{
		{title: "CPU", unit: units.Short,
			about: "Cores in use by each server, and the most that Go uses.",
			queries: []query{
				{legend: "{{instance}}", expr: `sum by (instance) (rate(process_cpu_seconds_total[$rate]))`},
				{legend: "{{instance}} most", expr: `go_sched_gomaxprocs_threads`},
			}},
		{title: "CPU per request", unit: units.Seconds,
			about:   "Hits cost about 1 µs. It grows with handshakes, misses, large bodies, and when traffic is so thin that requests come one by one.",
			queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(process_cpu_seconds_total[$rate])) / sum by (instance) (rate(hotpath_requests_total[$rate]))`}}},
		{title: "Memory", unit: units.BytesIEC,
			about: "resident is what the system counts, Go is what -memory-limit limits, heap what the program holds.",
			queries: []query{
				{legend: "{{instance}} resident", expr: `process_resident_memory_bytes`},
				{legend: "{{instance}} Go", expr: `go_memstats_sys_bytes - go_memstats_heap_released_bytes`},
				{legend: "{{instance}} heap", expr: `go_memstats_heap_inuse_bytes`},
				{legend: "{{instance}} limit", expr: `go_gc_gomemlimit_bytes < 2^62`, mayBeEmpty: "without -memory-limit there is none, which Go says as 2^63 - 1"},
			}},
		{title: "Garbage collections", unit: units.CountsPerSecond,
			about:   "How often. Hits make no garbage: connections and misses do.",
			queries: []query{{legend: "{{instance}}", expr: `rate(go_gc_duration_seconds_count[$rate])`}}},
		{title: "Longest pause for garbage", unit: units.Seconds,
			about:   "Of the last collections.",
			queries: []query{{legend: "{{instance}}", expr: `go_gc_duration_seconds{quantile="1"}`, mayBeEmpty: "before the first collection there is none"}}},
		{title: "Goroutines", unit: units.Short,
			about:   "About one for each connection, and some for what is no hit. Growth without connections is a leak.",
			queries: []query{{legend: "{{instance}}", expr: `go_goroutines`}}},
		{title: "File descriptors", unit: units.Short,
			about: "Open ones, and how many may be.",
			queries: []query{
				{legend: "{{instance}} open", expr: `process_open_fds`},
				{legend: "{{instance}} limit", expr: `process_max_fds`},
			}},
		{title: "Admin listener", unit: units.Short,
			about: "Connections to it, of 64 at most, and those closed because all places were taken.",
			queries: []query{
				{legend: "{{instance}} open", expr: `hotpath_admin_connections`},
				{legend: "{{instance}} closed", expr: `increase(hotpath_admin_connections_refused_total[$rate])`},
			}},
		{kind: figure, title: "TLS buffers", unit: units.Short, w: 4,
			about:   "Servers that put records into crypto/tls's buffers directly. One that does not allocates for each record: its log says why.",
			queries: []query{{legend: "servers", expr: `sum(hotpath_tls_buffers_direct)`}}},
		{kind: figure, title: "Certificate ends in", unit: units.Seconds, w: 4, steps: falling(3*24*3600, 14*24*3600),
			about:   "Of the one that ends first, on any server.",
			queries: []query{{legend: "left", expr: `min(hotpath_tls_certificate_expiry_timestamp_seconds) - time()`}}},
		{kind: figure, title: "Certificates", unit: units.Short, w: 4,
			about: "In use; broken: their files, or files of keys, cannot be used as they are now, and what was loaded before is in use. The log names file and problem.",
			queries: []query{
				{legend: "in use", expr: `max(hotpath_tls_certificates)`},
				{legend: "broken", expr: `sum(hotpath_tls_certificates_broken)`},
				{legend: "broken keys", expr: `sum(hotpath_tls_key_files_broken)`},
			}},
		{kind: figure, title: "Panics", unit: units.Short, w: 4, steps: limit(1),
			about:   "Since the start. Each was caught, logged with its stack, and is a bug.",
			queries: []query{{legend: "panics", expr: `sum(hotpath_panics_total)`}}},
		{kind: words, title: "Versions", w: 4,
			about:   "Of hotpath and of the Go that built it.",
			queries: []query{{legend: "{{version}} {{go}}", expr: `count by (version, go) (hotpath_build_info)`}}},
		{kind: figure, title: "Draining", unit: units.Short, w: 4, steps: limit(1),
			about:   "Servers that are stopping and take nothing new.",
			queries: []query{{legend: "servers", expr: `sum(hotpath_draining)`}}},
		{title: "Access log", unit: units.CountsPerSecond,
			about:   "Records by what became of them. dropped: the writer was behind, or the file would have grown faster than access-log-rate. failed: the file did not take them, and the log says why.",
			queries: []query{{legend: "{{outcome}}", expr: `sum by (outcome) (rate(hotpath_access_log_records_total[$rate]))`}}},
	}}
)
