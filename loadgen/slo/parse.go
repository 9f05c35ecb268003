package slo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

const (
	servicePrefix  = "service-"
	allowedMetrics = "rate, answered, errors, error-ratio, success, and mean, min, max or a percentile such as p99.9, each also with service- before it"
	allowedOps     = "<=, >=, <, >"
)

// maxNumber is the largest rate or count: far beyond what can be sent, and
// exact in a float64.
const maxNumber = 1e15

// Parse reads objectives, separated by commas: a metric, one of <=, >=, <, >,
// and a bound.
//
//   - rate: successful requests per second of sending, answered: those with a
//     whole response, both met within a thousandth; errors: requests without
//     success; numbers such as 150000, 150_000, 150k
//   - mean, min, max, p50, p99.9: response times of successes, and of requests
//     without an answer in time (see measure.Tally.Latency), with service- before
//     them service times of whole responses; durations such as 3ms, up to
//     measure.Highest
//   - error-ratio, success: shares such as 0.001 or 0.1%
//
// Spaces around each part are ignored. An error is one line that names what is
// wrong, what is allowed and, if it can be guessed, what was meant.
func Parse(s string) (Objectives, error) {
	var all Objectives
	for text := range strings.SplitSeq(s, ",") {
		text = strings.TrimSpace(text)
		one, err := parseObjective(text)
		if err != nil {
			if meant := likely(text); meant != "" {
				err = fmt.Errorf("%w (did you mean %s?)", err, meant)
			}
			return nil, err
		}
		all = append(all, one)
	}
	if err := all.distinct(); err != nil {
		return nil, err
	}
	return all, nil
}

// distinct refuses a metric that is bounded twice from the same side. Once from
// either side is a range.
func (o Objectives) distinct() error {
	type side struct {
		metric Metric
		op     byte
	}
	seen := make(map[side]Objective, len(o))
	for _, one := range o {
		key := side{one.Metric, one.Op[0]}
		if first, twice := seen[key]; twice {
			return fmt.Errorf("%q and %q bound %s twice: allowed is once from each side", first, one, one.Metric)
		}
		seen[key] = one
	}
	return nil
}

func parseObjective(s string) (Objective, error) {
	if s == "" {
		return Objective{}, errors.New(`an objective is empty: allowed are some such as "rate>=150000,mean<=3ms,p99<=10ms,errors<=0"`)
	}
	const signs = "<>=!"
	at := strings.IndexAny(s, signs)
	if at < 0 {
		return Objective{}, fmt.Errorf("objective %q has no comparison: allowed are %s", s, allowedOps)
	}
	bound := strings.TrimLeft(s[at:], signs)
	o := Objective{Op: s[at : len(s)-len(bound)]}
	switch o.Op {
	case "<=", ">=", "<", ">":
	default:
		return Objective{}, fmt.Errorf("objective %q: %q is no comparison: allowed are %s", s, o.Op, allowedOps)
	}
	name := strings.TrimSpace(s[:at])
	var ok bool
	if o.Metric, ok = parseMetric(name); !ok {
		return Objective{}, fmt.Errorf("objective %q: %q is no metric: allowed are %s", s, name, allowedMetrics)
	}
	bound = strings.TrimSpace(bound)
	var err error
	if o.bound, err = o.Metric.parseBound(bound); err != nil {
		return Objective{}, fmt.Errorf("objective %q: %q %w", s, bound, err)
	}
	return o, nil
}

func parseMetric(s string) (m Metric, ok bool) {
	name, service := strings.CutPrefix(s, servicePrefix)
	if digits, isP := strings.CutPrefix(name, kindNames[percentile]); isP {
		m.percent, ok = parsePercent(digits)
		m.kind, m.service = percentile, service
		return m, ok
	}
	for k, known := range kindNames {
		m = Metric{kind: kind(k), service: service}
		if name == known {
			return m, m.latency() || !service
		}
	}
	return Metric{}, false
}

// parsePercent reads the number of a percentile.
func parsePercent(s string) (percent float64, ok bool) {
	if !plain(s) {
		return 0, false
	}
	percent, err := strconv.ParseFloat(s, 64)
	return percent, err == nil && percent > 0 && percent < 100
}

// parseBound reads a bound of the metric. An error completes a sentence that
// begins with the text.
func (m Metric) parseBound(s string) (float64, error) {
	switch m.kind {
	case rate, answered:
		return parseNumber(s)
	case errorCount:
		n, err := parseNumber(s)
		if err == nil && n != float64(int64(n)) {
			err = errors.New("is no count: allowed are whole numbers")
		}
		return n, err
	case errorRatio, success:
		return parseShare(s)
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > measure.Highest {
		return 0, fmt.Errorf("is no latency: allowed are durations such as 500us, 3ms or 1.5s, from 0s to %s", human.Duration(measure.Highest))
	}
	return float64(d), nil
}

func parseNumber(s string) (float64, error) {
	digits, exponent := s, ""
	if before, ok := strings.CutSuffix(s, "k"); ok {
		digits, exponent = before, "e3"
	} else if before, ok := strings.CutSuffix(s, "M"); ok {
		digits, exponent = before, "e6"
	}
	digits, grouped := ungroup(digits)
	n, err := strconv.ParseFloat(digits+exponent, 64)
	if err != nil || !grouped || !plain(digits) || n > maxNumber {
		return 0, fmt.Errorf("is no such number: allowed are some such as 150000, 150_000, 150k or 1.5M, from 0 to %.0f", maxNumber)
	}
	return n, nil
}

// ungroup takes out underscores and reports whether each stood between digits.
func ungroup(s string) (string, bool) {
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i == len(s)-1 || !digit(s[i-1]) || !digit(s[i+1])) {
			return s, false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

// parseShare reads 0.001 or 0.1% as 0.001, both rounded in the same way.
func parseShare(s string) (float64, error) {
	digits, exponent := s, ""
	if before, ok := strings.CutSuffix(s, "%"); ok {
		digits, exponent = strings.TrimSpace(before), "e-2"
	}
	share, err := strconv.ParseFloat(digits+exponent, 64)
	if err != nil || !plain(digits) || share > 1 {
		return 0, errors.New("is no share: allowed are some such as 0.001 or 0.1%, from 0 to 1 or 100%")
	}
	return share, nil
}

// plain reports whether s is made of digits, with at most a point between: what
// strconv reads beyond, as 1e3, 0x1p-2, Inf or -1, no bound needs.
func plain(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return allDigits(whole) && (!point || allDigits(fraction))
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
