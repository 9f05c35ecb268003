package main

import (
	"strings"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

const (
	// maxMissedPaths is how many paths metrics have: each is a series, and so is each
	// that takes its place.
	maxMissedPaths = 10

	// Of many paths that miss now and then each scrape would have others: a path is
	// worth a series if it has a part of the misses that makes it sure to be among
	// those that package missed keeps, and is no rare one.
	minMissedShare = 1. / 64
	minMissed      = 64

	// maxMissedPath is how many bytes of a path they have: enough to know it by.
	maxMissedPath = 100
)

// missedPaths are the paths that miss most, for metrics. There are none before there is
// an edge.
type missedPaths struct{ atomic.Pointer[edge.Edge] }

func (p *missedPaths) read() []metrics.MissedPath {
	e := p.Load()
	if e == nil {
		return nil
	}
	return missedStats(e.Misses(maxMissedPaths))
}

// missedStats are paths as metrics have them, without those that are not worth a series:
// those that are one once they are cut, are
// one.
func missedStats(all []missed.Path) []metrics.MissedPath {
	var stats []metrics.MissedPath
	index := make(map[[2]string]int)
	for _, p := range all {
		if p.Misses < minMissed || p.Share < minMissedShare {
			continue
		}
		site, path := label(p.Site), label(p.Path)
		i, known := index[[2]string{site, path}]
		if !known {
			i = len(stats)
			index[[2]string{site, path}] = i
			stats = append(stats, metrics.MissedPath{Site: site, Path: path})
		}
		stats[i].Rate += p.Rate
	}
	return stats
}

// label is a text that a client may have sent as the value of a label.
func label(text string) string {
	text = access.Escape(strings.ToValidUTF8(text, "\ufffd"))
	if len(text) <= maxMissedPath {
		return text
	}
	return strings.ToValidUTF8(text[:maxMissedPath], "") + "…"
}
