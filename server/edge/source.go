package edge

import (
	"net/http"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// Key implements [message.Source]: false for what only ServeHTTP can answer.
// Conditions that a 304 answers (If-None-Match, If-Modified-Since) are the
// engines', with [message.Select].
func (e *Edge) Key(dst []byte, r *message.Request) ([]byte, bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return dst, false
	}
	for i := range r.Fields {
		if needsHandler(r.Fields[i].Name, r.Fields[i].Value) {
			return dst, false
		}
	}
	return e.origin.Key(dst, r.Path)
}

// needsHandler reports whether a field keeps a GET or HEAD request from being
// answered with a stored response as it is: a part is wanted, a precondition
// may fail with 412, or there is a body.
func needsHandler(name, value string) bool {
	switch name {
	case "range", "if-match", "if-unmodified-since", "expect", "transfer-encoding":
		return true
	case "content-length":
		return value != "0"
	}
	return false
}

// Find implements [message.Source]. A response that is past its fresh lifetime
// is served while it may be (RFC 5861 §3), and the first hit then starts its
// revalidation.
func (e *Edge) Find(key string, now time.Time) *message.Response {
	entry, ok := e.cache.Get(key, now)
	if !ok {
		return nil
	}
	if at := entry.recheck.Load(); now.UnixNano() >= at && entry.recheck.CompareAndSwap(at, rechecking) {
		e.revalidate(strings.Clone(key), entry, now)
	}
	return entry.answer.Response
}
