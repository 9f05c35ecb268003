package main

import (
	"strings"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// maxMissedPath is how many bytes of a path metrics have: enough to know it by.
const maxMissedPath = 100

// missedPaths are the paths that miss most, for metrics. There are none before there is
// an edge.
type missedPaths struct{ atomic.Pointer[edge.Edge] }

func (p *missedPaths) read() []metrics.MissedPath {
	e := p.Load()
	if e == nil {
		return nil
	}
	return missedStats(e.Heaviest())
}

// missedStats are paths as metrics have them: those that are the same once they are cut
// are one.
func missedStats(all []missed.Heavy) []metrics.MissedPath {
	var stats []metrics.MissedPath
	index := make(map[metrics.MissedPath]int)
	for _, p := range all {
		one := metrics.MissedPath{Site: label(p.Site), Path: label(p.Path)}
		i, known := index[one]
		if !known {
			i = len(stats)
			index[one] = i
			stats = append(stats, one)
		}
		stats[i].Rate += p.Rate
	}
	return stats
}

// label is a text that a client may have sent as the value of a label, which is UTF-8.
func label(text string) string {
	return access.Visible(strings.ToValidUTF8(text, "\ufffd"), maxMissedPath)
}
