package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

// The load generator's series are there while it runs with -metrics.
var loadTest = board{
	uid: "hotpath-loadtest", title: "hotpath / Load test",
	about:     "What the load generator asked and saw (loadgen -metrics), beside what the server says of the same time.",
	variables: []variable{job, instance, loadgen},
	sections: []section{
		{"Is the rate reached, and how late?", []panel{
			{title: "Asked, reached, served", unit: units.RequestsPerSecond, h: 8, steps: goal(targetRate),
				about: "asked was due, reached succeeded, served is the server's own count. reached below asked: the server is full, or the load generator is: see CPU.",
				queries: []query{
					{legend: "asked", expr: `sum(hotpath_loadgen_asked_rate)`},
					{legend: "reached", expr: `sum(hotpath_loadgen_reached_rate)`},
					{legend: "served", expr: `sum(rate(hotpath_requests_total[$rate]))`},
				}},
			{title: "Latency that clients see", unit: units.Seconds, h: 8, steps: limit(targetMean),
				about: "From the moment each request was due, failures included. The mean belongs below the line of 3 ms.",
				queries: []query{
					{legend: "mean", expr: `sum(rate(hotpath_loadgen_request_duration_seconds_sum[$rate])) / sum(rate(hotpath_loadgen_request_duration_seconds_count[$rate]))`},
					{legend: "p50", expr: `histogram_quantile(0.5, sum by (le) (rate(hotpath_loadgen_request_duration_seconds_bucket[$rate])))`},
					{legend: "p99", expr: clientP99},
				}},
			{kind: figure, title: "Failed", unit: units.PercentUnit, w: 4, h: 4, steps: rising(0.0001, 0.001),
				about:   "Share of requests without a whole response.",
				queries: []query{{legend: "failed", expr: `sum(rate(hotpath_loadgen_failures_total[$rate])) / (sum(rate(hotpath_loadgen_failures_total[$rate])) + sum(rate(hotpath_loadgen_requests_total[$rate])))`}}},
			{kind: figure, title: "Not 2xx or 3xx", unit: units.PercentUnit, w: 4, h: 4, steps: rising(0.0001, 0.001),
				about:   "Share of answers of another class.",
				queries: []query{{legend: "share", expr: `sum(rate(hotpath_loadgen_requests_total{class!~"2xx|3xx"}[$rate])) / sum(rate(hotpath_loadgen_requests_total[$rate]))`}}},
			{kind: figure, title: "In flight", unit: units.Short, w: 4, h: 4,
				about:   "Requests sent and not ended.",
				queries: []query{{legend: "in flight", expr: `sum(hotpath_loadgen_requests_in_flight)`}}},
			{kind: figure, title: "Hits", unit: units.PercentUnit, w: 4, h: 4, steps: falling(0.5, 0.9),
				about:   "Share of the server's requests that were answered from memory, of those that could have been.",
				queries: []query{{legend: "hits", expr: `sum(rate(hotpath_requests_total{cache="hit"}[$rate])) / sum(rate(hotpath_requests_total{cache!="bypass"}[$rate]))`}}},
		}},
		{"Where the time goes", []panel{
			{title: "p99: due, sent, served", unit: units.Seconds,
				about: "due far above sent: requests wait for a stream or for the load generator. sent far above served: the network, or a busy core before the server's clock begins.",
				queries: []query{
					{legend: "from due", expr: clientP99},
					{legend: "from sent", expr: `histogram_quantile(0.99, sum by (le) (rate(hotpath_loadgen_service_duration_seconds_bucket[$rate])))`},
					{legend: "in the server", expr: `histogram_quantile(0.99, sum by (le) (rate(hotpath_request_duration_seconds_bucket{cache!="bypass"}[$rate])))`},
				}},
			{title: "Mean: due, sent, served", unit: units.Seconds, steps: limit(targetMean),
				about: "As beside.",
				queries: []query{
					{legend: "from due", expr: `sum(rate(hotpath_loadgen_request_duration_seconds_sum[$rate])) / sum(rate(hotpath_loadgen_request_duration_seconds_count[$rate]))`},
					{legend: "from sent", expr: `sum(rate(hotpath_loadgen_service_duration_seconds_sum[$rate])) / sum(rate(hotpath_loadgen_service_duration_seconds_count[$rate]))`},
					{legend: "in the server", expr: `sum(rate(hotpath_request_duration_seconds_sum{cache!="bypass"}[$rate])) / sum(rate(hotpath_request_duration_seconds_count{cache!="bypass"}[$rate]))`},
				}},
			{title: "CPU", unit: units.Short,
				about: "Cores in use. A load generator that uses all of its own measures itself.",
				queries: []query{
					{legend: "server {{instance}}", expr: `sum by (instance) (rate(process_cpu_seconds_total[$rate]))`},
					{legend: "load generator {{instance}}", expr: `sum by (instance) (rate(process_cpu_seconds_total{instance=~"$loadgen"}[$rate]))`},
				}},
			{kind: heat, title: "Latency that clients see", unit: units.Seconds, w: 12, h: 8,
				about:   "How many requests took how long from the moment they were due.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_loadgen_request_duration_seconds_bucket[$rate]))`}}},
			{kind: heat, title: "Latency in the server", unit: units.Seconds, w: 12, h: 8,
				about:   "The same requests by the server's clock.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_request_duration_seconds_bucket[$rate]))`}}},
		}},
		{"What came of it", []panel{
			{title: "Due and ended", unit: units.RequestsPerSecond,
				about: "Requests that became due (none in a closed loop), and responses by class.",
				queries: []query{
					{legend: "due", expr: `sum(rate(hotpath_loadgen_requests_due_total[$rate]))`},
					{legend: "{{class}}", expr: `sum by (class) (rate(hotpath_loadgen_requests_total[$rate]))`},
				}},
			{title: "Failures", unit: units.CountsPerSecond, stack: true,
				about:   "By kind: docs/loadgen.md has what each means.",
				queries: []query{{legend: "{{kind}}", expr: `sum by (kind) (rate(hotpath_loadgen_failures_total[$rate]))`}}},
			{title: "How far requests came", unit: units.RequestsPerSecond, stack: true,
				about: "cut and unsent: no whole answer in time. waited: late because all that may be in flight on a connection was, which is the load generator's limit: raise -connections.",
				queries: []query{
					{legend: "{{end}}", expr: `sum by (end) (rate(hotpath_loadgen_ends_total[$rate]))`},
					{legend: "waited", expr: `sum(rate(hotpath_loadgen_requests_waited_total[$rate]))`},
				}},
			{title: "Connections and retries", unit: units.CountsPerSecond,
				about: "Connections that were made, those that could not be or ended otherwise than in order, and requests that were sent again because a server had not processed them. Many: the server ends connections, after few requests (retries) or because something is wrong (errors; the load generator's report has the texts).",
				queries: []query{
					{legend: "made", expr: `sum(rate(hotpath_loadgen_connections_total[$rate]))`},
					{legend: "errors", expr: `sum(rate(hotpath_loadgen_connection_errors_total[$rate]))`},
					{legend: "retries", expr: `sum(rate(hotpath_loadgen_retries_total[$rate]))`},
				}},
			{title: "Bytes of the load generator", unit: units.BytesPerSecondIEC,
				about: "On its sockets, TLS included.",
				queries: []query{
					{legend: "received", expr: `sum(rate(hotpath_loadgen_received_bytes_total[$rate]))`},
					{legend: "sent", expr: `sum(rate(hotpath_loadgen_sent_bytes_total[$rate]))`},
				}},
		}},
	},
}

// clientP99 is to agree with the load generator's own report: TestPanels.
const clientP99 = `histogram_quantile(0.99, sum by (le) (rate(hotpath_loadgen_request_duration_seconds_bucket[$rate])))`
