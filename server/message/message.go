// Package message is what the protocol engines and the edge exchange: a
// borrowed view of a request, a stored response that is encoded once for every
// protocol and then only copied, and a content that still grows.
//
// The engines (server/h2, server/h1) have two paths:
//
//   - [Source], the fast path: a hit. It is called on the connection's own
//     goroutine, so it must not block, lock across I/O or allocate.
//   - [Handler], the slow path: everything else, on a goroutine of its own, as
//     an [Exchange] whose [Reply] leads back to the connection.
package message

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// Request is an engine's view of a request head. Every string in it is
// borrowed from the engine's read buffer: valid until the call that received
// the Request returns. Clone what is kept.
type Request struct {
	Method    string // as received, case-sensitive
	Scheme    string // "https"
	Authority string // :authority, or the Host field
	Path      string // :path: an absolute path and an optional query, as received; "*"; "" for CONNECT
	// Fields are the regular fields in the order received, names in lower
	// case, pseudo-fields left out.
	Fields []hpack.Field

	// Identity is what the client has shown of itself, nil for most. It is
	// the connection's, and not borrowed.
	Identity *Identity

	// Client is the client's address: that of the connection's peer, or the
	// one that the site's trusted proxies name (package client). Not valid
	// if it has no IP address.
	Client netip.Addr

	// Trusted is whether the connection's peer is one of the site's trusted
	// proxies: what it says of the request is believed.
	Trusted bool
}

// ClientFunc returns the client of a request, whose Client is not set yet, over
// a connection with peer, and whether the peer is trusted. It neither blocks nor
// allocates. Nil: the peer, which is not.
type ClientFunc func(peer netip.Addr, r *Request) (client netip.Addr, trusted bool)

// Of is f's answer.
func (f ClientFunc) Of(peer netip.Addr, r *Request) (client netip.Addr, trusted bool) {
	if f == nil {
		return peer, false
	}
	return f(peer, r)
}

// Field returns the value of the first field with that name, in lower case,
// and whether there is one.
func (r *Request) Field(name string) (string, bool) {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			return r.Fields[i].Value, true
		}
	}
	return "", false
}

// Source is the fast path: what can be answered from memory, now.
type Source interface {
	// Look looks for the stored response that answers r, a request without
	// content, and notes in l what it found. It reports false if there is
	// none that may be served: then only the handler can answer. Conditions
	// and ranges are the engine's, with [Select].
	Look(l *Lookup, r *Request, now time.Time) bool

	// Again is Look for a request that is the same, byte for byte, as one
	// for which Look set l.Key and l.Repeatable.
	Again(l *Lookup, now time.Time) bool
}

// Lookup is what a Source found out about a request. An engine keeps one for
// each request that it remembers, and otherwise reuses its memory.
type Lookup struct {
	// Key names the stored response, its variant included. Look writes it
	// over what was there; empty if the request has none.
	Key []byte

	// Response is the stored response, set if Look or Again reports true.
	Response *Response

	// Repeatable is that the same bytes find the same Response again as
	// long as it is stored and fresh: Again may be called.
	Repeatable bool

	// SharedOnly is the source's own: what it found out holds for responses
	// that clients with Authorization may share, and for no others.
	SharedOnly bool

	// Accept is the source's own: the content codings that the request accepts.
	Accept uint32

	// Epoch is the source's own: what it found out holds as long as it has
	// the same sites.
	Epoch uint32

	// Policy is the source's own, for the handler that gets the request
	// after a miss: what the request's host is served by. Its text is the name
	// that logs have.
	Policy fmt.Stringer

	// Tally is what the hit counts in beside the metrics; nil: nothing.
	Tally *metrics.Tally

	// Status is the Cache-Status of a hit; nil if it is switched off.
	Status *FixedField
}

// Reset makes l as new, and keeps its memory.
func (l *Lookup) Reset() { *l = Lookup{Key: l.Key[:0]} }
