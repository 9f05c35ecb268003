package measure

import (
	"math"
	"math/bits"
	"time"
)

// The steps of a Coarse: of a microsecond below 64 of them, above 32 for each power
// of two, up to Highest.
const (
	coarseSteps  = 32
	coarsePowers = 28
)

// Coarse is a distribution of latencies in little memory: 256 bytes for each power
// of two that there are some in, 7 KiB at most. Its quantiles are within a 64th, or
// half a microsecond; its largest is exact. The zero value is empty.
type Coarse struct {
	steps  [coarsePowers]*[coarseSteps]uint64 // nil: none were counted there
	number uint64
	max    time.Duration
}

// record counts d, as Highest if it is more and as 0 if it is less.
func (c *Coarse) record(d time.Duration) {
	d = min(max(d, 0), Highest)
	at := coarseStep(d)
	c.power(at / coarseSteps)[at%coarseSteps]++
	c.number++
	c.max = max(c.max, d)
}

// power is the steps of a power of two, to be counted in.
func (c *Coarse) power(i int) *[coarseSteps]uint64 {
	if c.steps[i] == nil {
		c.steps[i] = new([coarseSteps]uint64)
	}
	return c.steps[i]
}

// coarseStep is where a latency from 0 to Highest is counted.
func coarseStep(d time.Duration) int {
	v := uint32(d / time.Microsecond)
	if v < coarseSteps {
		return int(v)
	}
	power := bits.Len32(v) - bits.Len32(coarseSteps) // 0 for the first
	return (power+1)*coarseSteps + int(v>>power) - coarseSteps
}

// coarseMiddle is the middle of a step.
func coarseMiddle(at int) time.Duration {
	if at < coarseSteps {
		return time.Duration(2*at+1) * time.Microsecond / 2
	}
	power := at/coarseSteps - 1
	return time.Duration(2*(coarseSteps+at%coarseSteps)+1) << power * time.Microsecond / 2
}

func (c *Coarse) merge(o *Coarse) {
	for i, theirs := range o.steps {
		if theirs == nil {
			continue
		}
		ours := c.power(i)
		for k, n := range theirs {
			ours[k] += n
		}
	}
	c.number += o.number
	c.max = max(c.max, o.max)
}

// reset empties it and keeps its memory.
func (c *Coarse) reset() {
	for _, steps := range c.steps {
		if steps != nil {
			clear(steps[:])
		}
	}
	c.number, c.max = 0, 0
}

// Count is how many latencies were counted.
func (c *Coarse) Count() uint64 { return c.number }

// Max is the largest.
func (c *Coarse) Max() time.Duration { return c.max }

// Quantile is the latency that a share q of all, 0 to 1, does not exceed.
func (c *Coarse) Quantile(q float64) time.Duration {
	rank, seen := uint64(math.Ceil(q*float64(c.number))), uint64(0)
	for i, steps := range c.steps {
		if steps == nil {
			continue
		}
		for k, n := range steps {
			if seen += n; n > 0 && seen >= rank {
				return min(coarseMiddle(i*coarseSteps+k), c.max)
			}
		}
	}
	return c.max
}
