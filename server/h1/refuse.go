package h1

import (
	"net/http"
	"strconv"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// refusal is an answer of the engine's own. It is the connection's last: where
// the next request begins is in doubt, or not worth the reading.
type refusal struct {
	*message.Response
	limit metrics.Limit // the budget that was used up, if reason is CloseLimit
	why   metrics.CloseReason
}

// newRefusal says in its content what is wrong and what is allowed.
func newRefusal(status int, why string, more ...hpack.Field) *refusal {
	text := strconv.Itoa(status) + " " + http.StatusText(status) + ": " + why + "\n"
	fields := append([]hpack.Field{{Name: "content-type", Value: "text/plain; charset=utf-8"}}, more...)
	return &refusal{
		Response: message.New(status, fields, []byte(text), "", time.Time{}),
		why:      metrics.CloseError,
	}
}

func newLimit(status int, limit metrics.Limit, why string, more ...hpack.Field) *refusal {
	r := newRefusal(status, why, more...)
	r.limit, r.why = limit, metrics.CloseLimit
	return r
}

// retryAfter has a client try again in a second.
var retryAfter = hpack.Field{Name: "retry-after", Value: "1"}

var (
	badMethod        = newRefusal(http.StatusBadRequest, "the method is not a token")
	badTarget        = newRefusal(http.StatusBadRequest, "the request target is malformed, or not of the form that the method allows")
	badVersion       = newRefusal(http.StatusBadRequest, "the request line does not end in a space and HTTP/1.1 or HTTP/1.0")
	otherVersion     = newRefusal(http.StatusHTTPVersionNotSupported, "only HTTP/1.1 and HTTP/1.0 are spoken here")
	bareLineFeed     = newRefusal(http.StatusBadRequest, "a line does not end in CR and LF")
	blankLines       = newRefusal(http.StatusBadRequest, "more than one empty line before a request")
	badField         = newRefusal(http.StatusBadRequest, "a field line is not a name, a colon and a value without control characters")
	badHost          = newRefusal(http.StatusBadRequest, "there has to be one Host field, with a host and an optional port")
	badLength        = newRefusal(http.StatusBadRequest, "Content-Length has to be one decimal number")
	badCoding        = newRefusal(http.StatusBadRequest, "Transfer-Encoding has to be one field, chunked")
	twoLengths       = newRefusal(http.StatusBadRequest, "Transfer-Encoding is not allowed beside Content-Length, or in HTTP/1.0")
	otherCoding      = newRefusal(http.StatusNotImplemented, "the only transfer coding is chunked")
	otherExpectation = newRefusal(http.StatusExpectationFailed, "the only expectation is 100-continue")
	contentOfConnect = newRefusal(http.StatusBadRequest, "CONNECT has no content")
	badChunks        = newRefusal(http.StatusBadRequest, "the chunked content or its trailer section is malformed")
	tooLongTarget    = newLimit(http.StatusRequestURITooLong, metrics.LimitHeaderList, "the request line is longer than max-header-bytes")
	tooLargeHead     = newLimit(http.StatusRequestHeaderFieldsTooLarge, metrics.LimitHeaderList, "the request head is larger than max-header-bytes")
	tooManyFields    = newLimit(http.StatusRequestHeaderFieldsTooLarge, metrics.LimitHeaderList, "there are more fields than max-header-fields")
	tooLargeContent  = newLimit(http.StatusRequestEntityTooLarge, metrics.LimitBodySize, "the content is larger than max-body")
	slowContent      = newRefusal(http.StatusRequestTimeout, "the content came too slowly")
	internalError    = newRefusal(http.StatusInternalServerError, "the handler broke off")
	noMemory         = newRefusal(http.StatusServiceUnavailable, "no memory is left for this request", retryAfter)
	tooManyExchanges = newLimit(http.StatusServiceUnavailable, metrics.LimitExchanges, "too many requests are in progress", retryAfter)
)

// refuse answers the request at the front, of which h is what could be read,
// and ends the connection.
func (c *Conn) refuse(r *refusal, h *head) {
	if !h.request.Client.IsValid() {
		h.request.Client = c.remote // the fields may be half read
	}
	c.reason = r.why
	if r.why == metrics.CloseLimit {
		c.breach(r.limit, r.why)
	}
	c.cfg.Metrics.Requests.Add(c.stripe, metrics.H1, metrics.ClassOf(r.Status), metrics.Bypass, 1)
	bytes := c.appendRefusal(r, h.request.Method == http.MethodHead)
	took := time.Since(c.now)
	c.cfg.Metrics.RequestDuration.ObserveN(c.stripe, metrics.Bypass, took, 1)
	c.tap.SetProtocol(protocol(h.proto))
	c.tap.End(access.AppendRequest(nil, &h.request), access.Answer{
		Began: c.now, Duration: took, Status: r.Status, Bytes: bytes, Result: metrics.Bypass, Limited: c.over,
	})
	c.enter(closing)
}

// appendRefusal returns the size of the content.
func (c *Conn) appendRefusal(r *refusal, headOnly bool) int64 {
	out := r.AppendHead(c.wire.Out, c.date, nil)
	out = append(out, "connection: close\r\n\r\n"...)
	if !headOnly {
		out = append(out, r.Body...)
	}
	c.wire.Out = out
	if headOnly {
		return 0
	}
	return int64(len(r.Body))
}

func protocol(p message.Proto) access.Protocol {
	if p == message.HTTP10 {
		return access.HTTP10
	}
	return access.HTTP11
}
