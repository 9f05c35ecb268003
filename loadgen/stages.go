package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// stages is the flag of a rate that goes in lines: "10s:1000,1m:5000,10s:0".
type stages []attack.Stage

func (s *stages) String() string {
	if s == nil {
		return ""
	}
	var all []string
	for _, stage := range *s {
		r := rate{stage.Rate.Freq, stage.Rate.Per}
		text := r.String()
		if text == "" {
			text = "0"
		}
		all = append(all, stage.Time.String()+":"+text)
	}
	return strings.Join(all, ",")
}

// Set adds stages: the flag may be repeated. The error names the first that is
// wrong.
func (s *stages) Set(text string) error {
	for piece := range strings.SplitSeq(text, ",") {
		piece = strings.TrimSpace(piece)
		wrong := func(why any) error {
			return fmt.Errorf("stage %d, %q: %v", len(*s)+1, piece, why)
		}
		before, after, ok := strings.Cut(piece, ":")
		if !ok {
			return wrong("allowed is TIME:RATE, such as 10s:1000")
		}
		var stage attack.Stage
		if err := (span{&stage.Time}).Set(before); err != nil {
			return wrong(err)
		}
		if stage.Time < 0 {
			return wrong("its time must be 0, for a jump, or more")
		}
		var r rate
		if err := r.Set(after); err != nil {
			return wrong("a rate is a whole number, optionally with k or M, and a span of time: 1000, 150k, 300/1m")
		}
		stage.Rate = r.pacer()
		*s = append(*s, stage)
	}
	return nil
}

func (s stages) duration() time.Duration { return attack.Stages{Stages: s}.Duration() }

// first is the rate per second at moment 0, if the stages begin with start.
func (s stages) first(start rate) float64 {
	return attack.Stages{Start: start.pacer(), Stages: s}.Rate(0)
}

// words continues "from 0/s".
func (s stages) words() string {
	var b strings.Builder
	for i, stage := range s {
		if i == maxWords {
			fmt.Fprintf(&b, " and %d stages more", len(s)-i)
			break
		}
		r := rate{stage.Rate.Freq, stage.Rate.Per}
		switch {
		case stage.Time == 0:
			fmt.Fprintf(&b, ", at once to %s", human.Rate(r.perSecond()))
		default:
			fmt.Fprintf(&b, ", in %s to %s", human.Exact(stage.Time), human.Rate(r.perSecond()))
		}
	}
	return b.String()
}

// maxWords bounds the stages that a report names: about a line.
const maxWords = 6
