package attack

import (
	"context"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// nameAge is for how long the addresses of a name are used before they are
	// looked up again: a connection for each request would ask for them all the
	// time.
	nameAge = 5 * time.Second

	// shunTime is for how long an address that did not answer comes after those
	// that do.
	shunTime = 10 * time.Second

	// maxAddresses bounds how many addresses of a name are used.
	maxAddresses = 64
)

// names looks hosts up, and has their addresses take turns, so that every machine
// behind a name gets connections. Safe for any goroutine.
type names struct {
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	timeout time.Duration // of a look-up
	asked   singleflight.Group

	mu    sync.Mutex
	known map[string]*name
}

// name is what is known of one.
type name struct {
	addresses []netip.Addr
	at        time.Time // when they were looked up
	turn      int       // the address that the next connection is made to first
	shunned   map[netip.Addr]time.Time
}

func newNames(timeout time.Duration) *names {
	return &names{lookup: net.DefaultResolver.LookupNetIP, timeout: timeout, known: make(map[string]*name)}
}

// addresses are those of a host, in the order in which a connection is to try
// them. It is the caller's.
func (n *names) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if all := n.next(host, nameAge); all != nil {
		return all, nil
	}
	asked := n.asked.DoChan(host, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.timeout)
		defer cancel()
		return nil, n.look(ctx, host)
	})
	select {
	case got := <-asked:
		if got.Err != nil {
			return nil, got.Err
		}
		return n.next(host, math.MaxInt64), nil // however long this goroutine has not run since
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// look looks a host up.
func (n *names) look(ctx context.Context, host string) error {
	found, err := n.lookup(ctx, "ip", host)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	if err != nil {
		return err
	}
	var all []netip.Addr
	for _, a := range found[:min(len(found), maxAddresses)] {
		if a = a.Unmap(); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.known[host]
	if known == nil {
		known = &name{shunned: make(map[netip.Addr]time.Time)}
		n.known[host] = known
	}
	known.addresses, known.at = all, time.Now()
	return nil
}

// next is the order for the next connection: from the address whose turn it is,
// and those that were shunned last. nil: the host has to be looked up, as it never was
// or not for so long.
func (n *names) next(host string, age time.Duration) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.known[host]
	if known == nil || time.Since(known.at) > age {
		return nil
	}
	var good, bad []netip.Addr
	count := len(known.addresses)
	for i := range count {
		a := known.addresses[(known.turn+i)%count]
		if at, shunned := known.shunned[a]; shunned && time.Since(at) < shunTime {
			bad = append(bad, a)
			continue
		}
		good = append(good, a)
	}
	known.turn = (known.turn + 1) % count
	if len(good) > 0 { // of two shunned ones in a row the next would have two turns
		known.turn = (slices.Index(known.addresses, good[0]) + 1) % count
	}
	return append(good, bad...)
}

// failed notes that an address of a host did not answer.
func (n *names) failed(host string, a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known := n.known[host]; known != nil {
		known.shunned[a] = time.Now()
	}
}
