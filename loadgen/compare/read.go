package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// Run is what is compared of a JSON report: its keys are those of package report.
type Run struct {
	Name        string        `json:"name"`
	Target      string        `json:"target"`
	Targets     int           `json:"targets"`
	Pattern     string        `json:"pattern"`
	Protocol    string        `json:"protocol"`
	Pace        string        `json:"pace"`
	AskedRate   float64       `json:"asked_rate"`
	Connections int           `json:"connections"`
	Grown       int           `json:"connections_grown"`
	PerRequest  bool          `json:"connection_per_request"`
	Streams     int           `json:"streams"`
	Agents      int           `json:"agents"`
	Timeout     time.Duration `json:"timeout"`
	Duration    time.Duration `json:"duration"`
	Interrupted bool          `json:"interrupted"`
	Busy        float64       `json:"generator_cpu"`
	Busiest     float64       `json:"generator_cpu_max"`
	Waited      uint64        `json:"waited"`
	Starved     uint64        `json:"starved"`

	Requests    uint64    `json:"requests"`
	Answered    float64   `json:"answered_rate"`
	Success     float64   `json:"success"` // share, 0 to 1
	ReachedRate float64   `json:"reached_rate"`
	Judged      Latencies `json:"judged_latencies"`
	Service     Latencies `json:"service"`
	Connect     Latencies `json:"connect_latencies"`
	TLS         Latencies `json:"tls_latencies"`

	Points []Point `json:"points"`
}

// Latencies are those of a whole run.
type Latencies struct {
	Mean time.Duration `json:"mean"`
	P50  time.Duration `json:"50th"`
	P99  time.Duration `json:"99th"`
	P999 time.Duration `json:"99.9th"`
	Max  time.Duration `json:"max"`
}

// Point is a span of a run, mostly a second.
type Point struct {
	Begin       time.Duration `json:"begin"`
	Length      time.Duration `json:"length"`
	Drain       bool          `json:"drain"` // no more were due
	Asked       float64       `json:"asked_rate"`
	Rate        float64       `json:"rate"` // that succeeded, per second
	Requests    uint64        `json:"requests"`
	Failed      uint64        `json:"failed"`
	Mean        time.Duration `json:"mean"` // 0: there was no latency
	P50         time.Duration `json:"50th"`
	P99         time.Duration `json:"99th"`
	ServiceMean time.Duration `json:"service_mean"`
}

// Brief reports whether the span is too short to mean much: one in which the last
// responses came in.
func (p Point) Brief() bool { return p.Drain && p.Length < time.Second/2 }

// whole reports whether p is comparable with other spans: not the last answers, nor
// the rest of a second.
func (p Point) whole() bool { return !p.Drain && p.Length >= time.Second/2 }

// MaxReport bounds a report, in bytes: a run of ten hours has 15 MB.
const MaxReport = 64 << 20

// Read reads the JSON report of a run.
func Read(r io.Reader) (*Run, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxReport+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > MaxReport:
		return nil, fmt.Errorf("larger than %d MiB", MaxReport>>20)
	case len(text) == 0:
		return nil, errors.New("empty: wanted is the report of loadgen -json")
	}
	var kind struct {
		Probes    *json.RawMessage `json:"probes"`
		Points    *json.RawMessage `json:"points"`
		Judged    *json.RawMessage `json:"judged_latencies"`
		Latencies *json.RawMessage `json:"latencies"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, fmt.Errorf("no JSON report of loadgen -json: %w", at(text, err))
	}
	switch {
	case kind.Probes != nil:
		return nil, errors.New("a report of loadgen capacity: wanted is that of one run, of loadgen -json")
	case kind.Points != nil && kind.Judged != nil:
	case kind.Latencies != nil:
		return nil, errors.New("without points for each second, as vegeta's reports are: wanted is the report of loadgen -json")
	default:
		return nil, errors.New("JSON, but no report of loadgen -json: points and judged_latencies are missing")
	}
	run := new(Run)
	if err := json.Unmarshal(text, run); err != nil {
		return nil, fmt.Errorf("no JSON report of loadgen -json: %w", at(text, err))
	}
	return run, run.check()
}

// Crowded reports what measure.Run's says of the run.
func (r *Run) Crowded() bool {
	points := make([]measure.Point, len(r.Points))
	for i, p := range r.Points {
		points[i] = measure.Point{Asked: p.Asked, Length: p.Length, Drain: p.Drain}
	}
	rate, mean := measure.PeakOf(r.AskedRate, points), r.Service.Mean
	if r.PerRequest {
		mean += r.Connect.Mean + r.TLS.Mean
	}
	return measure.Crowd{Waited: r.Waited, Requests: r.Requests, Rate: rate,
		Needed: measure.NeededFor(rate, mean), Slots: (r.Connections + r.Grown) * r.Streams}.Matters()
}

// check reports what no run has.
func (r *Run) check() error {
	if r.Success < 0 || r.Success > 1 {
		return fmt.Errorf("success %v: allowed are 0 to 1", r.Success)
	}
	for i, p := range r.Points {
		switch {
		case p.Length < 0 || p.Begin < 0:
			return fmt.Errorf("point %d: begin %d and length %d must be 0 or more", i+1, p.Begin, p.Length)
		case p.Failed > p.Requests:
			return fmt.Errorf("point %d: %d of %d requests failed", i+1, p.Failed, p.Requests)
		case p.Rate < 0 || min(p.Mean, p.P50, p.P99, p.ServiceMean) < 0:
			return fmt.Errorf("point %d: its rate and latencies must be 0 or more", i+1)
		}
	}
	return nil
}

// at adds the line to an error of package json.
func at(text []byte, err error) error {
	offset := int64(-1)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	if typed := (*json.UnmarshalTypeError)(nil); errors.As(err, &typed) {
		offset = typed.Offset
	}
	if offset < 0 {
		return err
	}
	return fmt.Errorf("byte %d of %d: %w", min(offset, int64(len(text))), len(text), err)
}

// sample are a figure's values in the whole spans that have one.
func (r *Run) sample(of func(Point) float64) []float64 {
	var all []float64
	for _, p := range r.Points {
		if !p.whole() {
			continue
		}
		if v := of(p); !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	return all
}
