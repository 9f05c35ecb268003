package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

var cacheAndOrigin = board{
	uid: "hotpath-cache", title: "hotpath / Cache and origin",
	about:     "What is answered from memory, why not more, and what the origin makes of the rest.",
	variables: []variable{job, instance},
	sections: []section{
		{"Is the cache large enough?", []panel{
			{title: "Hits", unit: units.PercentUnit, w: 6, h: 8, top: 1,
				about:   "Share of requests that were answered from memory, of those that could have been, by server. A fall with evictions means a cache too small; without them, keys that were not asked for before.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_requests_total{cache="hit"}[$rate])) / sum by (instance) (rate(hotpath_requests_total{cache!="bypass"}[$rate]))`}}},
			{title: "Entries, against the limit", unit: units.Short, w: 6, h: 8,
				about: "Full is well as long as nothing useful is evicted. -cache-entries raises it.",
				queries: []query{
					{legend: "{{instance}}", expr: `hotpath_cache_entries`},
					{legend: "{{instance}} limit", expr: `hotpath_cache_limit_entries`},
				}},
			{title: "Bytes, against the limit", unit: units.BytesIEC, w: 6, h: 8,
				about: "-cache-bytes raises it; keep -memory-limit well above.",
				queries: []query{
					{legend: "{{instance}}", expr: `hotpath_cache_bytes`},
					{legend: "{{instance}} limit", expr: `hotpath_cache_limit_bytes`},
				}},
			{title: "Evictions", unit: units.CountsPerSecond, w: 6, h: 8,
				about:   "capacity: more entries than the limit; bytes: more bytes. These two cost hits. replaced: a newer value came; removed: purged.",
				queries: []query{{legend: "{{reason}}", expr: `sum by (reason) (rate(hotpath_cache_evictions_total[$rate]))`}}},
		}},
		{"Memory", []panel{
			{title: "Memory by kind", unit: units.BytesIEC, w: 12, stack: true,
				about:   "What -cache-bytes limits. arriving: bodies being received; sending: bodies that left the cache while slow clients read them; buffered: output that waits. The last two may take half together.",
				queries: []query{{legend: "{{kind}}", expr: `sum by (kind) (hotpath_memory_bytes)`}}},
			{title: "Responses cut", unit: units.CountsPerSecond, w: 12,
				about:   "The slowest, cut because memory ran out: clients that do not read, or a -cache-bytes too small for those that read slowly.",
				queries: []query{{legend: "{{instance}}", expr: `rate(hotpath_senders_cut_total[$rate])`}}},
		}},
		{"Cache", []panel{
			{title: "Lookups", unit: units.OpsPerSecond, w: 6, stack: true,
				about:   "Times that the cache was asked, by whether it had a fresh entry.",
				queries: []query{{legend: "{{result}}", expr: `sum by (result) (rate(hotpath_cache_lookups_total[$rate]))`}}},
			{title: "Expired and rejected", unit: units.CountsPerSecond, w: 6,
				about: "Entries found expired, and values too large for the cache.",
				queries: []query{
					{legend: "expired", expr: `sum(rate(hotpath_cache_expired_total[$rate]))`},
					{legend: "rejected", expr: `sum(rate(hotpath_cache_rejected_total[$rate]))`},
				}},
			{title: "Revalidations", unit: units.CountsPerSecond, w: 6,
				about:   "Looks at whether an entry is current, in the background of a hit, by what they found.",
				queries: []query{{legend: "{{outcome}}", expr: `sum by (outcome) (rate(hotpath_revalidations_total[$rate]))`}}},
			{title: "Purges", unit: units.Short, w: 6,
				about:   "What operators have purged, and answers to unsafe requests (group), by what they named. Misses with the reason invalidated follow.",
				queries: []query{{legend: "{{form}}", expr: `sum by (form) (increase(hotpath_purges_total[$rate]))`}}},
		}},
		{"Origin", []panel{
			{title: "Fetches", unit: units.CountsPerSecond, stack: true,
				about:   "By outcome. refused: too many at once (-max-fetches); timeout, error: the origin's fault; canceled: no request waited any more.",
				queries: []query{{legend: "{{outcome}}", expr: `sum by (outcome) (rate(hotpath_origin_fetches_total[$rate]))`}}},
			{title: "Failures", unit: units.PercentUnit, steps: limit(0.05), top: 1,
				about: "Share of fetches that were refused, timed out or failed. Above the line is an alert.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_origin_fetches_total{outcome=~"refused|timeout|error"}[$rate])) / sum by (instance) (rate(hotpath_origin_fetches_total[$rate]))`,
					mayBeEmpty: "a share of no fetches is no number, and a load of hits alone has none"}}},
			{title: "Why not a hit", unit: units.CountsPerSecond, top: 10,
				about:   "Requests that the cache did not answer, and answers that it did not store, by reason: docs/caching.md has a sentence for each.",
				queries: []query{{legend: "{{reason}}", expr: `sum by (reason) (rate(hotpath_cache_reasons_total[$rate]))`}}},
			{title: "Coalesced misses", unit: units.CountsPerSecond,
				about: "Misses that waited for another's fetch of the same key: so many fetches the origin was spared.",
				queries: []query{
					{legend: "coalesced", expr: `sum(rate(hotpath_coalesced_misses_total[$rate]))`},
					{legend: "fetched", expr: `sum(rate(hotpath_origin_fetches_total[$rate]))`},
				}},
			{title: "Latency", unit: units.Seconds, w: 12, h: 8,
				about: "From asking the origin to its whole answer, or its head if the body is streamed.",
				queries: []query{
					{legend: "mean", expr: `sum(rate(hotpath_origin_fetch_duration_seconds_sum[$rate])) / sum(rate(hotpath_origin_fetch_duration_seconds_count[$rate]))`, mayBeEmpty: "a mean of no fetches is no number"},
					{legend: "p50", expr: `histogram_quantile(0.5, sum by (le) (rate(hotpath_origin_fetch_duration_seconds_bucket[$rate])))`, mayBeEmpty: "as the mean"},
					{legend: "p99", expr: `histogram_quantile(0.99, sum by (le) (rate(hotpath_origin_fetch_duration_seconds_bucket[$rate])))`, mayBeEmpty: "as the mean"},
				}},
			{kind: heat, title: "Latency of all fetches", unit: units.Seconds, w: 12, h: 8,
				about:   "How many fetches took how long.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_origin_fetch_duration_seconds_bucket[$rate]))`}}},
		}},
	},
}
