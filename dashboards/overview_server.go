package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

// The sections of the overview about what clients hold and use up, about
// certificates, and about the process.
var (
	connectionSection = section{"Connections", []panel{
		{title: "Open, against the bulkhead", unit: units.Short,
			about: "Connections by what they do, and how many may be open at once. effective below configured means that descriptors are short.",
			queries: []query{
				{legend: "{{state}}", expr: `sum by (state) (hotpath_connections)`},
				{legend: "taken", expr: `sum(hotpath_connection_permits_in_use)`},
				{legend: "effective", expr: `sum(hotpath_connection_permits)`, bound: true},
				{legend: "configured", expr: `sum(hotpath_connection_permits_configured)`, bound: true},
			}},
		{title: "Refused", unit: perSecond, steps: limit(1),
			about: "Connections closed as soon as accepted, by what was missing, and failures to accept. Anything above 0 is a client turned away.",
			queries: []query{
				each("hotpath_connections_refused_total", "reason"),
				{legend: "accept errors", expr: `sum(rate(hotpath_accept_errors_total[$rate]))`},
			}},
		{title: "Accepted and closed", unit: perSecond,
			about: "New connections, and ended ones by why. Many new ones for few requests cost handshakes: see below.",
			queries: []query{
				{legend: "accepted", expr: `sum(rate(hotpath_connections_accepted_total[$rate]))`},
				each("hotpath_connections_closed_total", "reason").named("closed: {{reason}}"),
			}},
		{title: "TLS handshakes", unit: perSecond,
			about: "Ended handshakes by version and outcome. A full one costs some 300 µs of a core, a resumed one far less. told to retry: clients of QUIC that had to show first that their address is theirs, since many handshakes are in progress or clients have limits.",
			queries: []query{
				each("hotpath_tls_handshakes_total", "version", "outcome"),
				{legend: "resumed", expr: `sum(rate(hotpath_tls_resumed_total[$rate]))`},
				{legend: "told to retry", expr: `sum(rate(hotpath_quic_retries_total[$rate]))`},
			}},
		{title: "Streams and handshakes at once", unit: units.Short,
			about: "Open streams of HTTP/2 and HTTP/3, and handshakes in progress.",
			queries: []query{
				{legend: "streams", expr: `sum(hotpath_streams_open)`},
				{legend: "handshakes", expr: `sum(hotpath_tls_handshakes_in_progress)`},
			}},
		{title: "Streams", unit: perSecond,
			about: "Streams of HTTP/2 and HTTP/3 that were opened, those that were reset, by who did it, and errors that were answered, by what they ended.",
			queries: []query{
				{legend: "opened", expr: `sum(rate(hotpath_streams_total[$rate]))`},
				{legend: "reset by {{by}}", expr: `sum by (by) (rate(hotpath_streams_reset_total[$rate]))`},
				{legend: "error of a {{scope}}", expr: `sum by (scope) (rate(hotpath_protocol_errors_total[$rate]))`},
			}},
		{title: "Beyond a client's limit", unit: perSecond,
			about: "Connections, handshakes and requests beyond the limits of one client, and what became of them: a dry run only counts.",
			queries: []query{
				each("hotpath_limited_total", "kind", "mode"),
			}},
		{title: "Clients with a limit", unit: units.Short,
			about: "Clients in the table of limits, and those a minute that left it while what they had done still counted: then limit-clients is too low for them.",
			queries: []query{
				{legend: "in the table", expr: `sum(hotpath_limit_clients)`},
				{legend: "left it, per minute", expr: `sum(rate(hotpath_limit_evictions_total[$rate])) * 60`},
			}},
		{title: "PROXY headers", unit: perSecond,
			about: "Headers with which balancers name a connection's client, by outcome. missing and malformed: the balancer is not configured as proxy-protocol-from is; stranger: an address that is not in it sent one.",
			queries: []query{
				each("hotpath_proxy_headers_total", "outcome"),
			}},
		{title: "Limits that clients broke", unit: perSecond, w: 12, h: 13,
			about:   "Budgets used up, by budget: docs/security.md has each. idle_timeout is everyday; others are a broken client, or an attack that was met.",
			queries: []query{each("hotpath_limit_breaches_total", "limit")}},
		{title: "HTTP/2 and HTTP/3 errors answered", unit: perSecond, w: 12, h: 13,
			about:   "By code; what they ended is beside the streams. In the tens: a client that is broken, or an attack.",
			queries: []query{each("hotpath_protocol_errors_total", "code")}},
	}}

	certificateSection = section{"Certificates", []panel{
		{kind: figure, title: "Certificates by name, days left", unit: days, w: 10, h: 4, digits: 1, steps: falling(3, 14),
			about:   "The dozen that ends first, by the first name in each, on any server. Red: an alert fires, and clients will see an error.",
			queries: []query{{legend: "{{name}}", expr: `sort(bottomk(12, (min by (name) (hotpath_tls_certificate_name_expiry_timestamp_seconds) - time()) / 86400))`}}},
		{kind: figure, title: "First to end, days left", unit: days, w: 4, h: 4, digits: 1, steps: falling(3, 14),
			about:   "Of all certificates in use on any server, those included that have no name.",
			queries: []query{{legend: "left", expr: `(min(hotpath_tls_certificate_expiry_timestamp_seconds) - time()) / 86400`}}},
		{kind: figure, title: "Certificates in use", unit: units.Short, w: 4, h: 4,
			about: "By ACME: names that certificates are obtained for.",
			queries: []query{
				{legend: "in use", expr: `max(hotpath_tls_certificates)`},
				{legend: "by ACME", expr: `max(hotpath_acme_names)`},
			}},
		{kind: figure, title: "Certificates with a fault", unit: units.Short, w: 6, h: 4, steps: limit(1),
			about: "broken: their files, or files of keys, cannot be used as they are now, and what was loaded before is in use. The log names file and problem. missing: names that have no certificate by ACME yet; failed: attempts within an hour, of which the log has name, cause and the next one.",
			queries: []query{
				{legend: "broken", expr: `sum(hotpath_tls_certificates_broken)`},
				{legend: "broken keys", expr: `sum(hotpath_tls_key_files_broken)`},
				{legend: "missing", expr: `max(hotpath_acme_names_missing)`},
				{legend: "failed", expr: `round(sum(increase(hotpath_acme_attempts_total{outcome!~"obtained|renewed"}[1h]))) and on () count(hotpath_acme_names)`},
			}},
	}}

	processSection = section{"Process", []panel{
		{title: "CPU", unit: units.Short,
			about: "Cores in use by each server, and the most that Go uses.",
			queries: []query{
				{legend: "{{instance}}", expr: `sum by (instance) (rate(process_cpu_seconds_total[$rate]))`},
				{legend: "most", expr: `max(go_sched_gomaxprocs_threads)`, bound: true},
			}},
		{title: "CPU per request", unit: units.Seconds, log: true,
			about:   "Hits cost about 1 µs. It grows with handshakes, misses, large bodies, and when traffic is so thin that requests come one by one.",
			queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(process_cpu_seconds_total[$rate])) / sum by (instance) (rate(hotpath_requests_total[$rate]))`}}},
		{title: "Memory", unit: units.BytesIEC,
			about: "resident is what the system counts, Go is what -memory-limit limits, heap what the program holds.",
			queries: []query{
				{legend: "{{instance}} resident", expr: `process_resident_memory_bytes`},
				{legend: "{{instance}} Go", expr: `go_memstats_sys_bytes - go_memstats_heap_released_bytes`},
				{legend: "{{instance}} heap", expr: `go_memstats_heap_inuse_bytes`},
				{legend: "limit", expr: `min(go_gc_gomemlimit_bytes < 2^62)`, bound: true, mayBeEmpty: "without -memory-limit there is none, which Go says as 2^63 - 1"},
			}},
		{title: "Garbage collections", unit: perSecond,
			about:   "How often. Hits make no garbage: connections and misses do.",
			queries: []query{{legend: "{{instance}}", expr: `rate(go_gc_duration_seconds_count[$rate])`}}},
		{title: "Longest pause for garbage", unit: units.Seconds, log: true,
			about: "Of the last collections. Above some milliseconds the machine has too few cores for what runs on it.",
			// Text of metrics has the quantile as 1, OpenMetrics as 1.0.
			queries: []query{{legend: "{{instance}}", expr: `go_gc_duration_seconds{quantile=~"1|1[.]0"}`, mayBeEmpty: "before the first collection there is none"}}},
		{title: "Goroutines", unit: units.Short,
			about:   "About one for each connection, and some for what is no hit. Growth without connections is a leak.",
			queries: []query{{legend: "{{instance}}", expr: `go_goroutines`}}},
		{title: "File descriptors", unit: units.Short,
			about: "Open ones, and how many may be.",
			queries: []query{
				{legend: "{{instance}} open", expr: `process_open_fds`},
				{legend: "limit", expr: `min(process_max_fds)`, bound: true},
			}},
		{title: "Admin listener", unit: units.Short,
			about: "Connections to it, of 64 at most, and those closed because all places were taken; and those to http-addr, of 256 at most.",
			queries: []query{
				{legend: "{{instance}} http-addr", expr: `hotpath_redirect_connections`},
				{legend: "{{instance}} open", expr: `hotpath_admin_connections`},
				{legend: "{{instance}} closed", expr: added("hotpath_admin_connections_refused_total")},
			}},
		{kind: figure, title: "TLS buffers", unit: units.Short, w: 4, h: 4,
			about:   "Servers that put records into crypto/tls's buffers directly. One that does not allocates for each record: its log says why.",
			queries: []query{{legend: "servers", expr: `sum(hotpath_tls_buffers_direct)`}}},
		{kind: figure, title: "Panics", unit: units.Short, w: 4, h: 4, steps: limit(1),
			about:   "Since the start. Each was caught, logged with its stack, and is a bug.",
			queries: []query{{legend: "panics", expr: `sum(hotpath_panics_total)`}}},
		{kind: figure, title: "Draining", unit: units.Short, w: 4, h: 4, steps: limit(1),
			about:   "Servers that are stopping and take nothing new.",
			queries: []query{{legend: "servers", expr: `sum(hotpath_draining)`}}},
		{kind: figure, title: "Configurations", unit: units.Short, w: 4, h: 4, steps: limit(2),
			about:   "Different ones among the servers. More than one for longer than a rollout takes: a server has refused its reload, or was forgotten.",
			queries: []query{{legend: "configurations", expr: `count(count_values("hash", hotpath_config_hash))`}}},
		{title: "Reloads", unit: units.Short, colours: palette{"applied": "green", "invalid": "red", "restart": "orange", "refused": "purple"},
			about:   "How many in the time before each point (four scrapes, or more if much time is shown), by what became of them. invalid, restart: the server goes on with what it had, and its log says why.",
			queries: []query{increases("hotpath_config_reloads_total", "outcome")}},
		{title: "Access log and traces", unit: perSecond, colours: outcomes,
			about: "Records by what became of them. dropped: the writer was behind, or the file would have grown faster than access-log-rate. failed: the file did not take them, and the log says why. Spans by the same: dropped, more than the collector took; failed, it refused them or was not there.",
			queries: []query{
				each("hotpath_access_log_records_total", "outcome"),
				each("hotpath_trace_spans_total", "outcome").named("spans {{outcome}}"),
			}},
	}}
)
