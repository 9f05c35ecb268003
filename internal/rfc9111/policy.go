package rfc9111

import "time"

// Policy is what is kept with a stored response. It is a small value and never
// changes; a validation makes a new one. The zero Policy is of a response that
// was never fresh and must be validated; it is 32 bytes.
type Policy struct {
	// Born is the Unix second from which the response's age counts
	// (RFC 9111 §4.2.3).
	Born int64

	// Lifetime is the freshness lifetime in seconds (§4.2.1).
	Lifetime int32

	// Revalidate and OnError are for how many seconds after it the response
	// may be served while it is revalidated, or if the origin fails
	// (RFC 5861). They are 0 if the response forbids to be served stale.
	Revalidate int32
	OnError    int32

	// Keep is for how many seconds after Lifetime the response is of use.
	Keep int32

	Flags Flags
}

// Flags are what a stored response says of itself.
type Flags uint16

const (
	// NoCache: it is validated before each use (§5.2.2.4).
	NoCache Flags = 1 << iota

	// MustRevalidate: it is not served stale, whatever else allows it
	// (must-revalidate, proxy-revalidate, s-maxage; §4.2.4).
	MustRevalidate

	// Immutable: it does not change while it is fresh (RFC 8246).
	Immutable

	// HasValidator: it has an ETag or a Last-Modified to revalidate with.
	HasValidator

	// Shared: it may answer requests that have Authorization (public,
	// s-maxage or must-revalidate; §3.5).
	Shared

	// Explicit: its lifetime is the origin's, not a default or an estimate.
	Explicit

	// Strips: some of its fields must not be stored; see [Kept].
	Strips
)

// Age returns the response's age in whole seconds (§4.2.3), from 0 to 2^31-1:
// the value of the Age field (§5.1), with ten digits at most.
func (p *Policy) Age(now time.Time) int64 { return min(max(now.Unix()-p.Born, 0), maxDelta) }

// Left returns for how many seconds the response is still fresh, negative if it
// is not: the ttl of Cache-Status (RFC 9211 §2.4).
func (p *Policy) Left(now time.Time) int64 { return int64(p.Lifetime) - p.Age(now) }

// Fresh reports whether the response is fresh (§4.2). Whether a request may be
// answered with it is for [Reuse] to say.
func (p *Policy) Fresh(now time.Time) bool { return p.Left(now) > 0 }

// FreshUntil returns the Unix second at which the response is no longer fresh.
func (p *Policy) FreshUntil() int64 { return p.Born + int64(p.Lifetime) }

// KeepUntil returns the Unix second from which the response is of no use any
// more, fresh, stale or for validation.
func (p *Policy) KeepUntil() int64 { return p.FreshUntil() + int64(p.Keep) }

// Staled returns the policy of the same response if an operator made it stale at
// now: it may not be current any more.
func (p *Policy) Staled(now time.Time) Policy {
	staled := *p
	staled.Lifetime = int32(min(int64(p.Lifetime), p.Age(now)))
	return staled
}

// Has reports whether all of flags are set.
func (p *Policy) Has(flags Flags) bool { return p.Flags&flags == flags }
