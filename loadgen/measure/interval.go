package measure

import "time"

// Interval is what a span of a run counted: what attacks report while they run,
// and what the intervals of several machines merge into.
type Interval struct {
	Index    int           // from 0
	Begin    time.Duration // since the first request was due
	Length   time.Duration
	Due      uint64  // requests that were due in it; 0 in a closed loop
	Asked    float64 // the same for each second in which any were due
	Drain    bool    // it began when no more requests were due
	InFlight int64   // at its end
	Busy     float64 // share of its cores that the load generator used, 0 to 1
	Tally    *Tally
}

// Merge adds another machine's interval with the same index.
func (i *Interval) Merge(o *Interval) {
	i.Length = max(i.Length, o.Length)
	i.Due += o.Due
	i.Asked += o.Asked
	i.Drain = i.Drain || o.Drain
	i.InFlight += o.InFlight
	i.Busy = max(i.Busy, o.Busy)
	i.Tally.Merge(o.Tally)
}

// Point sums the interval up.
func (i *Interval) Point() Point {
	t := i.Tally
	response := t.Latency()
	return Point{
		Begin:       i.Begin,
		Length:      i.Length,
		Asked:       i.Asked,
		Drain:       i.Drain,
		Requests:    t.Requests(),
		Answered:    t.Answered(),
		Failed:      t.Unsuccessful(),
		InFlight:    i.InFlight,
		Busy:        i.Busy,
		Codes:       t.codes(),
		Timed:       response.Count(),
		Mean:        response.Mean(),
		P50:         response.Quantile(0.50),
		P90:         response.Quantile(0.90),
		P99:         response.Quantile(0.99),
		P999:        response.Quantile(0.999),
		Max:         response.Max(),
		ServiceMean: t.Service.Mean(),
		ServiceP99:  t.Service.Quantile(0.99),
	}
}

// Add takes an interval into the run and returns its point.
func (r *Run) Add(i *Interval) Point {
	if r.Total == nil {
		r.Total = NewTally()
	}
	r.Total.Merge(i.Tally)
	p := i.Point()
	r.Points = append(r.Points, p)
	return p
}
