//go:build linux

package main

import (
	"fmt"
	"math"
	"strings"
)

// limit is a bound on hotpath's figure: factor times a peer's in the same run,
// or factor itself if peer is empty.
type limit struct {
	peer   string
	factor float64
}

// bar is what hotpath must reach, and what it should reach.
type bar struct {
	label   string
	row     string
	metric  metric
	atLeast bool // larger is better
	must    []limit
	goal    []limit
}

// bars are the promises of the project; a figure that misses one is reported,
// never the bar lowered.
var bars = func() []bar {
	const sixth, eighteenth = 1.0 / 6, 1.0 / 18
	all := []bar{
		{"CPU per request, h2 8×32, 1 KiB", "h2-8x32-1KiB", cpuPerRequest, false,
			[]limit{{h2o, 0.8}, {nginx, sixth}, {netHTTP, eighteenth}}, []limit{{h2o, 0.6}}},
		{"CPU per request, h2 64×8, 1 KiB", "h2-64x8-1KiB", cpuPerRequest, false,
			[]limit{{h2o, 0.9}}, []limit{{h2o, 0.75}}},
		{"CPU per request, h2 256×1, 1 KiB", "h2-256x1-1KiB", cpuPerRequest, false,
			[]limit{{h2o, 1}}, []limit{{h2o, 0.85}}},
		{"CPU per request, HTTP/1.1 with 64, 1 KiB", "h1-64-1KiB", cpuPerRequest, false,
			[]limit{{h2o, 1}}, []limit{{h2o, 0.85}}},
	}
	for _, s := range shapes {
		all = append(all, bar{"bytes per CPU second, " + s.name + ", 1 MiB", s.name + "-1MiB", bytesPerCPU, true,
			[]limit{{h2o, 0.9}}, []limit{{h2o, 1.1}}})
	}
	all = append(all, edgeBars()...)
	return append(all,
		bar{"requests/s at full speed, h2 8×32, 1 KiB", "h2-8x32-1KiB", requestRate, true,
			[]limit{{h2o, 0.95}, {"", 150000}}, []limit{{h2o, 1.1}}},
		bar{"mean latency at full speed, h2 8×32, 1 KiB", "h2-8x32-1KiB", meanLatency, false,
			[]limit{{"", 3}}, nil},
		bar{"memory per idle h2 connection", rowIdle, memoryPerConn, false,
			[]limit{{"", 20}}, []limit{{"", 14}}},
		bar{"CPU per full TLS 1.3 handshake", rowHandshake, cpuPerHandshake, false,
			[]limit{{netHTTP, 1}}, []limit{{nginx, 1}}},
		bar{"mean latency, row many, 1 % active", rowMany, meanLatency, false,
			[]limit{{"", 3}}, nil},
		bar{"memory per connection, row many", rowMany, memoryPerConn, false,
			[]limit{{"", 20}}, []limit{{"", 14}}},
	)
}()

// edgeBars are those of -edge. What an entry came from makes no difference to
// its hits, and a proxy in Go is to cost little more than half of what the
// standard library's does.
func edgeBars() []bar {
	var all []bar
	for _, r := range edgeRows() {
		if kind, _, _ := strings.Cut(r.name, "-"); kind == "hit" || kind == "vary" || kind == "public" {
			all = append(all, bar{"CPU per request, " + r.name, r.name, cpuPerRequest, false,
				[]limit{{files, baselineBar}}, []limit{{files, 1}}})
		}
	}
	miss := "miss-" + shapes[0].name + "-" + bodies[1].name
	return append(all,
		bar{"CPU per hit after a range, a POST and a miss ÷ on a fresh connection", rowAfter, cpuAfterRare, false, []limit{{"", 1.1}}, nil},
		bar{"CPU per miss, h2 8×32, 1 KiB", miss, cpuPerRequest, false,
			[]limit{{reverseProxy, 0.65}, {caddy, 0.3}}, []limit{{reverseProxy, 0.5}}},
		bar{"requests at the upstream of 10,000 for one key", rowCoalesce, originRequests, false, []limit{{"", 1}}, nil},
		bar{"delay of a part for any who wait", rowParts, partDelay, false, []limit{{"", 50}}, nil},
		bar{"longest wait for what is stale, of 500 ms at the upstream", rowStale, staleWait, false, []limit{{"", 50}}, nil},
		bar{"p99 of hits beside stalled requests ÷ without", rowStalled, p99Stalled, false, []limit{{"", 2}}, nil},
		bar{"memory, download", rowDownload, memoryGrowth, false, []limit{{"", 2}}, nil},
		bar{"memory, upload", rowUpload, memoryGrowth, false, []limit{{"", 2}}, nil},
		bar{"memory, random keys, -cache-bytes 64MiB", rowKeys, memoryGrowth, false, []limit{{"", keysCacheMiB * 1.05}}, nil},
	)
}

// verdict of a limit: whether it is met, and whether there are figures for it.
func (l limit) verdict(b bar, r *results, got float64) (met, known bool) {
	bound := l.factor
	if l.peer != "" {
		peer, ok := r.median(b.row, l.peer, b.metric)
		if !ok {
			return false, false
		}
		bound *= peer
	}
	if b.atLeast {
		return got >= bound, true
	}
	return got <= bound, true
}

// text writes a limit: "≤ 0.80 × h2o".
func (l limit) text(b bar) string {
	sign := "≤"
	if b.atLeast {
		sign = "≥"
	}
	info := metricInfos[b.metric]
	switch {
	case l.peer == "":
		decimals := 0
		if l.factor != math.Trunc(l.factor) {
			decimals = info.decimals
		}
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", sign, grouped(l.factor, decimals), info.unit))
	case l.factor < 0.2: // a share that reads better as a divisor
		return fmt.Sprintf("%s %s ÷ %.0f", sign, l.peer, 1/l.factor)
	}
	return fmt.Sprintf("%s %.2f × %s", sign, l.factor, l.peer)
}

// judge writes the limits and whether all of them are met: "yes", "no", or "?"
// if a peer was not measured.
func judge(b bar, limits []limit, r *results, got float64) (text, met string) {
	if len(limits) == 0 {
		return "", ""
	}
	var texts []string
	met = "yes"
	for _, l := range limits {
		texts = append(texts, l.text(b))
		switch ok, known := l.verdict(b, r, got); {
		case !known && met == "yes":
			met = "?"
		case known && !ok:
			met = "no"
		}
	}
	return strings.Join(texts, ", "), met
}
