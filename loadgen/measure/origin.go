package measure

// Origin is what an origin says that it had while an edge before it was measured:
// a witness beside the edge's own answers. All that reached it is in it, also what
// the edge asked on its own account.
type Origin struct {
	URL      string
	Requests uint64
	Broken   uint64            // answers that it broke off, as it was asked to
	BytesOut uint64            // of contents
	Statuses map[string]uint64 // of its answers
}

// Witnessed is the share of the edge's answers for which it had not to ask the
// origin, 0 to 1: what its hit ratio is, if an origin has counted.
func (r *Run) Witnessed() float64 {
	answered := r.Total.Answered()
	if r.Origin == nil || answered <= r.Origin.Requests {
		return 0
	}
	return 1 - float64(r.Origin.Requests)/float64(answered)
}
