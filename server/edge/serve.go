package edge

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// allow is every method that a resource here has (RFC 9110 §10.2.1).
const allow = "GET, HEAD, OPTIONS"

// What is answered where there is no resource to answer with.
var (
	badRequest       = origin.Page(http.StatusBadRequest)
	methodNotAllowed = origin.Page(http.StatusMethodNotAllowed, hpack.Field{Name: "allow", Value: allow})
	failed           = origin.Page(http.StatusInternalServerError)
	timedOut         = origin.Page(http.StatusGatewayTimeout)

	// A queue that is full now is worked off within a second, or the origin
	// is in trouble that no number describes.
	overloaded = origin.Page(http.StatusServiceUnavailable, hpack.Field{Name: "retry-after", Value: "1"})
)

// ServeHTTP is the engines' second door: misses, parts, preconditions, other
// methods, malformed paths. It answers every request.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		origin.Send(w, r, methodNotAllowed)
		return
	}
	path, query := target(r)
	appended, ok := e.origin.Key(nil, path)
	if !ok {
		origin.Send(w, r, badRequest)
		return
	}
	key := string(appended)

	// What could have come through the first door, on an engine that has
	// one, was looked for there: to look again would count another miss.
	whole := isWhole(r)
	_, looked := w.(message.StoredWriter)
	if !(whole && looked) {
		if resp := e.Find(key, time.Now()); resp != nil {
			setCacheResult(w, metrics.Hit)
			answer(w, r, resp, whole)
			return
		}
	}
	resp, stream, err := e.Get(r.Context(), key)
	switch {
	case err != nil:
		setCacheResult(w, metrics.Miss)
		origin.Send(w, r, failure(err))
	case stream != nil:
		setCacheResult(w, metrics.Bypass)
		stream.ServeHTTP(w, r)
	default:
		setCacheResult(w, metrics.Miss)
		answer(w, r, withQuery(resp, query), whole)
	}
}

// target is the path of a request as received, query included, and the query
// alone, with its question mark. HTTP/1.1 allows the absolute form, of which
// the path is taken (RFC 9112 §3.2.2).
func target(r *http.Request) (path, query string) {
	path = r.RequestURI
	if !strings.HasPrefix(path, "/") {
		path = r.URL.RequestURI()
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		query = path[i:]
	}
	return path, query
}

// isWhole reports whether a stored response, as it is or as its 304, answers a
// GET or HEAD: what Key reports of a [message.Request].
func isWhole(r *http.Request) bool {
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return false
	}
	for name := range r.Header {
		if name != "Content-Length" && needsHandler(strings.ToLower(name), "") {
			return false
		}
	}
	return true
}

// answer sends a response under the request's conditions.
func answer(w http.ResponseWriter, r *http.Request, resp *message.Response, whole bool) {
	if w, ok := w.(message.StoredWriter); ok && whole {
		w.WriteStored(message.Select(conditions(r), resp))
		return
	}
	if resp.Status == http.StatusOK {
		origin.ServeContent(w, r, resp, bytes.NewReader(resp.Body))
		return
	}
	origin.Send(w, r, resp)
}

// conditions is the part of a request that [message.Select] reads.
func conditions(r *http.Request) *message.Request {
	view := new(message.Request)
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since"} {
		for _, value := range r.Header[name] {
			view.Fields = append(view.Fields, hpack.Field{Name: strings.ToLower(name), Value: value})
		}
	}
	return view
}

// withQuery adds the request's query to the target of a redirect: a resource
// that moved moved for every query. It is left out where it could not stand in
// a field.
func withQuery(resp *message.Response, query string) *message.Response {
	if resp.Status != http.StatusMovedPermanently || query == "" {
		return resp
	}
	for i := range len(query) {
		if query[i] <= ' ' || query[i] >= 0x7f {
			return resp
		}
	}
	for _, f := range resp.Fields {
		if f.Name == "location" {
			return origin.Page(resp.Status, hpack.Field{Name: f.Name, Value: f.Value + query})
		}
	}
	return resp
}

// failure is the answer to a request whose fetch failed.
func failure(err error) *message.Response {
	switch {
	case errors.Is(err, ErrOverloaded), errors.Is(err, context.Canceled):
		return overloaded // whoever cancelled does not read it
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return timedOut
	}
	return failed
}

func setCacheResult(w http.ResponseWriter, result metrics.CacheResult) {
	if w, ok := w.(message.CacheResultSetter); ok {
		w.SetCacheResult(result)
	}
}
