package edge

import (
	"strconv"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// beginSpan begins the span of a fetch, in the trace of the request that began it;
// that of a flight has its place there already, which those that wait may name.
func (f *fetch) beginSpan() {
	if f.trace == nil {
		return
	}
	own := f.trace.NextFetch()
	if f.flight != nil {
		own = f.flight.span
	}
	f.span = f.trace.Fetch(own, !f.site.Files, f.request.Method, f.request.Path, f.reason.String())
}

// endSpan ends it with the outcome.
func (f *fetch) endSpan(outcome metrics.FetchOutcome) {
	if f.span == nil {
		return
	}
	f.span.Status(f.head.Status)
	failure := ""
	if f.head.Status >= 400 {
		failure = strconv.Itoa(f.head.Status)
	}
	if outcome != metrics.FetchOK && outcome != metrics.FetchNotFound {
		failure = outcome.String()
	}
	f.span.End(failure)
}
