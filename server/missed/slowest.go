package missed

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// slowPlaces is how many paths are kept of those whose fetches took longest.
const slowPlaces = 32

// SlowPath is a path whose fetches took long.
type SlowPath struct {
	Site string `json:"site"`
	Path string `json:"path"` // with its host, if it has one

	// Longest is the time that the slowest of its fetches took to the head of the
	// origin's answer, or to its failure, and Mean that of those since its first
	// that was among the slowest, which Fetches are. In milliseconds.
	Longest float64 `json:"longest_ms"`
	Mean    float64 `json:"mean_ms"`
	Fetches uint64  `json:"fetches"`
}

// Slowest finds the paths whose fetches take longest, of the last five to ten minutes,
// in memory of a fixed size: the 32 with the longest fetch in each period. The zero
// Slowest is empty. All methods are safe for concurrent use.
type Slowest struct {
	mu          sync.Mutex
	began       time.Time  // of now
	now, before []slowness // of this period, and of the one before
}

type slowness struct {
	site, path   string
	longest, sum time.Duration
	fetches      uint64
}

// Note counts a fetch. site and path are borrowed.
func (s *Slowest) Note(site, path string, took time.Duration, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	path = path[:min(len(path), maxPath)]
	p := find(s.now, site, path)
	switch {
	case p != nil:
	case len(s.now) < slowPlaces:
		s.now = append(s.now, slowness{site: site, path: strings.Clone(path)})
		p = &s.now[len(s.now)-1]
	default:
		p = &s.now[0]
		for i := range s.now {
			if s.now[i].longest < p.longest {
				p = &s.now[i]
			}
		}
		if took <= p.longest {
			return
		}
		*p = slowness{site: site, path: strings.Clone(path)}
	}
	p.longest = max(p.longest, took)
	p.sum += took
	p.fetches++
}

// turn puts what was counted aside if its period is over.
func (s *Slowest) turn(now time.Time) {
	switch age := now.Sub(s.began); {
	case age < period:
		return
	case age < 2*period:
		s.before, s.now = s.now, s.before[:0]
	default:
		s.before, s.now = s.before[:0], s.now[:0]
	}
	s.began = now
}

func find(all []slowness, site, path string) *slowness {
	for i := range all {
		if all[i].path == path && all[i].site == site {
			return &all[i]
		}
	}
	return nil
}

// Top returns the paths with the longest fetches, at most n, the slowest first.
func (s *Slowest) Top(n int, now time.Time) []SlowPath {
	s.mu.Lock()
	s.turn(now)
	all := slices.Clone(s.now)
	for i := range s.before {
		b := &s.before[i]
		p := find(all, b.site, b.path)
		if p == nil {
			all = append(all, *b)
			continue
		}
		p.longest = max(p.longest, b.longest)
		p.sum += b.sum
		p.fetches += b.fetches
	}
	s.mu.Unlock()
	slices.SortStableFunc(all, func(a, b slowness) int { return cmp.Compare(b.longest, a.longest) })
	top := make([]SlowPath, min(n, len(all)))
	for i := range top {
		p := &all[i]
		top[i] = SlowPath{p.site, p.path, milliseconds(p.longest), milliseconds(p.sum / time.Duration(p.fetches)), p.fetches}
	}
	return top
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
