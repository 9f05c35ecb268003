package report

import (
	"bytes"
	"fmt"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// cacheDocument is measure.Cache as JSON.
type cacheDocument struct {
	HitRatio  float64           `json:"hit_ratio"` // of the responses that said hit or fwd
	Hits      uint64            `json:"hits"`
	Forwarded map[string]uint64 `json:"forwarded"` // by reason (RFC 9211 §2.2)
	Collapsed uint64            `json:"collapsed"`
	Unsaid    uint64            `json:"unsaid"` // whole responses that said neither
	Age       *ageDocument      `json:"age,omitempty"`
}

type ageDocument struct {
	Responses uint64 `json:"responses"` // that had an Age
	P50       uint32 `json:"50th"`      // s
	Max       uint32 `json:"max"`
}

// newCache is nil if no response said anything of a cache.
func newCache(t *measure.Tally) *cacheDocument {
	c := &t.Cache
	if c.Said() == 0 && c.Ages.Number == 0 {
		return nil
	}
	d := &cacheDocument{
		HitRatio: c.HitRatio(), Hits: c.States[exchange.CacheHit], Forwarded: byText(misses(c)), Collapsed: c.Collapsed,
		Unsaid: c.States[exchange.CacheUnsaid],
	}
	if c.Ages.Number > 0 {
		d.Age = &ageDocument{c.Ages.Number, c.Ages.Median(), c.Ages.Max}
	}
	return d
}

// misses are the reasons for which requests were forwarded, in their order.
func misses(c *measure.Cache) (all []counted) {
	for s := exchange.CacheBypass; s < exchange.CacheStates; s++ {
		if n := c.States[s]; n > 0 {
			all = append(all, counted{s.String(), n})
		}
	}
	return all
}

// cacheText writes what responses said of caches, if they did.
func cacheText(b *bytes.Buffer, t *measure.Tally) {
	c := &t.Cache
	if c.Said() > 0 {
		fmt.Fprintf(b, columns, "Cache", "[ratio, hits, forwarded, none]", fmt.Sprintf("%.2f%%, %d, %d, %d",
			100*c.HitRatio(), c.States[exchange.CacheHit], c.Said()-c.States[exchange.CacheHit], c.States[exchange.CacheUnsaid]))
	}
	if reasons := misses(c); len(reasons) > 0 {
		if c.Collapsed > 0 {
			reasons = append(reasons, counted{"(collapsed)", c.Collapsed})
		}
		fmt.Fprintf(b, columns, "Cache Misses", "[reason:count]", kindCounts(reasons))
	}
	if c.Ages.Number > 0 {
		fmt.Fprintf(b, columns, "Age", "[50, max]", fmt.Sprintf("%ds, %ds", c.Ages.Median(), c.Ages.Max))
	}
}

// cacheTable is the same on a page.
func cacheTable(t *measure.Tally) table {
	c := &t.Cache
	all := []counted{{"hit", c.States[exchange.CacheHit]}}
	for _, reason := range misses(c) {
		all = append(all, counted{"forwarded: " + reason.text, reason.n})
	}
	if c.States[exchange.CacheUnsaid] > 0 {
		all = append(all, counted{"nothing said", c.States[exchange.CacheUnsaid]})
	}
	note := fmt.Sprintf("What responses say in Cache-Status: a hit ratio of %s.", human.Percent(c.HitRatio()))
	if c.Collapsed > 0 {
		note += fmt.Sprintf(" %s of those that were forwarded shared a request with others.", human.Count(c.Collapsed))
	}
	if c.Ages.Number > 0 {
		note += fmt.Sprintf(" Age: half of %s at most %d s, the oldest %d s.", human.Count(c.Ages.Number), c.Ages.Median(), c.Ages.Max)
	}
	return table{ID: "cache-table", Title: "Cache", Note: note, Columns: []string{"Cache-Status", "Responses", "Share"}, Rows: counts(all, max(t.Answered(), 1))}
}
