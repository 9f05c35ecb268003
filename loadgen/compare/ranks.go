package compare

import (
	"cmp"
	"math"
	"slices"
)

// mannWhitney is the two-sided p-value of the Mann-Whitney U test on a and b, none
// of which is empty: the normal approximation, with corrections for ties and for
// continuity, and with the variance of values that follow each other. 1 if all
// values are equal. least is what p would be of as many values that follow each other
// as much, were all of a below all of b: what is above it, the test cannot reach. a
// and b are in the order of time.
func mannWhitney(a, b []float64) (p, least float64) {
	ranksA, ranksB, ties := ranks(a, b)
	n, m := float64(len(a)), float64(len(b))
	total := n + m
	sum := 0.0
	for _, r := range ranksA {
		sum += r
	}
	u := sum - n*(n+1)/2
	r := (n*autocorrelation(ranksA) + m*autocorrelation(ranksB)) / total
	variance := n * m / 12 * (1 + r) / (1 - r)
	of := func(distance, variance float64) float64 {
		const continuity = 0.5
		return math.Erfc(max(0, distance-continuity) / math.Sqrt(2*variance))
	}
	least = of(n*m/2, variance*(total+1))
	if variance *= total + 1 - ties/(total*(total-1)); variance <= 0 {
		return 1, least
	}
	return of(math.Abs(u-n*m/2), variance), least
}

// farApart is how many times as wide as both samples together the gap between them
// must be to be a change by itself. Of samples of 10, the fewest there are, so wide a
// gap is by chance in fewer than one of 10,000 pairs with an autocorrelation of up to
// 0.95, and in one of 400 with 0.98, be the values normal or with the tails of
// Student's t of 3 degrees of freedom. Of more values it is rarer.
const farApart = 4

// apart reports whether there is a gap between a and b, none of which is empty, that
// is farApart. Ranks do not see how wide a gap is, and the more values follow each
// other, the fewer they count for; but what follows its neighbour that much stays near
// it, and two such samples far from each other are not of one distribution.
func apart(a, b []float64) bool {
	leastA, mostA, leastB, mostB := slices.Min(a), slices.Max(a), slices.Min(b), slices.Max(b)
	return max(leastB-mostA, leastA-mostB) > farApart*(mostA-leastA+mostB-leastB)
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
