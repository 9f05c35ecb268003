package access

import "time"

// burst is for how long the file may have been quiet in advance: a second's
// trouble is logged whole, and ten minutes' is not.
const burst = 10 * time.Second

// budget is a token bucket: how fast the file may grow, in bytes. A client
// spends twenty octets of HTTP/2 on a line that may have 14 KiB, so that
// without it one of them could fill the disk. It belongs to the writer.
type budget struct {
	perSec float64 // 0: as fast as lines come
	tokens float64 // less than nothing after the line that spent the last
	at     time.Time
}

func newBudget(perSec int64, now time.Time) budget {
	return budget{perSec: float64(perSec), tokens: float64(perSec) * burst.Seconds(), at: now}
}

// left reports whether there may be another line.
func (b *budget) left(now time.Time) bool {
	if gained := now.Sub(b.at).Seconds() * b.perSec; gained > 0 {
		b.tokens = min(b.tokens+gained, b.perSec*burst.Seconds())
		b.at = now
	}
	return b.tokens > 0 || b.perSec == 0
}

// spend takes what a line has.
func (b *budget) spend(n int) { b.tokens -= float64(n) }
