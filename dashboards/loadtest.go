package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// The load generator's series are there while it runs with -metrics.
var loadTest = board{
	uid: "hotpath-loadtest", title: "hotpath / Load test",
	about:     "What the load generator asked and saw (loadgen -metrics), beside what the server says of the same time.",
	variables: []variable{job, instance, loadgen},
	sections: []section{
		{"Is the rate reached, and how late?", []panel{
			{kind: figure, title: "Verdict", w: 4, h: 4, steps: []step{{0, "red"}, {1, "green"}}, said: map[float64]string{0: "missed", 1: "held"},
				about: "Of the last test of each load generator in the time shown, as far as it has come; several are taken as one, unless one is chosen. held: 99 % of what was due (in a closed loop nothing is) has succeeded, less than a thousandth has failed, and the mean is below 3 ms.",
				queries: []query{{legend: "verdict", expr: "(" + last(`hotpath_loadgen_ends_total{end="succeeded"}`) + ` >= bool 0.99 * ` + last("hotpath_loadgen_requests_due_total") + `) * (` +
					lastFailed + ` < bool 0.001) * (` + lastMean + fmt.Sprintf(" < bool %v)", targetMean) + " and " + last("hotpath_loadgen_ends_total") + " > 0"}}},
			{kind: figure, title: "Totals", unit: units.Short, w: 12, h: 4,
				about: "Of the last test in the time shown. due: 0 in a closed loop.",
				queries: []query{
					{legend: "due", expr: last("hotpath_loadgen_requests_due_total")},
					{legend: "succeeded", expr: last(`hotpath_loadgen_ends_total{end="succeeded"}`)},
					{legend: "declined", expr: last(`hotpath_loadgen_ends_total{end="declined"}`)},
					{legend: "without an answer", expr: last("hotpath_loadgen_failures_total")},
				}},
			{kind: figure, title: "Mean of the test", unit: units.Seconds, w: 4, h: 4, steps: rising(0.8*targetMean, targetMean),
				about:   "Of the last test in the time shown, from the moment each request was due.",
				queries: []query{{legend: "mean", expr: lastMean}}},
			{kind: figure, title: "Failed of the test", unit: units.PercentUnit, w: 4, h: 4, digits: 2, steps: rising(0.0001, 0.001),
				about:   "Of the last test in the time shown: share of its requests that have no whole answer, or one that is not 2xx or 3xx.",
				queries: []query{{legend: "failed", expr: lastFailed}}},
			{title: "Asked, reached, served", unit: units.RequestsPerSecond, h: 10, colours: palette{"reached": "green", "served": "blue"},
				about: "asked was due, reached succeeded, served is the server's own count of all traffic. reached below asked: the server is full, or the load generator is: see CPU.",
				queries: []query{
					{legend: "asked", expr: `sum(hotpath_loadgen_asked_rate)`, bound: true},
					{legend: "reached", expr: `sum(hotpath_loadgen_reached_rate)`},
					{legend: "served", expr: `sum(rate(hotpath_requests_total[$rate]))`},
				}},
			{title: "Latency that clients see", unit: units.Seconds, h: 10, log: true, steps: limit(targetMean), colours: quantiles,
				about:   "From the moment each request was due, of those that succeeded or had no answer in time: how long others took to fail makes nothing faster. The mean belongs below the line of 3 ms.",
				queries: latency("hotpath_loadgen_request_duration_seconds", "")},
			{title: "Failed, declined", unit: units.PercentUnit, h: 5, colours: palette{"failed": "red", "not 2xx or 3xx": "orange"},
				about: "Shares of the requests of now: without a whole response, and answers of another class.",
				queries: []query{
					{legend: "failed", expr: `sum(rate(hotpath_loadgen_failures_total[$rate])) / (sum(rate(hotpath_loadgen_failures_total[$rate])) + sum(rate(hotpath_loadgen_requests_total[$rate])))`},
					{legend: "not 2xx or 3xx", expr: `sum(rate(hotpath_loadgen_requests_total{class!~"2xx|3xx"}[$rate])) / sum(rate(hotpath_loadgen_requests_total[$rate]))`},
				}},
			{title: "In flight, hits", unit: units.Short, h: 5,
				about: "Requests sent and not ended, and the share of the server's requests that were answered from memory, of those that could have been.",
				queries: []query{
					{legend: "in flight", expr: `sum(hotpath_loadgen_requests_in_flight)`},
					{legend: "hits", expr: hitShare, right: units.PercentUnit},
				}},
		}},
		{"Where the time goes", []panel{
			{title: "p99: due, sent, served", unit: units.Seconds, log: true,
				about: "due far above sent: requests wait for a stream or for the load generator. sent far above served: the network, or a busy core before the server's clock begins.",
				queries: []query{
					{legend: "from due", expr: clientP99},
					{legend: "from sent", expr: `histogram_quantile(0.99, sum by (le) (rate(hotpath_loadgen_service_duration_seconds_bucket[$rate])))`},
					{legend: "in the server", expr: `histogram_quantile(0.99, sum by (le) (rate(hotpath_request_duration_seconds_bucket{cache!="bypass"}[$rate])))`},
				}},
			{title: "Mean: due, sent, served", unit: units.Seconds, log: true, steps: limit(targetMean),
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
			{kind: heat, title: "Latency of all that clients see", unit: units.Seconds, w: 12,
				about:   "How many requests took how long from the moment they were due.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_loadgen_request_duration_seconds_bucket[$rate]))`}}},
			{kind: heat, title: "Latency in the server", unit: units.Seconds, w: 12,
				about:   "The same requests by the server's clock, beside all other hits and misses.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_request_duration_seconds_bucket{cache!="bypass"}[$rate]))`}}},
		}},
		{"What came of it", []panel{
			{title: "Due and ended", unit: units.RequestsPerSecond, colours: classes,
				about: "Requests that became due (none in a closed loop), and responses by class.",
				queries: []query{
					{legend: "due", expr: `sum(rate(hotpath_loadgen_requests_due_total[$rate]))`, bound: true},
					each("hotpath_loadgen_requests_total", "class"),
				}},
			{title: "Failures", unit: perSecond, stack: true, colours: failures,
				about:   "By kind: docs/loadgen.md has what each means.",
				queries: []query{each("hotpath_loadgen_failures_total", "kind")}},
			{title: "How far requests came", unit: units.RequestsPerSecond, stack: true, colours: outcomes,
				about:   "cut and unsent: no whole answer in time.",
				queries: []query{each("hotpath_loadgen_ends_total", "end")}},
			{title: "Requests that waited", unit: units.RequestsPerSecond,
				about:   "Late because all that may be in flight on a connection was, which is the load generator's limit: raise -connections.",
				queries: []query{{legend: "waited", expr: `sum(rate(hotpath_loadgen_requests_waited_total[$rate]))`}}},
			{title: "Connections and retries", unit: perSecond,
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
var clientP99 = quantile(0.99, "hotpath_loadgen_request_duration_seconds", "")

// last is where a counter of a load test has come to, or was when the test ended, for
// the last one in the time shown.
func last(counter string) string {
	return fmt.Sprintf("sum(last_over_time(%s[$__range]))", counter)
}

var (
	lastMean   = last("hotpath_loadgen_request_duration_seconds_sum") + " / " + last("hotpath_loadgen_request_duration_seconds_count")
	lastFailed = last(`hotpath_loadgen_ends_total{end!="succeeded"}`) + " / " + last("hotpath_loadgen_ends_total")
)
