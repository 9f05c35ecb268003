package attack

import (
	"fmt"
	"math"
	"sort"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Stages is a pacer whose rate goes in straight lines from one rate to the next.
// After the last stage nothing is due. Its zero value has no schedule.
type Stages struct {
	Start  vegeta.Rate // with which the first stage begins; zero: 0
	Stages []Stage
}

// Stage is a time in which the rate goes in a line from that of the stage before
// to another one. A time of 0 is a jump.
type Stage struct {
	Time time.Duration
	Rate vegeta.Rate // at its end; Freq 0: 0
}

// maxStages bounds the stages of a pacer: more than a day of minutes has.
const maxStages = 2000

// Duration is how long all stages take.
func (s Stages) Duration() (d time.Duration) {
	for _, stage := range s.Stages {
		d += stage.Time
	}
	return d
}

// Highest is the highest rate per second that it reaches.
func (s Stages) Highest() float64 {
	highest := ratePerSecond(s.Start)
	for _, stage := range s.Stages {
		highest = max(highest, ratePerSecond(stage.Rate))
	}
	return highest
}

// Rate implements vegeta.Pacer.
func (s Stages) Rate(d time.Duration) float64 { return newStaged(s).Rate(d) }

// Pace implements vegeta.Pacer.
func (s Stages) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	due := newStaged(s).Due(hits)
	return max(0, due-elapsed), due == never
}

// check returns what is wrong, and what is allowed.
func (s Stages) check() error {
	if n := len(s.Stages); n == 0 || n > maxStages {
		return fmt.Errorf("%d stages: allowed are 1 to %d", n, maxStages)
	}
	if err := checkStageRate(s.Start); err != nil {
		return fmt.Errorf("the rate before the first stage: %w", err)
	}
	left := maxDuration
	for i, stage := range s.Stages {
		if stage.Time < 0 || stage.Time > left {
			return fmt.Errorf("stage %d takes %v: allowed are 0 and more, and up to %v for all stages", i+1, stage.Time, maxDuration)
		}
		left -= stage.Time
		if err := checkStageRate(stage.Rate); err != nil {
			return fmt.Errorf("stage %d: %w", i+1, err)
		}
	}
	if newStaged(s).total == 0 {
		return fmt.Errorf("no request is due in the %d stages: one that takes a while needs a rate of more than 0", len(s.Stages))
	}
	return nil
}

func checkStageRate(r vegeta.Rate) error {
	switch {
	case r.Freq == 0:
		return nil
	case r.Freq < 0 || r.Per <= 0:
		return fmt.Errorf("a rate of %d per %v: allowed are 0 and more, per more than 0", r.Freq, r.Per)
	case ratePerSecond(r) > maxRate:
		return tooFast(ratePerSecond(r))
	}
	return nil
}

// ratePerSecond is a rate that may be 0.
func ratePerSecond(r vegeta.Rate) float64 {
	if r.Freq == 0 {
		return 0
	}
	return r.Rate(0)
}

// staged is the schedule of Stages: lines, none of which takes no time.
type staged struct {
	lines []line
	total uint64        // requests of all
	end   time.Duration // of the last
}

// line is a stage: at t seconds from its begin the rate is from + (to-from)/length·t.
type line struct {
	begin    time.Duration
	length   float64 // s; more than 0
	from, to float64 // per second
	before   float64 // the integral of the rate until begin
}

func newStaged(s Stages) *staged {
	made := new(staged)
	rate, hits := ratePerSecond(s.Start), 0.0
	for _, stage := range s.Stages {
		next := ratePerSecond(stage.Rate)
		if stage.Time > 0 {
			l := line{begin: made.end, length: stage.Time.Seconds(), from: rate, to: next, before: hits}
			made.lines = append(made.lines, l)
			made.end += stage.Time
			// What is a rounding error beside a whole number is that number: else
			// the first request after a pause would be due before it.
			hits += l.area()
			if whole := math.Round(hits); math.Abs(hits-whole) < 1e-6 {
				hits = whole
			}
		}
		rate = next
	}
	made.total = atLeast(hits)
	return made
}

func (l *line) area() float64 { return (l.from + l.to) / 2 * l.length }

// at is when, in seconds from the line's begin, the rate's integral is h. A line
// that falls is solved from its end, at which the equation is as exact as at
// the begin of one that rises.
func (l *line) at(h float64) float64 {
	slope := (l.to - l.from) / l.length
	if slope >= 0 {
		return min(root(l.from, slope, h), l.length)
	}
	return max(0, l.length-root(l.to, -slope, max(0, l.area()-h)))
}

// root is the t at which start·t + slope/2·t² is h, for a slope of 0 and more: in
// the form that divides by no small slope.
func root(start, slope, h float64) float64 {
	if h == 0 {
		return 0
	}
	return 2 * h / (start + math.Sqrt(start*start+2*slope*h))
}

func (s *staged) Due(n uint64) time.Duration {
	if n >= s.total {
		return never
	}
	// The last of those that begin at the same count: those before are pauses.
	l := &s.lines[sort.Search(len(s.lines), func(i int) bool { return s.lines[i].before > float64(n) })-1]
	return l.begin + seconds(l.at(float64(n)-l.before))
}

func (s *staged) Hits(d time.Duration) uint64 {
	switch {
	case d <= 0:
		return 0
	case d >= s.end:
		return s.total
	}
	l := s.line(d)
	t := (d - l.begin).Seconds()
	return atLeast(l.before + l.from*t + (l.to-l.from)/l.length/2*t*t)
}

func (s *staged) Rate(d time.Duration) float64 {
	if d < 0 || d >= s.end {
		return 0
	}
	l := s.line(d)
	return l.from + (l.to-l.from)*(d-l.begin).Seconds()/l.length
}

// line is the one in which d is: not before the first, nor behind the last.
func (s *staged) line(d time.Duration) *line {
	return &s.lines[sort.Search(len(s.lines), func(i int) bool { return s.lines[i].begin > d })-1]
}
