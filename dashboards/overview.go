package main

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// Latency is that of hits and misses: what bypasses the cache lasts as long as
// its client's upload or download.
const served = `{cache!="bypass"}`

var overview = board{
	uid: "hotpath-overview", title: "hotpath / Overview",
	about:     "Is it up, right and fast. From the top: what is now, the last hour, each server, the objectives and what is left of their budgets, and what it is made of.",
	variables: []variable{job, instance},
	sections: []section{
		{"Is it up, right and fast?", []panel{
			{kind: words, title: "Up", w: 3, h: 3, steps: []step{{0, "red"}, {1, "green"}},
				about: "Servers that answer Prometheus, of those that it knows; 0 of 0 if it knows none.",
				queries: []query{{legend: "{{n}} of {{known}}",
					expr: `sum(up) / count(up) * on () group_left (n) count_values("n", sum(up)) * on () group_left (known) count_values("known", count(up))` + orElse(0, "n", "0", "known", "0")}}},
			{kind: words, title: "Alerts that fire", w: 17, h: 3, steps: alertSteps,
				about:   "Of all servers, whatever is chosen: red needs action now, orange on the next working day. Beside red ones orange is a number, and so is what is beyond four: the names are below. The runbooks say what to do. Grey: Prometheus looks for no alerts, and nothing would be reported.",
				queries: []query{{legend: "{{alertname}}", expr: urgent}, {legend: "and {{n}} more", expr: lesser, mayBeEmpty: "nothing is critical, and there are few warnings"}}},
			{kind: words, title: "Versions", w: 4, h: 3,
				about:   "Of hotpath and of the Go that built it, in use now.",
				queries: []query{{legend: "{{version}} {{go}}", expr: `count by (version, go) (hotpath_build_info)` + orElse(0, "version", "no server", "go", "answers")}}},
			{kind: figure, title: "Requests now", unit: units.RequestsPerSecond, w: 4, h: 3,
				about:   "Responses of all chosen servers.",
				queries: []query{{legend: "requests", expr: `sum(rate(hotpath_requests_total[1m]))`}}},
			{kind: figure, title: "Errors", unit: units.PercentUnit, w: 4, h: 3, digits: 2, steps: rising(0.0001, 0.001),
				about:   "Share of responses that are 5xx. The objective allows a thousandth.",
				queries: []query{{legend: "5xx", expr: ofNow(errorShare)}}},
			{kind: figure, title: "Hits", unit: units.PercentUnit, w: 4, h: 3, digits: 1, steps: falling(0.5, 0.9),
				about:   "Share of requests that were answered from memory, of those that could have been.",
				queries: []query{{legend: "hits", expr: ofNow(hitShare)}}},
			{kind: figure, title: "Mean latency", unit: units.Seconds, w: 4, h: 3, steps: rising(0.8*targetMean, targetMean),
				about:   "Of hits and misses. 3 ms is the target.",
				queries: []query{{legend: "mean", expr: ofNow(latency("hotpath_request_duration_seconds", served)[0].expr)}}},
			{kind: figure, title: "Error budget left", unit: units.PercentUnit, w: 4, h: 3, digits: 1, steps: falling(0, 0.25),
				about:   "Of the objective that has less. Below 0 it is broken; at -100 % the budget is spent twice, or more.",
				queries: []query{{legend: "left", expr: `clamp_min(1 - max(job:hotpath_slo_burn:ratio30d), -1)`}}},
			{kind: figure, title: "Permits taken", unit: units.PercentUnit, w: 4, h: 3, digits: 1, steps: rising(0.7, 0.9),
				about:   "Open connections, of those that may be, of the fullest server. At 100 % new ones are refused.",
				queries: []query{{legend: "taken", expr: `max(hotpath_connection_permits_in_use / hotpath_connection_permits)`}}},
			{title: "Responses by class", unit: units.RequestsPerSecond, stack: true, colours: classes,
				about:   "Responses of all chosen servers, by status class.",
				queries: []query{each("hotpath_requests_total", "class")}},
			{title: "5xx and their share", unit: units.RequestsPerSecond, colours: palette{"5xx": "red", "share": "purple"},
				about: "If they are misses (below, by cache result), the origin fails: see the dashboard of cache and origin. Else the server refuses: see the limits.",
				queries: []query{
					{legend: "5xx", expr: `sum(rate(hotpath_requests_total{class="5xx"}[$rate]))`},
					{legend: "share", expr: errorShare, right: units.PercentUnit},
				}},
			{title: "Latency", unit: units.Seconds, log: true, steps: limit(targetMean), colours: quantiles,
				about:   "Hits and misses of all chosen servers, from the request's head to handing over the end of its response. The mean belongs below the line of 3 ms. If it does not: by cache result, further down, then CPU.",
				queries: latency("hotpath_request_duration_seconds", served)},
		}},
		{"Since when, and which server?", []panel{
			{kind: bands, title: "Alerts, over time", w: 12, steps: alertSteps, said: map[float64]string{0: "none", 1: "warning", 2: "critical"},
				about:   "When each began to fire, and ended. What began first is mostly the cause of the others.",
				queries: []query{{legend: "{{alertname}}", expr: firing}}},
			{kind: bands, title: "Up, over time", w: 12, steps: []step{{0, "red"}, {1, "green"}}, said: map[float64]string{0: "down", 1: "up"},
				about:   "Whether each server has answered Prometheus.",
				queries: []query{{legend: "{{instance}}", expr: `up`}}},
			{title: "Requests of each server", unit: units.RequestsPerSecond, w: 12,
				about:   "One far from the others: its balancer, or its limits.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_requests_total[$rate]))`}}},
			{title: "Mean by server", unit: units.Seconds, w: 12, log: true, steps: limit(targetMean),
				about:   "Of hits and misses. One server above the others has less CPU, or worse clients.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_request_duration_seconds_sum{cache!="bypass"}[$rate])) / sum by (instance) (rate(hotpath_request_duration_seconds_count{cache!="bypass"}[$rate]))`}}},
		}},
		{"Objectives (30 days)", []panel{
			{title: "Budgets left", unit: units.PercentUnit, top: 1, colours: burns,
				about:   "Availability: 99.9 % of responses are not 5xx. Latency: 99 % of hits and misses take 10 ms at most. Both of all servers of a job, over 30 days, or as long as Prometheus has kept them. -100 %: spent twice, or more.",
				queries: []query{{legend: "{{slo}}", expr: `clamp_min(1 - job:hotpath_slo_burn:ratio30d, -1)`}}},
			{title: "Burn rate, fast", unit: units.Short, colours: burns, steps: limit(fastBurn),
				about: "How many times faster than allowed the budget is spent, over an hour and five minutes. Both above the line pages: 2 % of the budget in an hour.",
				queries: []query{
					{legend: "{{slo}} 1 h", expr: `job:hotpath_slo_burn:ratio1h`},
					{legend: "{{slo}} 5 min", expr: `job:hotpath_slo_burn:ratio5m`, dash: true},
				}},
			{title: "Burn rate, slow", unit: units.Short, colours: burns, steps: limit(slowBurn),
				about: "The same over a day and two hours. Both above the line warns: 10 % of the budget in a day.",
				queries: []query{
					{legend: "{{slo}} 1 d", expr: `job:hotpath_slo_burn:ratio1d`},
					{legend: "{{slo}} 2 h", expr: `job:hotpath_slo_burn:ratio2h`, dash: true},
				}},
		}},
		{"The last seven days", []panel{
			{title: "Most requests of each server", unit: units.RequestsPerSecond, w: 12, days: 7,
				about:   "From the recording rules, which are quick over a week: the most of any minute between two points.",
				queries: []query{{legend: "{{instance}}", expr: `max_over_time(instance:hotpath_requests:rate1m[$__interval])`}}},
			{title: "Worst mean and p99 of each server", unit: units.Seconds, w: 12, days: 7, log: true, steps: limit(targetMean),
				about: "Hits and misses, from the recording rules: the highest of any minute between two points, which an average would hide. The line is the target of the mean.",
				queries: []query{
					{legend: "{{instance}} mean", expr: `max_over_time(instance:hotpath_request_duration_seconds:mean1m[$__interval])`},
					{legend: "{{instance}} p99", expr: `max_over_time(instance:hotpath_request_duration_seconds:quantile1m{quantile="0.99"}[$__interval])`},
				}},
		}},
		{"Latency, by what took part", []panel{
			{kind: heat, title: "Latency of hits and misses", unit: units.Seconds, w: 12,
				about:   "How many requests took how long. Two bands mean two kinds of request: hits, and what had to be fetched.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_request_duration_seconds_bucket{cache!="bypass"}[$rate]))`}}},
			{title: "p99 by cache result", unit: units.Seconds, w: 12, log: true, colours: results,
				about: "A hit is the server's own time. A miss has the origin's in it, a bypass that of the client's upload or download.",
				queries: []query{{legend: "{{cache}}", expr: `histogram_quantile(0.99, sum by (cache, le) (rate(hotpath_request_duration_seconds_bucket[$rate])))`,
					mayBeEmpty: "a quantile of no requests is no number, and a load of hits alone has no bypass"}}},
		}},
		{"Requests", []panel{
			{title: "By cache result", unit: units.RequestsPerSecond, w: 12, h: 7, stack: true, colours: results,
				about:   "bypass could never have come from memory: a POST, a body too large to store.",
				queries: []query{each("hotpath_requests_total", "cache")}},
			{title: "By protocol", unit: units.RequestsPerSecond, w: 12, h: 7, stack: true,
				about:   "h1 is HTTP/1.1, h2 is HTTP/2, h3 is HTTP/3.",
				queries: []query{each("hotpath_requests_total", "protocol")}},
			{title: "Bytes", unit: units.BytesPerSecondIEC, w: 12, h: 7,
				about: "On sockets, TLS included.",
				queries: []query{
					{legend: "sent", expr: `sum(rate(hotpath_sent_bytes_total[$rate]))`},
					{legend: "received", expr: `sum(rate(hotpath_received_bytes_total[$rate]))`},
				}},
			{title: "Bytes sent for each response", unit: units.BytesIEC, w: 12, h: 7,
				about:   "The mean: bytes that were sent, TLS included, by responses. A rise with a steady rate fills the network first.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_sent_bytes_total[$rate])) / sum by (instance) (rate(hotpath_requests_total[$rate]))`}}},
		}},
		connectionSection,
		certificateSection,
		processSection,
	},
}

// firing are the alerts that fire, 1 for a warning and 2 for what is critical, or none
// of them; without a value no alerts are looked for, and nothing would be reported.
const (
	firing = fired + noneFires
	fired  = `max by (alertname) (2 * ALERTS{alertname=~"Hotpath.*",alertstate="firing",severity="critical"} or ALERTS{alertname=~"Hotpath.*",alertstate="firing"})`

	noneFires = ` or on () label_replace(0 * max(all:hotpath_alerts:evaluated), "alertname", "none", "", "")`
)

// urgent and lesser are firing for a panel that has room for few names: beside what is
// critical warnings are a number, and so are those beyond four.
var (
	urgent = `(` + fired + ` == 2) or (topk(4, ` + fired + ` == 1) unless on () ` + fired + ` == 2)` + noneFires + orElse(-1, "alertname", "no alerts are looked for")
	lesser = `count_values("n", (count(` + fired + ` == 1) and on () count(` + fired + ` == 2)) or count(` + fired + ` == 1) - 4 > 0)`
)

var alertSteps = []step{{-1, grey}, {0, "green"}, {1, "orange"}, {2, "red"}}

// orElse is a value for a panel of words if an expression has none, with these labels:
// an empty panel says nothing.
func orElse(value int, labels ...string) string {
	expr := fmt.Sprintf("vector(%d)", value)
	for i := 0; i < len(labels); i += 2 {
		expr = fmt.Sprintf("label_replace(%s, %q, %q, %q, %q)", expr, labels[i], labels[i+1], "", "")
	}
	return " or on () " + expr
}

const (
	errorShare = `sum(rate(hotpath_requests_total{class="5xx"}[$rate])) / sum(rate(hotpath_requests_total[$rate]))`
	hitShare   = `sum(rate(hotpath_requests_total{cache="hit"}[$rate])) / sum(rate(hotpath_requests_total{cache!="bypass"}[$rate]))`
)

// ofNow is an expression over the last minute, for a figure: $rate grows with the time
// that is shown, and over seven days a server that died half an hour ago would be well.
func ofNow(expr string) string { return strings.ReplaceAll(expr, "$rate", "1m") }
