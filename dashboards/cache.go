package main

import "github.com/grafana/grafana-foundation-sdk/go/units"

var cacheAndOrigin = board{
	uid: "hotpath-cache", title: "hotpath / Cache and origin",
	about:     "What is answered from memory, why not more, and what the origin makes of the rest.",
	variables: []variable{job, instance},
	sections: []section{
		{"Is the cache large enough?", []panel{
			{title: "Hits", unit: units.PercentUnit, w: 12, h: 7, top: 1,
				about:   "Share of requests that were answered from memory, of those that could have been, by server. A fall with evictions means a cache too small; without them, keys that were not asked for before.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_requests_total{cache="hit"}[$rate])) / sum by (instance) (rate(hotpath_requests_total{cache!="bypass"}[$rate]))`}}},
			{title: "Entries, against the limit", unit: units.Short, w: 12, h: 7,
				about: "Full is well as long as nothing useful is evicted. -cache-entries raises it.",
				queries: []query{
					{legend: "{{instance}}", expr: `hotpath_cache_entries`},
					{legend: "limit", expr: `max(hotpath_cache_limit_entries)`, bound: true},
				}},
			{title: "Bytes, against the limit", unit: units.BytesIEC, w: 12, h: 7,
				about: "-cache-bytes raises it; keep -memory-limit well above.",
				queries: []query{
					{legend: "{{instance}}", expr: `hotpath_cache_bytes`},
					{legend: "limit", expr: `max(hotpath_cache_limit_bytes)`, bound: true},
				}},
			{title: "Evictions", unit: perSecond, w: 12, h: 7, colours: palette{"capacity": "orange", "bytes": "red"},
				about:   "Entries that had to leave: capacity: more of them than the limit; bytes: more bytes. They cost hits.",
				queries: []query{each(`hotpath_cache_evictions_total{reason=~"capacity|bytes"}`, "reason")}},
		}},
		{"Why is it not a hit, and does the origin answer?", []panel{
			{title: "Why not a hit", unit: perSecond, w: 12, h: 12,
				about:   "Requests that the cache did not answer, and answers that it did not store, by reason: docs/caching.md has a sentence for each, and hotpath explain URL says it of a URL.",
				queries: []query{each("hotpath_cache_reasons_total", "reason")}},
			{kind: bands, title: "Upstreams", w: 12, h: 6, steps: []step{{0, "red"}, {1, "green"}}, said: map[float64]string{0: "ejected", 1: "used"},
				about:   "Whether each upstream gets requests. ejected: checks or failed fetches speak against it. If all are, misses are answered with 502 or what is stale.",
				queries: []query{{legend: "{{upstream}}", expr: `min by (upstream) (hotpath_upstream_usable)`, mayBeEmpty: "a server of files has no upstream"}}},
			{title: "Failures of each upstream", unit: units.PercentUnit, w: 12, h: 6, top: 1,
				about: "Share of its fetches that failed by its fault: no connection, no answer in time, or none that can be read.",
				queries: []query{{legend: "{{upstream}}", expr: `sum by (upstream) (rate(hotpath_upstream_failures_total[$rate])) / sum by (upstream) (rate(hotpath_upstream_fetches_total[$rate]))`,
					mayBeEmpty: "a server of files has no upstream"}}},
			{title: "Paths that miss most", unit: perSecond, h: 9, w: 24,
				about:   "Misses in the last whole five minutes before each point, of paths that had a 64th of a server's misses or more, ten of each server at most. What one path misses with many queries is one line here; the live page has the parameter that makes them, and hotpath explain URL what became of one.",
				queries: []query{{legend: "{{path}}", expr: `sum by (site, path) (hotpath_cache_path_misses_per_second)`, mayBeEmpty: "without many misses, or with misses of very many paths, there is none"}}},
			{title: "Fetches", unit: perSecond, w: 12, h: 7, stack: true, colours: outcomes,
				about:   "By outcome. refused: too many at once (-max-fetches); timeout, error: the origin's fault; canceled: no request waited any more.",
				queries: []query{each("hotpath_origin_fetches_total", "outcome")}},
			{title: "Fetches that fail", unit: units.PercentUnit, w: 12, h: 7, steps: limit(0.05), top: 1,
				about: "Share of fetches that were refused, timed out or failed. Above the line is an alert.",
				queries: []query{{legend: "{{instance}}", expr: `sum by (instance) (rate(hotpath_origin_fetches_total{outcome=~"refused|timeout|error"}[$rate])) / sum by (instance) (rate(hotpath_origin_fetches_total[$rate]))`,
					mayBeEmpty: "a share of no fetches is no number, and a load of hits alone has none"}}},
			{title: "Latency of fetches", unit: units.Seconds, w: 12, h: 7, log: true, colours: quantiles,
				about:   "From asking the origin to its whole answer, or its head if the body is streamed.",
				queries: idle(latency("hotpath_origin_fetch_duration_seconds", ""), "a mean of no fetches is no number")},
			{title: "Coalesced misses", unit: perSecond, w: 12, h: 7,
				about: "Misses that waited for another's fetch of the same key: so many fetches the origin was spared.",
				queries: []query{
					{legend: "coalesced", expr: `sum(rate(hotpath_coalesced_misses_total[$rate]))`},
					{legend: "fetched", expr: `sum(rate(hotpath_origin_fetches_total[$rate]))`},
				}},
			{kind: heat, title: "Latency of all fetches", unit: units.Seconds, w: 24, h: 7,
				about:   "How many fetches took how long.",
				queries: []query{{legend: "{{le}}", expr: `sum by (le) (rate(hotpath_origin_fetch_duration_seconds_bucket[$rate]))`}}},
		}},
		{"Memory", []panel{
			{title: "Memory by kind", unit: units.BytesIEC, w: 12, stack: true, colours: memory,
				about:   "What -cache-bytes limits. arriving: bodies being received; sending: bodies that left the cache while slow clients read them; buffered: output that waits. The last two may take half together.",
				queries: []query{{legend: "{{kind}}", expr: `sum by (kind) (hotpath_memory_bytes) > 0`}}},
			{title: "Responses cut", unit: perSecond, w: 12,
				about:   "The slowest, cut because memory ran out: clients that do not read, or a -cache-bytes too small for those that read slowly.",
				queries: []query{{legend: "{{instance}}", expr: `rate(hotpath_senders_cut_total[$rate])`}}},
		}},
		{"Cache", []panel{
			{title: "Lookups", unit: perSecond, w: 12, h: 7, stack: true, colours: results,
				about:   "Times that the cache was asked, by whether it had a fresh entry.",
				queries: []query{each("hotpath_cache_lookups_total", "result")}},
			{title: "Expired, replaced, rejected", unit: perSecond, w: 12, h: 7,
				about: "Entries found expired, those in whose place a newer value came or that were purged, and values too large for the cache. None of them is a cache too small.",
				queries: []query{
					each(`hotpath_cache_evictions_total{reason=~"replaced|removed"}`, "reason"),
					{legend: "expired", expr: `sum(rate(hotpath_cache_expired_total[$rate]))`},
					{legend: "rejected", expr: `sum(rate(hotpath_cache_rejected_total[$rate]))`},
				}},
			{title: "Revalidations", unit: perSecond, w: 12, h: 7, colours: outcomes,
				about:   "Looks at whether an entry is current, in the background of a hit, by what they found.",
				queries: []query{each("hotpath_revalidations_total", "outcome")}},
			{title: "Purges", unit: units.Short, w: 12, h: 7,
				about:   "How many in the time before each point (four scrapes, or more if much time is shown): what operators have purged, and answers to unsafe requests (group), by what they named. Misses with the reason invalidated follow.",
				queries: []query{increases("hotpath_purges_total", "form")}},
		}},
		{"Compression", []panel{
			{title: "Compressions", unit: perSecond, stack: true, colours: outcomes,
				about:   "Stored contents that were to be compressed, by what came of it. dropped: more than -compressors keep up with; no_room: -cache-bytes is too small; no_gain is each content once; failed is logged.",
				queries: []query{each("hotpath_compressions_total", "result")}},
			{title: "Compressed size", unit: units.PercentUnit,
				about: "Bytes that were stored, as a share of those that were compressed, what was given up included. Near 1, compress.types has what is compressed already.",
				queries: []query{{legend: "{{coding}}", expr: `sum by (coding) (rate(hotpath_compression_stored_bytes_total[$rate])) / sum by (coding) (rate(hotpath_compression_read_bytes_total[$rate]))`,
					mayBeEmpty: "a share of nothing is no number"}}},
			{title: "Compressors at work", unit: units.Short,
				about:   "Goroutines that compress, the time in which hits went first included. At -compressors all the time, contents wait.",
				queries: []query{{legend: "{{coding}}", expr: `sum by (coding) (rate(hotpath_compression_duration_seconds_sum[$rate]))`}}},
		}},
	},
}

// idle are queries that have no value while nothing happens.
func idle(queries []query, why string) []query {
	for i := range queries {
		queries[i].mayBeEmpty = why
	}
	return queries
}
