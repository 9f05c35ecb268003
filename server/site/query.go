package site

import (
	"slices"
	"strings"
)

// Query is what of a request's query is in the cache key. The origin gets all of
// it in any case.
type Query struct {
	// Drop leaves out all of it. Sorted orders its parameters by name.
	Drop, Sorted bool

	// Keep are the parameters that count, Without those that do not. One of
	// them at most has any. Names are compared as they are sent.
	Keep, Without []string
}

// plain reports whether all of a query counts, as it is.
func (q *Query) plain() bool {
	return !q.Drop && !q.Sorted && len(q.Keep) == 0 && len(q.Without) == 0
}

// leavesOut reports whether a parameter does not count. One that servers may read as
// another, or as several, counts in any case: else what it leads to would be stored
// for requests without it.
func (q *Query) leavesOut(parameter string) bool {
	name, _, _ := strings.Cut(parameter, "=")
	if strings.ContainsAny(name, "%+") || strings.IndexByte(parameter, ';') >= 0 {
		return false
	}
	return len(q.Keep) > 0 && !slices.Contains(q.Keep, name) || slices.Contains(q.Without, name)
}

// append appends what counts of query, which is "" or begins with "?", by q and by
// also, if that is not nil.
func (q *Query) append(dst []byte, query string, also *Query) []byte {
	if also == nil {
		also = &Query{}
	}
	switch {
	case query == "" || q.Drop || also.Drop:
		return dst
	case q.plain() && also.plain():
		return append(dst, query...)
	}
	var room [16]string // a query with more parameters costs an allocation
	parameters := room[:0]
	for p := range strings.SplitSeq(query[1:], "&") {
		if p != "" && !q.leavesOut(p) && !also.leavesOut(p) {
			parameters = append(parameters, p)
		}
	}
	if q.Sorted || also.Sorted {
		slices.SortStableFunc(parameters, func(a, b string) int {
			a, _, _ = strings.Cut(a, "=")
			b, _, _ = strings.Cut(b, "=")
			return strings.Compare(a, b)
		})
	}
	between := byte('?')
	for _, p := range parameters {
		dst = append(append(dst, between), p...)
		between = '&'
	}
	return dst
}
