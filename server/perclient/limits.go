// Package perclient bounds what one client may do: how many connections it has,
// how many handshakes and requests it begins in a second.
//
//	limits.go       what is limited, and what all limits share
//	connections.go  connections and handshakes, for package listen
//	requests.go     requests, for the engines
//
// A client is an address, or as much of one as a network gives to one client; a
// request can also be identified by the value of a field. Package client finds the
// address.
//
// # Cost and memory
//
// A limit that is off is a nil pointer, and costs a comparison. One that is on
// costs a hash and two cache lines, and no allocation. Rates share a table whose
// size is fixed, and whose rule of what leaves it is that of [limit.Table];
// connections are counted by name, of which there are no more than connections.
//
// All methods are safe for concurrent use.
package perclient

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
)

// Config is what one client may do. A limit of 0 is none.
type Config struct {
	Connections int // open at once
	Handshakes  int // begun in a second, and as many at once
	Requests    int // in a second
	Burst       int // requests at once; 0: as many as in a second

	// By is the field whose value tells clients apart for requests, in lower
	// case; requests without it count by address, as all are if it is "".
	By string

	// IPv4 and IPv6 are how many bits of an address tell clients apart.
	IPv4, IPv6 int

	Exempt client.Networks // are not limited

	// DryRun is that what is beyond a limit is counted, and let pass.
	DryRun bool

	// Clients is how many the rates tell apart at once.
	Clients int
}

// Rates reports whether there is a limit that needs the table.
func (c *Config) Rates() bool { return c.Handshakes > 0 || c.Requests > 0 }

// Limits are all limits of a server. [New] makes them.
type Limits struct {
	cfg   Config
	table *limit.Table // nil: no rates
	began time.Time
}

// New makes the limits of cfg.
func New(cfg Config) *Limits {
	l := &Limits{cfg: cfg, began: time.Now()}
	if cfg.Rates() {
		l.table = limit.NewTable(cfg.Clients)
	}
	return l
}

// Stats are what the table holds.
func (l *Limits) Stats() metrics.LimitStats {
	if l.table == nil {
		return metrics.LimitStats{}
	}
	return metrics.LimitStats{Entries: l.table.Used(), Evicted: l.table.Evicted()}
}

// mode is what becomes of what is beyond a limit.
func (l *Limits) mode() metrics.LimitMode {
	if l.cfg.DryRun {
		return metrics.LimitDryRun
	}
	return metrics.LimitRefuse
}

// part is what of an address tells clients apart.
func (l *Limits) part(a netip.Addr) netip.Addr {
	bits := l.cfg.IPv6
	if a.Is4() {
		bits = l.cfg.IPv4
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return a // no prefix is so long: the whole
	}
	return p.Addr()
}

// rate is a limit of events in a second.
type rate struct {
	limits *Limits
	bucket limit.Bucket
	seed   maphash.Seed // of the names of addresses, which are this rate's alone
}

func (l *Limits) newRate(perSecond, burst int) rate {
	return rate{l, limit.NewBucket(perSecond, burst), maphash.MakeSeed()}
}

// name is the table's name of an address.
func (r *rate) name(a netip.Addr) uint64 {
	b := r.limits.part(a).As16()
	return maphash.Bytes(r.seed, b[:])
}

// take reports whether one more event is within the limit.
func (r *rate) take(name uint64, now time.Time) bool {
	return r.limits.table.Take(name, r.bucket, int64(now.Sub(r.limits.began)))
}
