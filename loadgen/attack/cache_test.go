package attack

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// TestCacheIsNoted: what responses say of caches is counted, over both protocols:
// here three hits of each four, with an age that rises.
func TestCacheIsNoted(t *testing.T) {
	for _, http1 := range []bool{false, true} {
		t.Run(strconv.FormatBool(http1), func(t *testing.T) {
			var n atomic.Int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				i := n.Add(1)
				if i%4 == 0 {
					w.Header().Add("Cache-Status", "origin; hit")
					w.Header().Add("Cache-Status", "edge; fwd=vary-miss; collapsed")
				} else {
					w.Header().Set("Cache-Status", "edge; hit")
					w.Header().Set("Age", strconv.FormatInt(i, 10))
				}
				hello(w, r)
			})
			cfg := s.config()
			cfg.Pacer, cfg.Duration = perSecond(400), 500*time.Millisecond
			if cfg.HTTP1 = http1; http1 {
				cfg.Streams = 1
			}
			r := attackWith(t, t.Context(), cfg)
			c := &r.Total.Cache
			if c.States[exchange.CacheHit] != 150 || c.States[exchange.CacheVaryMiss] != 50 || c.Said() != 200 || c.Collapsed != 50 {
				t.Errorf("%v, %d collapsed; want 150 hits, 50 of vary-miss", c.States, c.Collapsed)
			}
			if c.Ages.Number != 150 || c.Ages.Max != 199 || c.Ages.Median() < 90 || c.Ages.Median() > 110 {
				t.Errorf("%d ages, the median %d, the largest %d; want 150, about 100, 199", c.Ages.Number, c.Ages.Median(), c.Ages.Max)
			}
		})
	}
}
