//go:build linux

package main

import (
	"math"
	"slices"
	"time"
)

// blocks are how many figures the samples become: few enough that what follows its
// predecessor is mostly within one, and enough that their scatter gives an error. A
// block is about one round of all attacks: see attackTime.
const blocks = 16

// Figures of the memory of several samples.
var (
	// mean has all of it, garbage and what attacks take for a moment too: a hundred and
	// fifty MiB more or less at a cache of 256.
	mean = figure{"mean", average}

	// lower is what three of four samples exceed: what there is when both are gone, which
	// grows first if something is kept.
	lower = figure{"lower quartile", func(memory []float64) float64 {
		if len(memory) == 0 {
			return math.NaN()
		}
		slices.Sort(memory)
		return memory[len(memory)/4]
	}}
)

type figure struct {
	name string
	of   func(memory []float64) float64 // which it may sort
}

// trend is a line through resident memory.
type trend struct {
	slope float64 // % of the mean in an hour
	err   float64 // its standard error, alike; +Inf: unknown
}

// trendOf is the least-squares line through a figure of blocks of equal time.
//
// Samples are correlated: memory that was large a second ago is large now. So their
// number says nothing of the error. That is of the blocks' scatter around the line,
// widened by √((1+r)/(1−r)) for the correlation r of a block's residual with the next
// one's that is left.
func trendOf(samples []sample, f figure) trend {
	at, memory := inBlocks(samples, f)
	n := float64(len(at))
	if n < 4 {
		return trend{err: math.Inf(1)}
	}
	mid, level := average(at), average(memory)
	var xx, xy float64
	for i := range at {
		xx += (at[i] - mid) * (at[i] - mid)
		xy += (at[i] - mid) * (memory[i] - level)
	}
	slope := xy / xx
	var squares, products, last float64
	for i := range at {
		residual := memory[i] - level - slope*(at[i]-mid)
		squares += residual * residual
		products += residual * last
		last = residual
	}
	err := math.Sqrt(squares / (n - 2) / xx)
	if squares > 0 {
		r := min(max(products/squares, 0), 0.9)
		err *= math.Sqrt((1 + r) / (1 - r))
	}
	return trend{100 * slope / level, 100 * err / level}
}

// inBlocks are the figures of blocks of equal time, with the middle of each in hours; a
// block without a sample is left out.
func inBlocks(samples []sample, f figure) (at, memory []float64) {
	if len(samples) < 2 {
		return nil, nil
	}
	first, length := samples[0].at, samples[len(samples)-1].at-samples[0].at
	for i := range time.Duration(blocks) {
		end := first + length*(i+1)/blocks
		if i == blocks-1 {
			end++ // with the last one
		}
		if some := samplesBetween(samples, first+length*i/blocks, end); len(some) > 0 {
			at, memory = append(at, (first+length*(2*i+1)/(2*blocks)).Hours()), append(memory, figureOf(some, f))
		}
	}
	return at, memory
}

// figureOf is that of samples, in bytes; NaN of none.
func figureOf(samples []sample, f figure) float64 {
	memory := make([]float64, len(samples))
	for i, s := range samples {
		memory[i] = float64(s.memory)
	}
	return f.of(memory)
}

// average is NaN of nothing.
func average(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// warmUp is what of a run of that length is not judged: the cache becomes full, and the
// runtime keeps what its first peaks took.
func warmUp(duration time.Duration) time.Duration { return min(duration/3, 10*time.Minute) }

// samplesBetween are those of a span, its end left out.
func samplesBetween(samples []sample, begin, end time.Duration) (some []sample) {
	for _, s := range samples {
		if s.at >= begin && s.at < end {
			some = append(some, s)
		}
	}
	return some
}
