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

// append appends what counts of query, which is "" or begins with "?".
func (q *Query) append(dst []byte, query string) []byte {
	switch {
	case query == "" || q.Drop:
		return dst
	case !q.Sorted && len(q.Keep) == 0 && len(q.Without) == 0:
		return append(dst, query...)
	}
	var room [16]string // a query with more parameters costs an allocation
	parameters := room[:0]
	for p := range strings.SplitSeq(query[1:], "&") {
		name, _, _ := strings.Cut(p, "=")
		if p == "" || len(q.Keep) > 0 && !slices.Contains(q.Keep, name) || slices.Contains(q.Without, name) {
			continue
		}
		parameters = append(parameters, p)
	}
	if q.Sorted {
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
