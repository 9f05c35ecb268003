//go:build linux

package perf

import "time"

// The promise of hotpath, and what else must hold on two cores. Each figure has
// this one place.
const (
	promisedRate = 150_000              // requests per second, over TLS and HTTP/2, of 1 KiB
	promisedMean = 3 * time.Millisecond // of the response time

	twiceRate       = 300_000
	manyConnections = 19_000
	mixedRate       = 30_000 // nine hits to one miss
	h1Rate          = 40_000 // over 64 connections

	// What net/http takes of its processor for a request, at full speed, beside
	// hotpath: 37 times as much when it was measured last (docs/benchmarks.md).
	leastRatio = 10

	mostOverhead = 1.03                  // of all that an operator sees the server by, as a ratio of processor time
	mostScrape   = 10 * time.Millisecond // of a scrape, under the promised load and at full speed

	mostMemory = 200 // MiB of the load generator, at any time of the promise's minute
)

// lengths of the suites.
type lengths struct {
	slo, other, round, probe time.Duration
	divide                   int // of rates and connections
}

var (
	fullLengths  = lengths{slo: 60 * time.Second, other: 20 * time.Second, round: 5 * time.Second, probe: 3 * time.Second, divide: 1}
	shortLengths = lengths{slo: time.Second, other: time.Second, round: 200 * time.Millisecond, probe: 200 * time.Millisecond, divide: 100}
)
