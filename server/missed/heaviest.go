package missed

import (
	"cmp"
	"slices"
	"time"
)

// Heavy is a path that had a good part of all misses of a period.
type Heavy struct {
	Site, Path string
	Rate       float64 // misses/s
}

const (
	// maxHeavy is how many paths of a period are heavy, at most.
	maxHeavy = 10

	// heavyShare is the part of all misses from which a path is surely among those
	// that are counted, and minHeavy how many misses it has at least.
	heavyShare = 1. / places
	minHeavy   = 64
)

// Heaviest returns the heavy paths of the last whole period, the first one most. They
// stay for a period: whatever clients ask for, there are [maxHeavy] others in the next at
// most, and if they ask for very many paths, none.
func (c *Counter) Heaviest(now time.Time) []Heavy {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	return slices.Clone(c.heavy)
}

// heaviest are those of a period that was so long, and had so many misses of all paths.
func heaviest(period []place, all uint64, long time.Duration) []Heavy {
	var heavy []Heavy
	for i := range period {
		p := &period[i]
		if n := p.misses - p.taken; n >= minHeavy && float64(n) >= heavyShare*float64(all) {
			heavy = append(heavy, Heavy{p.site, p.path, float64(n) / long.Seconds()})
		}
	}
	slices.SortStableFunc(heavy, func(a, b Heavy) int { return cmp.Compare(b.Rate, a.Rate) })
	return heavy[:min(len(heavy), maxHeavy)]
}
