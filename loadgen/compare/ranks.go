package compare

import (
	"cmp"
	"math"
	"slices"
)

// mannWhitney is the two-sided p-value of the Mann-Whitney U test on a and b, none
// of which is empty: the normal approximation, with corrections for ties and for
// continuity, and with the variance of values that follow each other. 1 if all
// values are equal. a and b are in the order of time.
func mannWhitney(a, b []float64) float64 {
	ranksA, ranksB, ties := ranks(a, b)
	n, m := float64(len(a)), float64(len(b))
	total := n + m
	sum := 0.0
	for _, r := range ranksA {
		sum += r
	}
	u := sum - n*(n+1)/2
	variance := n * m / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return 1
	}
	r := (n*autocorrelation(ranksA) + m*autocorrelation(ranksB)) / total
	variance *= (1 + r) / (1 - r)
	const continuity = 0.5
	z := max(0, math.Abs(u-n*m/2)-continuity) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

// ranks are the ranks of a's and of b's values among all, from 1, equal ones having
// their mean; ties is the sum of t³-t over groups of t equal values.
func ranks(a, b []float64) (ranksA, ranksB []float64, ties float64) {
	type value struct {
		v  float64
		at int // in a, then in b
	}
	all := make([]value, 0, len(a)+len(b))
	for i, v := range slices.Concat(a, b) {
		all = append(all, value{v, i})
	}
	slices.SortFunc(all, func(x, y value) int { return cmp.Compare(x.v, y.v) })
	rank := make([]float64, len(all))
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].v == all[from].v {
			to++
		}
		for _, v := range all[from:to] {
			rank[v.at] = float64(from+1+to) / 2
		}
		t := float64(to - from)
		ties += t*t*t - t
		from = to
	}
	return rank[:len(a)], rank[len(a):], ties
}

// mostCorrelated bounds the autocorrelation: beyond, the variance of an estimate of
// it from tens of values is larger than what it corrects.
const mostCorrelated = 0.9

// autocorrelation is that of neighbours (lag 1), from 0 to mostCorrelated, with
// the correction for what an estimate from n values is too low by, (1+3r)/n
// (Kendall 1954). A negative one is taken as none: it would make differences out of
// noise. Ranks are halves of whole numbers, so that their sum is exact.
func autocorrelation(values []float64) float64 {
	n, mean := float64(len(values)), 0.0
	for _, v := range values {
		mean += v
	}
	mean /= n
	var with, own float64
	for i, v := range values {
		own += (v - mean) * (v - mean)
		if i > 0 {
			with += (v - mean) * (values[i-1] - mean)
		}
	}
	if own == 0 {
		return 0
	}
	r := with / own
	return min(max(0, r+(1+3*r)/n), mostCorrelated)
}

// median is that of values, which are not empty.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
