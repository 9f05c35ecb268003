// Package compare says what changed between two runs, beyond noise.
//
// It takes the JSON reports of loadgen and compares their spans, of a second each:
// two runs of a minute are two samples of sixty values for each figure. A figure
// has changed if both hold:
//
//   - The Mann-Whitney U test rejects that both samples are of one distribution, at
//     [Level] over all figures together (Bonferroni). It compares ranks, so it needs
//     no normal distribution, and one outlier weighs no more than any value.
//   - The change is at least as large as one that matters: see [Settings].
//
// A test of ranks takes values as independent, and those of neighbouring seconds are
// not: a slow second is followed by another. The variance is therefore inflated by
// (1+r)/(1-r), r being the autocorrelation of the ranks of neighbours (lag 1,
// Bayley and Hammersley 1946), without which drift would be taken for change.
//
// That costs power: of tens of spans that drift, the test does not reach its level even
// if all of one run are below all of the other. What it could not have found is not
// noise. A figure that has changed by what matters is [Unsaid] then, unless the gap
// between both samples is four times as wide as both are together: values that follow
// each other so much stay near each other, and do not come to be so far apart by
// chance. That adds next to no false alarms: see TestFalseAlarms and TestFarApart.
//
// What it cannot see: a difference between the two moments that is none of the
// server, a neighbour's load for instance, is in every second of a run and no test
// of two runs removes it; and a stall of a second in a minute changes no median: the
// largest response times are shown and not judged.
//
// The functions are pure but for [Read], and may be called concurrently.
package compare
