package report

import (
	"encoding/json"
	"io"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// document is the JSON report: vegeta's keys, and ours beside them. Durations
// are in nanoseconds, rates per second, shares from 0 to 1. A latency that there is no
// sample of is null, but for vegeta's keys, which are numbers for those who read them.
type document struct {
	vegeta.Metrics
	Latencies percentiles     `json:"latencies"` // vegeta's, and more
	Service   latencyDocument `json:"service"`   // of whole responses

	// latencies taken apart: of requests that succeeded, that had no answer in
	// time (how long they were waited for), and that failed otherwise (how
	// long that took). Objectives are about the first two together.
	Succeeded latencyDocument `json:"succeeded_latencies"`
	Late      latencyDocument `json:"late_latencies"`
	Failed    latencyDocument `json:"failed_latencies"`
	Judged    latencyDocument `json:"judged_latencies"`

	Dial      latencyDocument `json:"connect_latencies"`    // of connections that were made: the look-up of the name, and TCP
	TLS       latencyDocument `json:"tls_latencies"`        // of their handshakes
	FirstByte latencyDocument `json:"first_byte_latencies"` // of whole responses, from when the request was sent
	Histogram []bar           `json:"histogram"`            // of judged_latencies

	Ends         map[string]uint64 `json:"ends"`          // of all requests, by exchange.End
	Answered     uint64            `json:"answered"`      // with a whole response
	AnsweredRate float64           `json:"answered_rate"` // see measure.Run.Answered

	Name        string           `json:"name"`
	Target      string           `json:"target"` // the first
	Targets     int              `json:"targets"`
	ByTarget    []targetDocument `json:"by_target,omitempty"`     // those with the most requests, if there are several
	Others      *targetDocument  `json:"other_targets,omitempty"` // all others together
	Pattern     string           `json:"pattern"`
	Protocol    string           `json:"protocol"`
	Fallback    bool             `json:"fallback"` // to HTTP/1.1
	Pace        string           `json:"pace"`
	AskedRate   float64          `json:"asked_rate"`        // 0: a closed loop
	ReachedRate float64          `json:"reached_rate"`      // see measure.Run.Reached
	Connections int              `json:"connections"`       // at first
	Grown       int              `json:"connections_grown"` // made beside them, because those were full
	Busy        float64          `json:"generator_cpu"`     // share of its cores that the load generator used, 0 to 1
	Busiest     float64          `json:"generator_cpu_max"` // the same in its busiest second
	Waited      uint64           `json:"waited"`            // requests that were late because all that may be in flight were
	PerRequest  bool             `json:"connection_per_request"`
	Starved     uint64           `json:"starved"` // requests that were late because their target was not read yet
	Streams     int              `json:"streams"`
	Agents      int              `json:"agents"`
	Timeout     time.Duration    `json:"timeout"`

	Scheduled   uint64            `json:"scheduled"` // 0: a closed loop
	Warmup      uint64            `json:"warmup_requests"`
	Retries     uint64            `json:"retries"`
	Failures    map[string]uint64 `json:"failures"`     // by kind
	ErrorCounts map[string]uint64 `json:"error_counts"` // by text
	Remarks     map[string]uint64 `json:"remarks"`      // responses that had them, by text
	Interrupted bool              `json:"interrupted"`

	Notes []string `json:"notes"` // sentences beside the figures

	ConnectionsMade  uint64            `json:"connections_made"`
	ConnectionErrors map[string]uint64 `json:"connection_errors"` // by text: those that could not be made, or ended otherwise than in order
	Cache            *cacheDocument    `json:"cache,omitempty"`
	Origin           *originDocument   `json:"origin,omitempty"`
	SLO              []verdict         `json:"slo"`
	Points           []point           `json:"points"`
}

type verdict struct {
	Objective string `json:"objective"` // as it is given on the command line
	Got       string `json:"got"`       // for people
	Met       bool   `json:"met"`
}

func newVerdicts(verdicts []slo.Verdict) []verdict {
	all := make([]verdict, len(verdicts))
	for i, v := range verdicts {
		all[i] = verdict{v.Objective.String(), v.Got, v.Met}
	}
	return all
}

type point struct {
	Begin       time.Duration     `json:"begin"`
	Length      time.Duration     `json:"length"`
	Drain       bool              `json:"drain"` // no more were due: the last responses
	AskedRate   float64           `json:"asked_rate"`
	Rate        float64           `json:"rate"`         // of those that succeeded
	StatusCodes map[string]uint64 `json:"status_codes"` // 0: no whole response; 4xx: statuses beyond the 16 most frequent
	Requests    uint64            `json:"requests"`
	Answered    uint64            `json:"answered"`
	Failed      uint64            `json:"failed"`
	InFlight    int64             `json:"in_flight"`
	Busy        float64           `json:"generator_cpu"`
	Mean        *time.Duration    `json:"mean"`
	P50         *time.Duration    `json:"50th"`
	P90         *time.Duration    `json:"90th"`
	P99         *time.Duration    `json:"99th"`
	P999        *time.Duration    `json:"99.9th"`
	Max         *time.Duration    `json:"max"`
	ServiceMean *time.Duration    `json:"service_mean"`
	ServiceP99  *time.Duration    `json:"service_99th"`
}

func newPoint(p measure.Point) point {
	timed := func(d time.Duration) *time.Duration { return sampled(d, p.Timed) }
	served := func(d time.Duration) *time.Duration { return sampled(d, p.Answered) }
	return point{
		p.Begin, p.Length, p.Drain, p.Asked, p.Rate(), statusCodes(p), p.Requests, p.Answered, p.Failed, p.InFlight, p.Busy,
		timed(p.Mean), timed(p.P50), timed(p.P90), timed(p.P99), timed(p.P999), timed(p.Max), served(p.ServiceMean), served(p.ServiceP99),
	}
}

func statusCodes(p measure.Point) map[string]uint64 {
	counts := make(map[string]uint64, len(p.Codes))
	for _, c := range p.Codes {
		counts[c.String()] = c.Requests
	}
	return counts
}

func newDocument(r *measure.Run, verdicts []slo.Verdict) document {
	t := r.Total
	d := document{
		Metrics:          *metrics(r),
		Latencies:        newPercentiles(t.Response()),
		Service:          newLatencyDocument(t.Service),
		Succeeded:        newLatencyDocument(t.Success),
		Late:             newLatencyDocument(t.Late),
		Failed:           newLatencyDocument(t.Failure),
		Judged:           newLatencyDocument(t.Latency()),
		Dial:             newLatencyDocument(t.Dial),
		TLS:              newLatencyDocument(t.TLS),
		FirstByte:        newLatencyDocument(t.FirstByte),
		Histogram:        histogram(t.Latency(), pageBars),
		Ends:             byText(ends(t)),
		Answered:         t.Answered(),
		AnsweredRate:     r.Answered(),
		Name:             r.Name,
		Target:           r.Target,
		Targets:          r.Targets,
		Pattern:          r.Pattern,
		Protocol:         r.Protocol,
		Fallback:         r.Fallback,
		Pace:             r.Pace,
		AskedRate:        r.Asked,
		ReachedRate:      r.Reached(),
		Connections:      r.Connections,
		Grown:            r.Grown,
		Waited:           t.Waited,
		Starved:          t.Starved,
		Busy:             r.Busy,
		Busiest:          r.MostBusy(),
		PerRequest:       r.PerRequest,
		Streams:          r.Streams,
		Agents:           r.Agents,
		Timeout:          r.Timeout,
		Scheduled:        r.Scheduled,
		Warmup:           r.Warmup,
		Retries:          t.Retries,
		Failures:         byText(failures(t)),
		ErrorCounts:      byText(errorCounts(t)),
		Interrupted:      r.Interrupted,
		Remarks:          remarks(t),
		Notes:            append([]string{}, notes(r)...), // [] rather than null
		ConnectionsMade:  t.Connections,
		ConnectionErrors: byText(byCount(t.ConnectionErrors)),
		Cache:            newCache(t),
		Origin:           newOrigin(r),
		SLO:              newVerdicts(verdicts),
		Points:           make([]point, len(r.Points)),
	}
	d.ByTarget, d.Others = newTargets(r)
	for i, p := range r.Points {
		d.Points[i] = newPoint(p)
	}
	return d
}

func remarks(t *measure.Tally) map[string]uint64 {
	counts := make(map[string]uint64)
	for i, n := range t.Remarks {
		if n > 0 {
			counts[exchange.RemarkNames()[i]] = n
		}
	}
	return counts
}

func byText(all []counted) map[string]uint64 {
	counts := make(map[string]uint64, len(all))
	for _, c := range all {
		counts[c.text] = c.n
	}
	return counts
}

// JSON writes the run as vegeta's JSON report, with its keys and its units, and
// with our keys beside them: one line.
func JSON(w io.Writer, r *measure.Run, verdicts []slo.Verdict) error {
	return encode(w, newDocument(r, verdicts))
}

// encode leaves < and > in objectives as they are: what it writes is no part of
// a page.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
