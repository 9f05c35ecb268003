// Package origin is where misses go: the last step of a request's way. There
// are two origins: a [Directory] of files and the built-in demo site
// ([NewDemo]).
//
// An origin may block, on a disk or a network, so it is never asked on a
// connection's goroutine. All its methods are safe for concurrent use. What it
// answers is immutable and may be shared by any number of requests.
package origin

import (
	"context"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// Origin answers what the cache can't.
type Origin interface {
	// Key appends to dst the cache key of a request path, as received,
	// query included. It reports false where the path is malformed, which
	// is answered with 400. Paths that name the same resource have the same
	// key. Key neither blocks nor allocates beyond growing dst.
	Key(dst []byte, path string) (key []byte, ok bool)

	// Fetch gets the resource behind key, a key that Key made. stale is
	// the answer that the cache holds, nil where it holds none: where that
	// is still current, Fetch answers with the same Response again, and has
	// not read the resource. An error means that the origin failed; a
	// resource that does not exist is an answer (404).
	Fetch(ctx context.Context, key string, stale *Answer) (Answer, error)
}

// Answer is what an origin knows about a resource: either a Response or a
// Stream.
type Answer struct {
	// Response is the whole answer, to be stored where Store is true, and
	// otherwise only to be sent (404, a redirect).
	Response *message.Response
	Store    bool

	// Fresh is how long the answer may be served without asking again, from
	// the moment that Fetch was called; Stale is how much longer while it
	// is being revalidated (RFC 5861 §3).
	Fresh, Stale time.Duration

	// Stream serves a resource that is too large to hold, or that changes
	// too fast to be held. It may be used by several requests at once.
	Stream http.Handler

	// seen is what a Directory saw when it read the file, so that a stat
	// tells whether it changed.
	seen *sighting
}
