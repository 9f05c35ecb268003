package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Latency is that of hits and misses: what bypasses the cache lasts as long as
// its client's upload or download.
var overview = board{
	uid: "hotpath-overview", title: "hotpath / Overview",
	about:     "Do the targets hold: 150,000 requests/s and a mean of 3 ms, for each server. From the top: now, the objectives and what is left of their budgets, and what it is made of.",
	variables: []variable{job, instance},
	sections: []section{
		{"Do the targets hold?", []panel{
			{title: "Requests", unit: units.RequestsPerSecond, h: 8, steps: goal(targetRate),
				about:   "Responses of each server. The line is what one server is promised to hold; below it is only less traffic. Whether it would be reached, the load test shows.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_requests_total[$rate]))`}}},
			{title: "Latency", unit: units.Seconds, h: 8, steps: limit(targetMean),
				about: "Hits and misses of all chosen servers, from the request's head to handing over the end of its response. The mean belongs below the line of 3 ms. If it does not: by cache result, further down, then CPU.",
				queries: []query{
					{legend: "mean", expr: `sum(rate(hotpath_request_duration_seconds_sum{cache!="bypass"}[$rate])) / sum(rate(hotpath_request_duration_seconds_count{cache!="bypass"}[$rate]))`},
					{legend: "p50", expr: `histogram_quantile(0.5, sum by (le) (rate(hotpath_request_duration_seconds_bucket{cache!="bypass"}[$rate])))`},
					{legend: "p99", expr: `histogram_quantile(0.99, sum by (le) (rate(hotpath_request_duration_seconds_bucket{cache!="bypass"}[$rate])))`},
				}},
			{kind: figure, title: "Errors", unit: units.PercentUnit, w: 4, h: 4, steps: rising(0.0001, 0.001),
				about:   "Share of responses that are 5xx. The objective allows a thousandth.",
				queries: []query{{legend: "5xx", expr: `sum(rate(hotpath_requests_total{class="5xx"}[$rate])) / sum(rate(hotpath_requests_total[$rate]))`}}},
			{kind: figure, title: "Hits", unit: units.PercentUnit, w: 4, h: 4, steps: falling(0.5, 0.9),
				about:   "Share of requests that were answered from memory, of those that could have been.",
				queries: []query{{legend: "hits", expr: `sum(rate(hotpath_requests_total{cache="hit"}[$rate])) / sum(rate(hotpath_requests_total{cache!="bypass"}[$rate]))`}}},
			{kind: figure, title: "Error budget left", unit: units.PercentUnit, w: 4, h: 4, steps: falling(0, 0.25),
				about:   "Of the objective that has less. Below 0 it is broken.",
				queries: []query{{legend: "left", expr: `1 - max(job:hotpath_slo_burn:ratio30d)`}}},
			{kind: figure, title: "Permits taken", unit: units.PercentUnit, w: 4, h: 4, steps: rising(0.7, 0.9),
				about:   "Open connections, of those that may be, of the fullest server. At 100 % new ones are refused.",
				queries: []query{{legend: "taken", expr: `max(hotpath_connection_permits_in_use / hotpath_connection_permits)`}}},
		}},
		{"Objectives (30 days)", []panel{
			{title: "Error budget left", unit: units.PercentUnit, top: 1,
				about:   "Availability: 99.9 % of responses are not 5xx. Latency: 99 % of hits and misses take 10 ms at most. Both of all servers of a job, over 30 days, or as long as Prometheus has kept them.",
				queries: []query{{legend: "{{slo}}", expr: `1 - job:hotpath_slo_burn:ratio30d`}}},
			{title: "Burn rate, fast", unit: units.Short, steps: limit(fastBurn),
				about: "How many times faster than allowed the budget is spent, over an hour and five minutes. Both above the line pages: 2 % of the budget in an hour.",
				queries: []query{
					{legend: "{{slo}} 1 h", expr: `job:hotpath_slo_burn:ratio1h`},
					{legend: "{{slo}} 5 min", expr: `job:hotpath_slo_burn:ratio5m`},
				}},
			{title: "Burn rate, slow", unit: units.Short, steps: limit(slowBurn),
				about: "The same over a day and two hours. Both above the line warns: 10 % of the budget in a day.",
				queries: []query{
					{legend: "{{slo}} 1 d", expr: `job:hotpath_slo_burn:ratio1d`},
					{legend: "{{slo}} 2 h", expr: `job:hotpath_slo_burn:ratio2h`},
				}},
		}},
		{"The last seven days", []panel{
			{title: "Requests of each server", unit: units.RequestsPerSecond, w: 12, days: 7, steps: goal(targetRate),
				about:   "From the recording rules, which are quick over a week.",
				queries: []query{{legend: "{{instance}}", expr: `instance:hotpath_requests:rate1m`}}},
			{title: "Mean and p99 of each server", unit: units.Seconds, w: 12, days: 7, steps: limit(targetMean),
				about: "Hits and misses, from the recording rules. The line is the target of the mean.",
				queries: []query{
					{legend: "{{instance}} mean", expr: `instance:hotpath_request_duration_seconds:mean1m`},
					{legend: "{{instance}} p99", expr: `instance:hotpath_request_duration_seconds:quantile1m{quantile="0.99"}`},
				}},
		}},
		{"Latency", []panel{
			{kind: heat, title: "Latency of all requests", unit: units.Seconds, w: 12, h: 8,
				about:   "How many requests took how long. Two bands mean two kinds of request: hits, and what had to be fetched.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_request_duration_seconds_bucket[$rate]))`}}},
			{title: "p99 by cache result", unit: units.Seconds, w: 6, h: 8,
				about: "A hit is the server's own time. A miss has the origin's in it, a bypass that of the client's upload or download.",
				queries: []query{{legend: "{{cache}}", expr: `histogram_quantile(0.99, sum by (cache, le) (rate(hotpath_request_duration_seconds_bucket[$rate])))`,
					mayBeEmpty: "a quantile of no requests is no number, and a load of hits alone has no bypass"}}},
			{title: "Mean by server", unit: units.Seconds, w: 6, h: 8, steps: limit(targetMean),
				about:   "Of hits and misses. One server above the others has less CPU, or worse clients.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_request_duration_seconds_sum{cache!="bypass"}[$rate])) / sum by (instance) (rate(hotpath_request_duration_seconds_count{cache!="bypass"}[$rate]))`}}},
		}},
		{"Requests", []panel{
			{title: "By class", unit: units.RequestsPerSecond, w: 6, stack: true,
				about:   "Responses by status class.",
				queries: []query{{legend: "{{class}}", expr: `sum by (class) (rate(hotpath_requests_total[$rate]))`}}},
			{title: "By cache result", unit: units.RequestsPerSecond, w: 6, stack: true,
				about:   "bypass could never have come from memory: a POST, a body too large to store.",
				queries: []query{{legend: "{{cache}}", expr: `sum by (cache) (rate(hotpath_requests_total[$rate]))`}}},
			{title: "By protocol", unit: units.RequestsPerSecond, w: 6, stack: true,
				about:   "h1 is HTTP/1.1, h2 is HTTP/2, h3 is HTTP/3.",
				queries: []query{{legend: "{{protocol}}", expr: `sum by (protocol) (rate(hotpath_requests_total[$rate]))`}}},
			{title: "Bytes", unit: units.BytesPerSecondIEC, w: 6,
				about: "On sockets, TLS included.",
				queries: []query{
					{legend: "sent", expr: `sum(rate(hotpath_sent_bytes_total[$rate]))`},
					{legend: "received", expr: `sum(rate(hotpath_received_bytes_total[$rate]))`},
				}},
		}},
		connectionSection,
		processSection,
	},
}
