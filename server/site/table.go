package site

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

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
	t := &Table{sites: sites, exact: make(map[string]*Site), patterns: make(map[string]*Site), epoch: epochs.Add(1)}
	for _, s := range sites {
		if s.number == 0 {
			s.number = numbers.Add(1)
		}
		for _, network := range s.TrustedProxies {
			if !slices.Contains(t.trusted, network) {
				t.trusted = append(t.trusted, network)
			}
		}
		if s.Default {
			if t.fallback != nil {
				return nil, fmt.Errorf("sites %s and %s are both the default", t.fallback.Name, s.Name)
			}
			t.fallback = s
		}
		for _, host := range s.Hosts {
			hosts, key := t.exact, host
			if suffix, ok := strings.CutPrefix(host, "*"); ok {
				hosts, key = t.patterns, suffix
			}
			if hosts[key] != nil {
				return nil, fmt.Errorf("two sites have the host %s", host)
			}
			hosts[key] = s
		}
	}
	return t, nil
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

// Client is the client of r over a connection with peer: see [client.Of]. Which
// proxies are trusted is the site's.
func (t *Table) Client(peer netip.Addr, r *message.Request) netip.Addr {
	if !t.trusted.Contain(peer) {
		return peer // mostly, and without a look for the site
	}
	if s := t.Find(r.Authority); s != nil {
		return client.Of(peer, r.Fields, s.TrustedProxies)
	}
	return peer
}

// Sites are all sites of the table.
func (t *Table) Sites() []*Site { return t.sites }

// maxHost is the longest name that DNS has, in octets (RFC 1035 §2.3.4), and
// room for a port.
const maxHost = 253 + len(":65535")

// Find returns the site for an authority, the default one if no other has its
// host, and nil without that. An exact host comes before a pattern, a longer
// pattern before a shorter one.
func (t *Table) Find(authority string) *Site {
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
