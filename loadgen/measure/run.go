package measure

import "time"

// Point is what a span of a run, mostly a second, measured. What ended in the
// span is in it.
type Point struct {
	Begin    time.Duration // since the first request was due
	Length   time.Duration
	Asked    float64 // requests per second that were due; 0 in a closed loop
	Drain    bool    // no more were due: it has responses to those that were due before
	Requests uint64  // that ended
	Answered uint64  // of these, with a whole response
	Failed   uint64  // of these, without success
	InFlight int64   // at its end: sent and not ended
	Busy     float64 // share of its cores that the load generator used; of several machines the busiest one
	Codes    []Code  // what was answered, from the lowest status

	// Response times, as Tally.Latency has them; all 0 if Timed is.
	Timed                          uint64
	Mean, P50, P90, P99, P999, Max time.Duration
	ServiceMean, ServiceP99        time.Duration // of whole responses
}

// Rate is requests that succeeded, per second.
func (p Point) Rate() float64 { return perSecond(p.Requests-p.Failed, p.Length) }

// Brief reports whether the span is too short for its rate to mean much: one in
// which the last responses came in.
func (p Point) Brief() bool { return p.Drain && p.Length < time.Second/2 }

// Run is a finished attack, or what there is of one that was interrupted.
type Run struct {
	Name        string
	Target      string  // the first URL
	Targets     int     // how many there are
	Names       []Name  // of those that Total.Targets has apart, by their row from 1; nil: none are
	Pattern     string  // what of them is sent, in words; "": they take turns
	Protocol    string  // that was spoken: "h2", "http/1.1" or "h2 and http/1.1"
	Fallback    bool    // a server that was offered HTTP/2 chose HTTP/1.1
	Pace        string  // in words: "150,000/s", "closed loop"
	Asked       float64 // mean rate asked for, per second; 0: a closed loop
	Connections int     // at first
	Grown       int     // connections that were made beside them, because those were full
	PerRequest  bool    // each request had a connection of its own, so many at a time
	Streams     int     // requests in flight on a connection
	Timeout     time.Duration
	Agents      int // machines that took part; 0: this process alone

	Begin       time.Time     // when the first request was due, warm-up left out
	Duration    time.Duration // that requests were due in
	Scheduled   uint64        // requests that were due; 0: a closed loop
	Warmup      uint64        // requests of the warm-up, in nothing below
	Interrupted bool
	Notes       []string // what else a reader has to know, in sentences
	Busy        float64  // share of its cores that the load generator used, 0 to 1: see attack.Summary

	Origin *Origin // what an origin behind the server had meanwhile; nil: none was asked

	Total  *Tally
	Points []Point
}

// Busiest is the span in which the load generator used the largest share of its cores,
// of those that are long enough to say something.
func (r *Run) Busiest() (most Point) {
	for _, p := range r.Points {
		if p.Busy > most.Busy && p.Length >= time.Second/2 {
			most = p
		}
	}
	return most
}

// MostBusy is the largest share of its cores that the load generator used, over the run
// or in its busiest span.
func (r *Run) MostBusy() float64 { return max(r.Busy, r.Busiest().Busy) }

// Wait is how long it took from the end of the attack to the last response.
func (r *Run) Wait() time.Duration {
	return max(0, r.Total.LastEnd-r.Total.FirstDue-r.Duration)
}

// Rate is how many requests were sent for each second of the attack.
func (r *Run) Rate() float64 { return perSecond(r.Total.Requests(), r.Duration) }

// RateOf is how many n requests of it were for each second of the attack.
func (r *Run) RateOf(n uint64) float64 { return perSecond(n, r.Duration) }

// Answered is how many requests were answered per second, whatever the status,
// to be compared with the rate that was asked for. If the server, or the load
// generator, falls behind, they are answered for longer than they were due. Of
// that what every success takes, the smallest latency, is not counted, nor is
// settle. A closed loop has no rate to compare with: it is each second until the
// last response.
func (r *Run) Answered() float64 { return r.kept(r.Total.Answered(), r.Total.LastAnswer) }

// Reached is how many requests succeeded per second, in the same way.
func (r *Run) Reached() float64 { return r.kept(r.Total.Succeeded(), r.Total.LastSuccess) }

func (r *Run) kept(n uint64, last time.Duration) float64 {
	t := r.Total
	if r.Asked == 0 {
		return perSecond(n, r.Duration+r.Wait())
	}
	least := t.Success.Min()
	if t.Success.Count() == 0 {
		least = t.Service.Min()
	}
	return perSecond(n, max(r.Duration, last-t.FirstDue-least-settle))
}

// settle is how much longer than others the last response of a run may take: a
// batch of requests, and a moment in which a machine was busy otherwise.
const settle = 20 * time.Millisecond

// Throughput is how many requests succeeded for each second until the last
// response.
func (r *Run) Throughput() float64 {
	return perSecond(r.Total.Succeeded(), r.Duration+r.Wait())
}

// Slots is how many requests may have been in flight in the end.
func (r *Run) Slots() int { return (r.Connections + r.Grown) * r.Streams }

// Success is the share of requests that succeeded, 0 to 1.
func (r *Run) Success() float64 {
	if r.Total.empty() {
		return 0
	}
	return float64(r.Total.Succeeded()) / float64(r.Total.Requests())
}

func perSecond(n uint64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
