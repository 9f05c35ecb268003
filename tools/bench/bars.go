//go:build linux

package main

import (
	"fmt"
	"strings"
)

// limit is a bound on hotpath's figure: factor times a peer's in the same run,
// or factor itself where peer is empty.
type limit struct {
	peer   string
	factor float64
}

// bar is what hotpath must show, and what it wants to.
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

// verdict of a limit: whether it is met, and whether there are figures to tell.
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
		return fmt.Sprintf("%s %s %s", sign, grouped(l.factor, 0), info.unit)
	case l.factor < 0.5: // a share that reads better as a divisor
		return fmt.Sprintf("%s %s ÷ %.0f", sign, l.peer, 1/l.factor)
	}
	return fmt.Sprintf("%s %.2f × %s", sign, l.factor, l.peer)
}

// judge writes the limits and whether all of them are met: "yes", "no", or "?"
// where a peer was not measured.
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
