package site

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/yield"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Table finds the site of a request by its host.
type Table struct {
	sites    []*Site
	exact    map[string]*Site
	patterns map[string]*Site // by what follows the asterisk of "*.example.com"
	fallback *Site            // nil: none
	trusted  client.Networks  // of all sites
	epoch    uint32
}

// epochs counts the tables of the process.
var epochs atomic.Uint32

// NewTable makes a table. Two sites with the same host, or two defaults, are an
// error.
func NewTable(sites ...*Site) (*Table, error) {
	if len(sites) > math.MaxUint16 {
		return nil, fmt.Errorf("%d sites: at most %d are allowed", len(sites), math.MaxUint16)
	}
	below := make(map[string][]*Site) // the sites with a Path, by host; "" for the default
	t := &Table{sites: sites, exact: make(map[string]*Site), patterns: make(map[string]*Site), epoch: epochs.Add(1)}
	for _, s := range sites {
		yield.InLoop()
		if s.number == 0 {
			s.number = numbers.Add(1)
		}
		if s.variances == nil {
			s.variances = new(variances)
		}
		if s.Tally == nil {
			s.Tally = metrics.NewTally()
		}
		for _, network := range s.TrustedProxies {
			if !slices.Contains(t.trusted, network) {
				t.trusted = append(t.trusted, network)
			}
		}
		if s.Path != "" {
			hosts := s.Hosts
			if s.Default {
				hosts = append(slices.Clip(hosts), "")
			}
			for _, host := range hosts {
				if slices.ContainsFunc(below[host], func(o *Site) bool { return o.Path == s.Path }) {
					return nil, fmt.Errorf("two sites have the path %s of the host %s", s.Path, host)
				}
				below[host] = append(below[host], s)
			}
			continue
		}
		if s.Default {
			if t.fallback != nil {
				return nil, fmt.Errorf("sites %s and %s are both the default", t.fallback.Name, s.Name)
			}
			t.fallback = s
		}
		for _, host := range s.Hosts {
			hosts, key := t.of(host)
			if hosts[key] != nil {
				return nil, fmt.Errorf("two sites have the host %s", host)
			}
			hosts[key] = s
		}
	}
	t.divide(below)
	return t, nil
}

// of is the map that has a host, and its key there.
func (t *Table) of(host string) (hosts map[string]*Site, key string) {
	if suffix, ok := strings.CutPrefix(host, "*"); ok {
		return t.patterns, suffix
	}
	return t.exact, host
}

// divide puts forks in the place of the sites of hosts with paths, the wider ones
// first: what is left of a host without a site of its own is theirs.
func (t *Table) divide(below map[string][]*Site) {
	hosts := slices.SortedFunc(maps.Keys(below), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	for _, host := range hosts {
		if host == "" {
			t.fallback = newFork(t.fallback, below[host])
			continue
		}
		hosts, key := t.of(host)
		base := hosts[key]
		if base == nil {
			base = t.host(strings.Replace(host, "*", "", 1))
		}
		hosts[key] = newFork(base, below[host])
	}
}

// rank orders hosts by how wide they are: the default, patterns from the shortest
// on, and exact ones.
func rank(host string) int {
	switch {
	case host == "":
		return 0
	case host[0] == '*':
		return len(host)
	}
	return maxHost + 1
}

// Epoch is a number that no other table of the process has: what was found in one
// with another number may not hold in this one.
func (t *Table) Epoch() uint32 { return t.epoch }

// Renewed is the same table with another epoch.
func (t *Table) Renewed() *Table {
	next := *t
	next.epoch = epochs.Add(1)
	return &next
}

// Client is the client of r over a connection with peer, see [client.Of], and
// whether the peer is trusted. Which proxies are trusted is the site's.
func (t *Table) Client(peer netip.Addr, r *message.Request) (of netip.Addr, trusted bool) {
	if !t.trusted.Contain(peer) {
		return peer, false // mostly, and without a look for the site
	}
	s, _ := t.Route(r)
	if s == nil || !s.TrustedProxies.Contain(peer) {
		return peer, false
	}
	return client.Of(peer, r.Fields, s.TrustedProxies), true
}

// Sites are all sites of the table.
func (t *Table) Sites() []*Site { return t.sites }

// Of are the sites that get requests for a host: several if they divide its paths.
func (t *Table) Of(authority string) (sites []*Site) {
	for s := t.host(authority); s != nil; s = s.fork.base {
		if s.fork == nil {
			return append(sites, s)
		}
		sites = append(sites, s.fork.below...)
	}
	return sites
}

// Named returns the site with a name, nil if there is none.
func (t *Table) Named(name string) *Site {
	if i := slices.IndexFunc(t.sites, func(s *Site) bool { return s.Name == name }); i >= 0 {
		return t.sites[i]
	}
	return nil
}

// maxHost is the longest name that DNS has, in octets (RFC 1035 §2.3.4), and
// room for a port.
const maxHost = 253 + len(":65535")

// Find returns the site for an authority, of those without a Path: the default one
// if no other has its host, and nil without that. An exact host comes before a
// pattern, a longer pattern before a shorter one.
func (t *Table) Find(authority string) *Site {
	s := t.host(authority)
	for s != nil && s.fork != nil {
		s = s.fork.base
	}
	return s
}

// Route returns the site of a request, nil if there is none: of those of its host
// the one with the longest Path that its path begins with. It reports false if it
// depends on who reads the path: such a request is to be refused.
func (t *Table) Route(r *message.Request) (s *Site, ok bool) {
	s = t.host(r.Authority)
	if s == nil || s.fork == nil {
		return s, true
	}
	return s.fork.find(r.Path)
}

// host returns the site for an authority, or the fork that stands in for several.
func (t *Table) host(authority string) *Site {
	if len(t.exact) == 0 && len(t.patterns) == 0 {
		return t.fallback
	}
	if len(authority) > maxHost {
		return t.fallback
	}
	var room [maxHost + 1]byte
	host := withoutPort(appendHost(room[:0], authority))
	if s := t.exact[string(host)]; s != nil {
		return s
	}
	for i := 1; i < len(host) && len(t.patterns) > 0; i++ { // the longest first
		if host[i] != '.' {
			continue
		}
		if s := t.patterns[string(host[i:])]; s != nil {
			return s
		}
	}
	return t.fallback
}

// appendHost appends an authority in one form for all that mean the same: in
// lower case, without the port of HTTPS and without a dot at the end of the name
// (RFC 3986 §6.2.3, RFC 1034 §3.1).
func appendHost(dst []byte, authority string) []byte {
	start := len(dst)
	for i := range len(authority) {
		c := authority[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	if n := len(dst) - len(":443"); n >= start && string(dst[n:]) == ":443" {
		dst = dst[:n]
	}
	if n := len(dst) - 1; n >= start && dst[n] == ':' {
		dst = dst[:n] // an empty port
	}
	if n := len(dst) - 1; n > start && dst[n] == '.' {
		dst = dst[:n]
	}
	return dst
}

// withoutPort cuts the port off a host, and the dot at the end of its name.
func withoutPort(host []byte) []byte {
	for i := len(host) - 1; i >= 0 && host[i] != ']'; i-- {
		if host[i] == ':' {
			if host = host[:i]; i > 0 && host[i-1] == '.' {
				host = host[:i-1]
			}
			break
		}
	}
	return host
}
