package edge

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// What is answered if there is no resource to answer with. None is stored.
var (
	badRequest       = origin.Page(http.StatusBadRequest)
	noSuchHost       = origin.Page(http.StatusNotFound)
	misdirected      = origin.Page(http.StatusMisdirectedRequest)
	methodNotAllowed = origin.Page(http.StatusMethodNotAllowed, hpack.Field{Name: "allow", Value: allow})
	options          = message.Opened(http.StatusNoContent, []hpack.Field{message.ServerField, {Name: "allow", Value: allow}}, -1)
	noTrace          = origin.Page(http.StatusMethodNotAllowed, hpack.Field{Name: "allow", Value: "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"})
	lastAnswer       = message.Opened(http.StatusOK, []hpack.Field{message.ServerField}, 0)
	tooLarge         = origin.Page(http.StatusRequestEntityTooLarge)
	internalError    = origin.Page(http.StatusInternalServerError)
	timedOut         = origin.Page(http.StatusGatewayTimeout)

	// A queue that is full now is worked off within a second, or the origin
	// is in trouble that no number describes.
	overloaded = origin.Page(http.StatusServiceUnavailable, retryAfter)
	retryAfter = hpack.Field{Name: "retry-after", Value: "1"}
)

// failure is the answer to a request whose fetch failed. That of an upstream
// says why in Proxy-Status (RFC 9209).
func failure(s *site.Site, err error) *message.Response {
	var upstream *proxy.Error
	var body *http.MaxBytesError
	switch {
	case errors.As(err, &body):
		return tooLarge
	case errors.As(err, &upstream):
		fields := []hpack.Field{proxyStatus(upstream.ProxyStatus)}
		if upstream.Status == http.StatusServiceUnavailable {
			fields = append(fields, retryAfter)
		}
		return origin.Page(upstream.Status, fields...)
	case errors.Is(err, errOverloaded), errors.Is(err, errUnused), errors.Is(err, context.Canceled):
		return overloaded // a client that cancelled does not read it
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		return timedOut
	case s.Files:
		return internalError
	case errors.Is(err, errPanic):
		return origin.Page(http.StatusInternalServerError, proxyStatus("proxy_internal_error"))
	case errors.Is(err, errNoAnswer), errors.Is(err, errLength):
		return origin.Page(http.StatusBadGateway, proxyStatus("http_response_incomplete"))
	}
	return origin.Page(http.StatusBadGateway, proxyStatus("http_protocol_error"))
}

// proxyStatus is a Proxy-Status field with an error type of RFC 9209 §2.3.
func proxyStatus(kind string) hpack.Field {
	return hpack.Field{Name: "proxy-status", Value: cacheName + "; error=" + kind}
}

// located makes a redirect of a directory one of the site: its target is a path as
// clients know it, with the request's query, since a resource that moved has moved
// for every query. That is left out if it may not stand in a field.
func located(s *site.Site, resp *message.Response, target string) *message.Response {
	if resp.Status != http.StatusMovedPermanently {
		return resp
	}
	query := ""
	if i := strings.IndexByte(target, '?'); i >= 0 {
		query = target[i:]
	}
	for i := range len(query) {
		if query[i] <= ' ' || query[i] >= 0x7f {
			query = ""
			break
		}
	}
	for _, f := range resp.Fields {
		if f.Name == "location" {
			return origin.Page(resp.Status, hpack.Field{Name: f.Name, Value: s.Unstripped(f.Value) + query})
		}
	}
	return resp
}
