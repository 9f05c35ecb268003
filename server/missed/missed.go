// Package missed finds the paths whose requests miss most, why, and what makes them so
// many keys; and those whose fetches take longest.
//
//	miss ─ site, host, path ─▶ one of 64 places: how often, for which reason
//	       query ─▶ how many different ones; which parameter has the most values
//
// It keeps 64 paths of the last five to ten minutes in memory of a fixed size. A path
// that is not among them takes the place of the one that misses least, and its count
// with it (Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and
// top-k elements in data streams", 2005): so a path that has more than a 64th of all
// misses is always among them. What is reported is what it missed itself since then.
package missed

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

const (
	places = 64

	// period is for how long paths are counted before they are put aside, and the
	// count begins anew: what is reported is of one to two of them.
	period = 5 * time.Minute

	// maxPath is how many bytes of a path are kept, and maxName of a parameter's
	// name.
	maxPath = 256
	maxName = 48

	// maxQuery is how many bytes are kept of the query of a path's last miss.
	maxQuery = 128

	// parameters is how many of a path's are counted, of the first maxParameters of
	// a query.
	parameters    = 6
	maxParameters = 16

	// ManyKeys is how many different queries of one path in a period are more than
	// a cache has use for.
	ManyKeys = 1000
)

// Miss is a request that what is stored did not answer.
type Miss struct {
	Site   string
	Path   string // with its host, if it has one
	Query  string // what of it makes keys, with its "?"; or ""
	Reason rfc9111.Reason
}

// Path is a path whose requests miss.
type Path struct {
	Site   string `json:"site"`
	Path   string `json:"path"`
	Misses uint64 `json:"misses"` // at least

	// Reason is the most frequent one, and Because its sentence.
	Reason  string `json:"reason"`
	Because string `json:"because"`

	// Queries is about how many different ones there were, Parameter the one with
	// the most values, about Values; "": there were none.
	Queries   int    `json:"queries,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Values    int    `json:"values,omitempty"`
}

// Counter counts misses. The zero Counter is empty. All methods are safe for concurrent
// use; Note takes some hundred ns.
type Counter struct {
	// Many is called, once in a period for each path, when it has more than
	// [ManyKeys] different queries. It must not call the Counter. nil: it is not.
	Many func(Path)

	mu     sync.Mutex
	seed   maphash.Seed
	began  time.Time // of now
	now    []place
	before []place // of the period before

	all   uint64  // misses of all paths, of now
	heavy []Heavy // of the period before, the first one most
}

// Last is the latest miss of a path.
type Last struct {
	At     time.Time
	Query  string // as a Miss has it, abridged
	Reason rfc9111.Reason
}

// place is a path that is counted.
type place struct {
	hash       uint64
	site, path string
	last       Last
	misses     uint64
	taken      uint64 // of these, with the place
	reasons    [rfc9111.Reasons]uint32
	queries    distinct
	parameters [parameters]parameter
	warned     bool
}

type parameter struct {
	name   string
	values distinct
}

// Note counts a miss.
func (c *Counter) Note(m *Miss, now time.Time) {
	c.mu.Lock()
	many := c.note(m, now)
	c.mu.Unlock()
	if many != nil {
		c.Many(*many)
	}
}

// note is Note, and returns a path of which the owner is to know. c.mu is held.
func (c *Counter) note(m *Miss, now time.Time) (many *Path) {
	c.turn(now)
	p := c.place(m)
	c.all++
	p.misses++
	p.reasons[m.Reason]++
	p.last.At, p.last.Reason = now, m.Reason
	if query := m.Query[:min(len(m.Query), maxQuery)]; query != p.last.Query {
		p.last.Query = strings.Clone(query)
	}
	if m.Query == "" {
		return nil
	}
	p.queries.add(maphash.String(c.seed, m.Query))
	rest, left := m.Query[1:], true
	for n := 0; left && n < maxParameters; n++ {
		var text string
		text, rest, left = strings.Cut(rest, "&")
		name, value, _ := strings.Cut(text, "=")
		if name == "" || len(name) > maxName {
			continue
		}
		if values := p.parameter(name); values != nil {
			values.add(maphash.String(c.seed, value))
		}
	}
	if c.Many == nil || p.warned || p.misses-p.taken < ManyKeys || p.queries.count() < ManyKeys {
		return nil
	}
	p.warned = true
	path := p.report()
	return &path
}

// turn puts the counts aside if their period is over.
func (c *Counter) turn(now time.Time) {
	switch age := now.Sub(c.began); {
	case c.began.IsZero():
		c.seed = maphash.MakeSeed()
	case age < period:
		return
	case age < 2*period:
		c.heavy = heaviest(c.now, c.all, age)
		c.before, c.now = c.now, c.before[:0]
		c.began, c.all = now, 0
		return
	}
	c.began, c.now, c.before = now, c.now[:0], c.before[:0]
	c.all, c.heavy = 0, nil
}

func (c *Counter) hash(site, path string) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.WriteString(site) // none of them fails
	_ = h.WriteByte(0)
	_, _ = h.WriteString(path)
	return h.Sum64()
}

// place finds the place of a path, or makes it one.
func (c *Counter) place(m *Miss) *place {
	sum := c.hash(m.Site, m.Path)
	least := 0
	for i := range c.now {
		if c.now[i].hash == sum {
			return &c.now[i]
		}
		if c.now[i].misses < c.now[least].misses {
			least = i
		}
	}
	taken := uint64(0)
	if len(c.now) < places {
		least = len(c.now)
		c.now = append(c.now, place{})
	} else {
		taken = c.now[least].misses
	}
	c.now[least] = place{hash: sum, site: m.Site, path: strings.Clone(m.Path[:min(len(m.Path), maxPath)]), misses: taken, taken: taken}
	return &c.now[least]
}

// parameter finds the values of a parameter; nil: it is not counted. If there are more
// parameters than are counted, one with few values gives way.
func (p *place) parameter(name string) *distinct {
	least, fewest := 0, -1
	for i := range p.parameters {
		switch q := &p.parameters[i]; {
		case q.name == name:
			return &q.values
		case q.name == "":
			*q = parameter{name: strings.Clone(name)}
			return &q.values
		}
		if n := p.parameters[i].values.ones; fewest < 0 || n < fewest {
			least, fewest = i, n
		}
	}
	if fewest <= 1 { // a parameter with one value makes no keys
		p.parameters[least] = parameter{name: strings.Clone(name)}
		return &p.parameters[least].values
	}
	return nil
}

// Last is the latest miss of a path, if the path has a place.
func (c *Counter) Last(site, path string, now time.Time) (Last, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn(now); len(c.now)+len(c.before) == 0 {
		return Last{}, false
	}
	sum := c.hash(site, path)
	for _, all := range [][]place{c.now, c.before} {
		for i := range all {
			if all[i].hash == sum {
				return all[i].last, true
			}
		}
	}
	return Last{}, false
}

// Top returns the paths that miss most, at most n, the first one most.
func (c *Counter) Top(n int, now time.Time) []Path {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	all := slices.Clone(c.now)
	for i := range c.before {
		b := &c.before[i]
		j := slices.IndexFunc(all, func(p place) bool { return p.hash == b.hash })
		if j < 0 {
			all = append(all, *b)
			continue
		}
		all[j].misses += b.misses
		all[j].taken += b.taken
		for r := range all[j].reasons {
			all[j].reasons[r] += b.reasons[r]
		}
		all[j].queries.join(&b.queries)
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(b.misses-b.taken, a.misses-a.taken) })
	top := make([]Path, 0, min(n, len(all)))
	for i := range all[:min(n, len(all))] {
		top = append(top, all[i].report())
	}
	return top
}

func (p *place) report() Path {
	reason := rfc9111.None
	for r, n := range p.reasons {
		if n > p.reasons[reason] {
			reason = rfc9111.Reason(r)
		}
	}
	path := Path{Site: p.site, Path: p.path, Misses: p.misses - p.taken, Reason: reason.String(), Because: reason.Sentence(), Queries: p.queries.count()}
	for i := range p.parameters {
		if n := p.parameters[i].values.count(); n > path.Values {
			path.Parameter, path.Values = p.parameters[i].name, n
		}
	}
	return path
}
