package measure

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// TestAges: medians are exact below a minute and a thirtieth too low at most above,
// and the largest is exact.
func TestAges(t *testing.T) {
	for _, age := range []uint32{0, 1, 63, 64, 65, 127, 128, 1000, 86_400, 1<<31 - 1, 1 << 31} {
		var a, b Ages
		b.add(age)
		a.merge(&b)
		if a.Max != age || a.Number != 1 {
			t.Errorf("%d: %d, the largest of %d", age, a.Max, a.Number)
		}
		if m := a.Median(); m > age || age-m > age/30 || age < 64 && m != age {
			t.Errorf("the median of %d is %d", age, m)
		}
	}
	for i := range ageBuckets - 1 {
		if got := ageBucket(leastAge(i)); got != i {
			t.Fatalf("bucket %d begins at %d, which is in %d", i, leastAge(i), got)
		}
	}
	var a Ages
	for age := range uint32(101) {
		a.add(age)
	}
	if m := a.Median(); m != 50 {
		t.Errorf("the median of 0 to 100 is %d", m)
	}
	if m := new(Ages).Median(); m != 0 {
		t.Errorf("the median of none is %d", m)
	}
}

// TestCache: whole responses count, and only those that said something are in the
// ratio.
func TestCache(t *testing.T) {
	one, two := NewTally(), NewTally()
	add := func(t *Tally, n int, o exchange.Outcome) {
		o.Ended = time.Millisecond
		for range n {
			t.Add(&o)
		}
	}
	add(one, 6, exchange.Outcome{Status: 200, Cache: exchange.CacheNote{State: exchange.CacheHit, HasAge: true, Age: 7}})
	add(one, 1, exchange.Outcome{Status: 200, Cache: exchange.CacheNote{State: exchange.CacheURIMiss, Collapsed: true}})
	add(two, 1, exchange.Outcome{Status: 503, Cache: exchange.CacheNote{State: exchange.CacheStale}})
	add(two, 5, exchange.Outcome{Status: 200})
	add(two, 3, exchange.Outcome{Status: 200, Cache: exchange.CacheNote{State: exchange.CacheHit}, Failure: &exchange.Failure{Kind: exchange.Closed}})
	one.Merge(two)
	c := &one.Cache
	if c.Said() != 8 || c.HitRatio() != 0.75 || c.Collapsed != 1 || c.States[exchange.CacheUnsaid] != 5 || c.Ages.Number != 6 || c.Ages.Median() != 7 {
		t.Errorf("said %d, ratio %v, collapsed %d, unsaid %d, %d ages of %d", c.Said(), c.HitRatio(), c.Collapsed, c.States[exchange.CacheUnsaid], c.Ages.Number, c.Ages.Median())
	}
	if one.Reset(); one.Cache != (Cache{}) || one.Cache.HitRatio() != 0 {
		t.Error("Reset leaves something")
	}
}
