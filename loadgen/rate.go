package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// rate is so many requests per span of time.
type rate struct {
	freq int
	per  time.Duration
}

func (r *rate) String() string {
	if r == nil || r.freq == 0 {
		return ""
	}
	if r.per == time.Second {
		return strconv.Itoa(r.freq)
	}
	return fmt.Sprintf("%d/%v", r.freq, r.per)
}

var errRate = errors.New("a rate is a whole number, optionally with k or M, and a span of time: 150000, 150k, 300/1m; 0 is a closed loop")

// Set reads "150000", "150k", "1.5M", "300/1m" or, as vegeta has it, "infinity"
// for 0.
func (r *rate) Set(s string) error {
	*r = rate{per: time.Second}
	if s == "infinity" {
		return nil
	}
	number, span, ok := strings.Cut(s, "/")
	if ok {
		if span != "" && strings.ContainsAny(span[:1], "nuµmsh") {
			span = "1" + span
		}
		per, err := time.ParseDuration(span)
		if err != nil || per <= 0 {
			return errRate
		}
		r.per = per
	}
	times := 1.0
	if digits, ok := strings.CutSuffix(number, "k"); ok {
		number, times = digits, 1e3
	} else if digits, ok := strings.CutSuffix(number, "M"); ok {
		number, times = digits, 1e6
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(number, "_", ""), 64)
	n *= times
	if err != nil || !(n >= 0) || n > 1e12 || n != math.Trunc(n) {
		return errRate
	}
	r.freq = int(n)
	return nil
}

func (r rate) pacer() vegeta.ConstantPacer { return vegeta.ConstantPacer{Freq: r.freq, Per: r.per} }

func (r rate) perSecond() float64 {
	if r.per == 0 {
		return 0
	}
	return float64(r.freq) / r.per.Seconds()
}

// starts are the names of a sine's offsets.
var starts = []struct {
	name   string
	offset float64
}{
	{"mean-up", vegeta.MeanUp},
	{"peak", vegeta.Peak},
	{"mean-down", vegeta.MeanDown},
	{"trough", vegeta.Trough},
}

func sineStarts() (names []string) {
	for _, s := range starts {
		names = append(names, s.name)
	}
	return names
}

// pacer is how the rate runs; nil is a closed loop.
func (o *options) pacer() (vegeta.Pacer, error) {
	sine := o.amplitude.freq > 0
	switch {
	case len(o.stages) > 0:
		return attack.Stages{Start: o.rate.pacer(), Stages: o.stages}, nil
	case !sine && (o.period != 0 || o.startAt != "" && o.startAt != starts[0].name):
		return nil, errors.New("-period and -start-at are a sine's: they need an -amplitude")
	case o.rate.freq == 0 && (o.slope != 0 || sine):
		return nil, errors.New("-slope, -amplitude and -period need a -rate")
	case o.rate.freq == 0:
		return nil, nil
	case o.slope != 0 && sine:
		return nil, errors.New("-slope makes a line, -amplitude a sine: one of the two")
	case o.slope != 0:
		return vegeta.LinearPacer{StartAt: o.rate.pacer(), Slope: o.slope}, nil
	case sine:
		i := slices.Index(sineStarts(), o.startAt)
		if i < 0 {
			return nil, fmt.Errorf("-start-at %q: allowed are %s", o.startAt, strings.Join(sineStarts(), ", "))
		}
		return vegeta.SinePacer{Period: o.period, Mean: o.rate.pacer(), Amp: o.amplitude.pacer(), StartAt: starts[i].offset}, nil
	}
	return o.rate.pacer(), nil
}

// pace says the pacer in words.
func (o *options) pace() string {
	switch p := human.Rate(o.rate.perSecond()); {
	case o.replay.file != "":
		return o.replay.words()
	case len(o.stages) > 0:
		return "from " + p + o.stages.words()
	case o.rate.freq == 0:
		return "closed loop"
	case o.slope != 0:
		return fmt.Sprintf("from %s, %+g/s more each second", p, o.slope)
	case o.amplitude.freq > 0:
		return fmt.Sprintf("%s ± %s each %v", p, human.Rate(o.amplitude.perSecond()), o.period)
	default:
		return p
	}
}
