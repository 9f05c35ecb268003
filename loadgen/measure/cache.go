package measure

import (
	"math/bits"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// Cache is what whole responses said of caches.
type Cache struct {
	States    [exchange.CacheStates]uint64 // by exchange.CacheState
	Collapsed uint64                       // of those that were forwarded, together with others
	Ages      Ages
}

func (c *Cache) add(n exchange.CacheNote) {
	c.States[n.State]++
	if n.Collapsed {
		c.Collapsed++
	}
	if n.HasAge {
		c.Ages.add(n.Age)
	}
}

func (c *Cache) merge(o *Cache) {
	for i, n := range o.States {
		c.States[i] += n
	}
	c.Collapsed += o.Collapsed
	c.Ages.merge(&o.Ages)
}

// Said is how many responses had a Cache-Status with a state.
func (c *Cache) Said() (n uint64) {
	for _, count := range c.States[exchange.CacheHit:] {
		n += count
	}
	return n
}

// HitRatio is the share of hits among them, 0 to 1.
func (c *Cache) HitRatio() float64 {
	if said := c.Said(); said > 0 {
		return float64(c.States[exchange.CacheHit]) / float64(said)
	}
	return 0
}

// The buckets of ages: one for each second below 64, then 32 for each power of two,
// up to the highest Age, 2³¹ s. A quantile is at most a thirtieth too low.
const (
	ageExact   = 64
	ageStep    = 32
	ageBuckets = ageExact + (32-6)*ageStep
)

// Ages is the distribution of Age (RFC 9111 §5.1), in s.
type Ages struct {
	Counts [ageBuckets]uint64
	Number uint64 // of all
	Max    uint32
}

func (a *Ages) add(age uint32) {
	a.Counts[ageBucket(age)]++
	a.Number++
	a.Max = max(a.Max, age)
}

func (a *Ages) merge(o *Ages) {
	if o.Number == 0 {
		return
	}
	for i, n := range o.Counts {
		a.Counts[i] += n
	}
	a.Number += o.Number
	a.Max = max(a.Max, o.Max)
}

// ageBucket is where an age is counted.
func ageBucket(age uint32) int {
	if age < ageExact {
		return int(age)
	}
	power := bits.Len32(age) - 6 // 1 from 64 on
	return ageExact + (power-1)*ageStep + int(age>>power) - ageStep
}

// leastAge is the lowest age in a bucket.
func leastAge(bucket int) uint32 {
	if bucket < ageExact {
		return uint32(bucket)
	}
	bucket -= ageExact
	return uint32(ageStep+bucket%ageStep) << (bucket/ageStep + 1)
}

// Median is the age that half of the responses had at most; 0 of none.
func (a *Ages) Median() uint32 {
	seen := uint64(0)
	for i, n := range a.Counts {
		if seen += n; n > 0 && 2*seen >= a.Number {
			return leastAge(i)
		}
	}
	return 0
}
