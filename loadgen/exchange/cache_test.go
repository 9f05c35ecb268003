package exchange

import (
	"math"
	"testing"
)

// TestCacheStatus: the last member counts, and of it hit, fwd and collapsed, which
// quotes do not hide.
func TestCacheStatus(t *testing.T) {
	for value, want := range map[string]CacheNote{
		"":                           {},
		"hotpath":                    {},
		"hotpath; hit":               {State: CacheHit},
		"hotpath;hit;ttl=376":        {State: CacheHit},
		"hotpath; hit=?1":            {State: CacheHit},
		"hotpath; hit=?0; fwd=stale": {State: CacheStale},
		"hotpath; fwd=uri-miss; stored; collapsed": {State: CacheURIMiss, Collapsed: true},
		"hotpath; fwd=vary-miss; collapsed=?0":     {State: CacheVaryMiss},
		"hotpath; fwd=miss":                        {State: CacheMiss},
		"hotpath; fwd=bypass":                      {State: CacheBypass},
		"hotpath; fwd=method":                      {State: CacheMethod},
		"hotpath; fwd=request":                     {State: CacheRequest},
		"hotpath; fwd=partial; fwd-status=206":     {State: CachePartial},
		"hotpath; fwd=news":                        {State: CacheForwarded},
		`"a, b; hit"; fwd=stale; detail="x; hit"`:  {State: CacheStale},
		`"a \" , ; hit"; fwd=miss`:                 {State: CacheMiss},
		"origin; hit, edge; fwd=uri-miss":          {State: CacheURIMiss},
		"origin; fwd=miss; collapsed, edge; hit":   {State: CacheHit},
		"origin; hit, edge":                        {},
		`edge; hit; detail="no end, b; fwd=miss`:   {State: CacheHit},
		", ;; , x;=;hit":                           {State: CacheHit},
	} {
		var got CacheNote
		if got.SetStatus([]byte(value)); got != want {
			t.Errorf("%q is %+v, want %+v", value, got, want)
		}
	}
	var two CacheNote
	two.SetStatus([]byte("origin; hit"))
	two.SetStatus([]byte("edge; fwd=miss"))
	if two.State != CacheMiss {
		t.Errorf("of two fields the first counts: %v", two.State)
	}
}

func TestAge(t *testing.T) {
	for value, want := range map[string]CacheNote{
		"0": {HasAge: true}, "17": {Age: 17, HasAge: true}, "": {}, "-1": {}, "1.5": {}, " 1": {}, "x": {},
		"2147483648": {Age: 1 << 31, HasAge: true}, "99999999999999999999999": {Age: 1 << 31, HasAge: true},
	} {
		var got CacheNote
		if got.SetAge([]byte(value)); got != want {
			t.Errorf("%q is %+v, want %+v", value, got, want)
		}
	}
}

func FuzzCacheStatus(f *testing.F) {
	f.Add([]byte("hotpath; fwd=uri-miss; stored, b; hit"))
	f.Add([]byte(`"a\"b"; hit`))
	f.Fuzz(func(t *testing.T, value []byte) {
		var c CacheNote
		c.SetStatus(value)
		c.SetAge(value)
		if c.State >= CacheStates || c.Age > math.MaxInt32+1 {
			t.Errorf("%q is %+v", value, c)
		}
		if n := testing.AllocsPerRun(1, func() { c.SetStatus(value) }); n != 0 {
			t.Errorf("%q: %v allocations", value, n)
		}
	})
}
