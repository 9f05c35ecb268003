package message

import (
	"net/http"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// CacheResultSetter is implemented by a ResponseWriter whose engine counts
// requests by how the cache took part. The handler calls it at most once,
// before it writes; an answer for which it was not called counts as
// [metrics.Bypass].
type CacheResultSetter interface {
	http.ResponseWriter
	SetCacheResult(metrics.CacheResult)
}
