// Package missed finds the paths whose requests miss most, why, and what makes them so
// many keys; and those whose fetches take longest.
//
//	miss ─ site, host, path ─▶ one of 64 places: how often, for which reason
//	       key ─▶ how many different ones
//	       query, fields, cookies ─▶ what of them has the most values
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

	// maxPath is how many bytes of a path are kept, and maxName how many the name of
	// a part of keys may have to be counted.
	maxPath = 256
	maxName = 48

	// maxQuery is how many bytes are kept of the query of a path's last miss.
	maxQuery = 128

	// parts is how many parts of a path's keys are counted, of the first
	// maxParameters of a query among others.
	parts         = 6
	maxParameters = 16

	// ManyKeys is how many different keys of one path in a period are more than a
	// cache has use for.
	ManyKeys = 1000
)

// Miss is a request that what is stored did not answer.
type Miss struct {
	Site   string
	Path   string // with its host, if it has one
	Query  string // what of it makes keys, with its "?"; or ""
	Key    string // under which an answer would be stored
	Parts  []Part // what else of the request is in the key
	Reason rfc9111.Reason
}

// Part is a part of a request that makes keys, such as a field or a cookie. Its name has
// a space, which no parameter of a query has: it says of what kind it is.
type Part struct{ Name, Value string }

// Path is a path whose requests miss.
type Path struct {
	Site   string `json:"site"`
	Path   string `json:"path"`
	Misses uint64 `json:"misses"` // at least

	// Reason is the most frequent one, and Because its sentence.
	Reason  string `json:"reason"`
	Because string `json:"because"`

	// Keys is about how many different ones there were. Part is what has the most
	// values, about Values: "parameter page" of the query, "field accept-language",
	// "cookie lang", "the content" of a QUERY or, if none of its parameters has several,
	// "the query"; "": nothing of a request is in them but its path.
	Keys   int    `json:"keys"`
	Part   string `json:"part,omitempty"`
	Values int    `json:"values,omitempty"`
}

// Counter counts misses. The zero Counter is empty. All methods are safe for concurrent
// use; Note takes some hundred ns.
type Counter struct {
	// Many is called, once in a period for each path, when it has more than
	// [ManyKeys] different keys. It must not call the Counter. nil: it is not.
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
	keys       distinct
	parts      [parts]part
	warned     bool
}

type part struct {
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
	p.keys.add(maphash.String(c.seed, m.Key))
	for i := range m.Parts {
		c.add(p, m.Parts[i].Name, m.Parts[i].Value)
	}
	rest, left := strings.CutPrefix(m.Query, "?")
	for n := 0; left && n < maxParameters; n++ {
		var text string
		text, rest, left = strings.Cut(rest, "&")
		if name, value, _ := strings.Cut(text, "="); name != "" {
			c.add(p, name, value)
		}
	}
	if c.Many == nil || p.warned || p.misses-p.taken < ManyKeys || p.keys.count() < ManyKeys {
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

// add counts a value of a part.
func (c *Counter) add(p *place, name, value string) {
	if len(name) > maxName {
		return
	}
	if values := p.part(name); values != nil {
		values.add(maphash.String(c.seed, value))
	}
}

// part finds the values of a part of keys; nil: it is not counted. If there are more
// parts than are counted, one with few values gives way.
func (p *place) part(name string) *distinct {
	least, fewest := 0, -1
	for i := range p.parts {
		switch q := &p.parts[i]; {
		case q.name == name:
			return &q.values
		case q.name == "":
			*q = part{name: strings.Clone(name)}
			return &q.values
		}
		if n := p.parts[i].values.ones; fewest < 0 || n < fewest {
			least, fewest = i, n
		}
	}
	if fewest <= 1 { // what has one value makes no keys
		p.parts[least] = part{name: strings.Clone(name)}
		return &p.parts[least].values
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
		all[j].keys.join(&b.keys)
		for k := range b.parts {
			if b.parts[k].name == "" {
				break
			}
			if values := all[j].part(b.parts[k].name); values != nil {
				values.join(&b.parts[k].values)
			}
		}
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
	path := Path{Site: p.site, Path: p.path, Misses: p.misses - p.taken, Reason: reason.String(), Because: reason.Sentence(), Keys: p.keys.count()}
	for i := range p.parts {
		if n := p.parts[i].values.count(); n > path.Values {
			path.Part, path.Values = p.parts[i].name, n
		}
	}
	switch {
	case path.Values <= 1 && path.Keys > 1 && p.last.Query != "": // names that differ, or are too long to be counted
		path.Part, path.Values = "the query", path.Keys
	case path.Part != "" && !strings.Contains(path.Part, " "):
		path.Part = "parameter " + path.Part
	}
	return path
}
