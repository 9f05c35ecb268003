// Package origin is where misses go: the last step of a request's way. There
// are three origins: a [Directory] of files, the built-in demo site ([NewDemo])
// and other servers (package proxy).
//
// An origin may block, on a disk or a network, so it is never called on a
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
	// Fetch fetches r and gives the answer to sink. It returns nil
	// if the answer was delivered whole. An error means that the origin
	// failed, or that ctx ended, or is the sink's; a resource that does not
	// exist is an answer (404).
	Fetch(ctx context.Context, r *Request, sink Sink) error
}

// Answer is what an origin has for a resource: either a Response or a
// Stream.
type Answer struct {
	// Response is the whole answer, to be stored if Store is true, and
	// otherwise only to be sent (404, a redirect).
	Response *message.Response
	Store    bool

	// Fresh is how long the answer may be served without fetching again, from
	// the moment that Fetch was called; Stale is how much longer while it
	// is being revalidated (RFC 5861 §3).
	Fresh, Stale time.Duration

	// Coded is the content in the plain codings that the origin has it in, by
	// [encode.Coding]; nil for those that it has not, and if it has none.
	Coded [][]byte

	// Stream serves a resource that is too large to hold, or that changes
	// too fast to be held. It may be used by several requests at once.
	Stream http.Handler

	// seen is what a Directory saw when it read the file, so that a stat
	// shows whether it changed.
	seen   *sighting
	beside *beside // and of the codings beside it; nil: there are none
}
