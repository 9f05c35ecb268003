package main

import (
	"fmt"
	"log/slog"

	"github.com/e0ac7cd4/hotpath/server/acme"
	"github.com/e0ac7cd4/hotpath/server/admin"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
	"github.com/e0ac7cd4/hotpath/server/redirect"
)

// What takes descriptors, beside connections.
const (
	// restDescriptors are for standard streams (3), the poller (2), both
	// listeners and a connection that each has accepted to refuse (4), the
	// spare one, the access log while it is opened again (2), what scrapes
	// read of /proc (8), the system's certificates (1), and half as many again.
	restDescriptors = 32

	// rootDescriptors are for the tree of a root, one that takes its place, its
	// path, and one that is still in use; and for streams that are being opened.
	rootDescriptors = 4 + origin.LookDescriptors

	// fetchDescriptors is a file being read, and a directory on the way to it.
	fetchDescriptors = 2

	// openFiles is how many large files all sites may have open for streams.
	openFiles = 192

	// upstreamRequests is how many requests are at one upstream at once.
	upstreamRequests = 512
)

// The least with which each part still works.
const (
	leastConns    = 16
	leastFetches  = 4
	leastOpen     = 1
	leastUpstream = 4
)

// descriptors is how much of each kind there may be at once, so that all
// together never need more descriptors than there are.
type descriptors struct {
	conns    int // public connections
	fetches  int // files being read, of all sites
	open     int // files open for streams, of each site with a root
	upstream int // requests at each upstream: connections in use, tunnels among them

	needed int64 // for all that is configured
}

// share is one part of the budget that yields if descriptors are short.
type share struct {
	wanted, least int64
	each          int64 // descriptors for one
	got           *int
}

// divide divides limit descriptors among what is configured. If they do not do,
// public connections get half of what is not fixed, or max-conns if that is
// less, and the other parts the rest, each the same fraction of its full number.
// The error is that limit is below the least with which all of it works.
func divide(limit uint64, cfg *config.Config) (descriptors, error) {
	return divideBeside(limit, cfg, min(cfg.MaxConns, leastConns), min(cfg.MaxFetches, leastFetches))
}

// again divides limit descriptors for a configuration that follows before, the one
// of d. The connections and fetches of d stay: they were given out at the start.
func (d *descriptors) again(limit uint64, before *config.Config, next config.Config) (descriptors, error) {
	roots, upstreams := parts(before)
	if r, u := parts(&next); r == roots && u == upstreams && besides(&next) == besides(before) {
		return *d, nil // not even what was rounded changes
	}
	next.MaxConns, next.MaxFetches = d.conns, d.fetches
	divided, err := divideBeside(limit, &next, d.conns, d.fetches)
	if err != nil {
		err = fmt.Errorf("with the %d connections and %d fetches of the start, of which a restart may allow fewer: %w", d.conns, d.fetches, err)
	}
	return divided, err
}

// divideBeside is divide with no fewer connections and fetches than some.
func divideBeside(limit uint64, cfg *config.Config, conns, fetches int) (descriptors, error) {
	dirs, servers := parts(cfg)
	roots, upstreams := int64(dirs), int64(servers)
	d := descriptors{conns: cfg.MaxConns, fetches: cfg.MaxFetches}
	var others []share
	if roots > 0 { // the demo site has no files
		others = append(others,
			share{int64(cfg.MaxFetches), int64(fetches), fetchDescriptors, &d.fetches},
			share{max(leastOpen, openFiles/roots), leastOpen, roots, &d.open})
	}
	if upstreams > 0 {
		others = append(others, share{upstreamRequests, leastUpstream, upstreams, &d.upstream})
	}
	fixed := restDescriptors + admin.MaxConns + roots*rootDescriptors + upstreams*proxy.SpareSockets + besides(cfg)
	wanted, least := int64(0), int64(0)
	for _, s := range others {
		wanted += s.wanted * s.each
		least += s.least * s.each
	}
	most, fewest := int64(cfg.MaxConns), int64(conns)
	d.needed = fixed + wanted + most
	// More than any kernel allows (fs.nr_open), and products stay far below 2^63.
	all := int64(min(limit, 1<<30))
	if all < fixed+least+fewest {
		return d, fmt.Errorf("RLIMIT_NOFILE allows %d open files: at least %d are needed with these settings, and %d for all that they allow",
			all, fixed+least+fewest, d.needed)
	}
	free := all - fixed
	room := min(wanted, max(least, min(free-fewest, max(free/2, free-most))))
	for _, s := range others {
		n := s.least
		if wanted > least {
			n += (s.wanted - s.least) * (room - least) / (wanted - least)
		}
		*s.got = int(n)
		free -= n * s.each
	}
	d.conns = int(min(most, free))
	return d, nil
}

// fewDescriptors is the warning of a division that is not all that is configured.
const fewDescriptors = "the limit of open files is too low: limits are lower than configured"

// parts counts the sites with a root, and all upstreams.
func parts(cfg *config.Config) (roots, upstreams int) {
	for i := range cfg.Sites {
		if cfg.Sites[i].Root != "" {
			roots++
		}
		upstreams += len(cfg.Sites[i].Upstreams)
	}
	return roots, upstreams
}

// besides are the descriptors of what is not always there: the plain HTTP listener,
// with a connection that it has accepted to refuse, and orders of certificates.
func besides(cfg *config.Config) (n int64) {
	if cfg.HTTPAddr != "" {
		n += redirect.MaxConns + 2
	}
	if cfg.ACME.Directory != "" {
		n += acme.Descriptors
	}
	return n
}

// warn says that descriptors are short.
func (d *descriptors) warn(limit uint64, cfg *config.Config, log *slog.Logger) {
	if int64(min(limit, 1<<30)) >= d.needed {
		return
	}
	log.Warn(fewDescriptors,
		"RLIMIT_NOFILE", limit, "needed", d.needed, "max-conns", cfg.MaxConns, "effective", d.conns,
		"max-fetches", d.fetches, "files-open", d.open, "at-each-upstream", d.upstream)
}
