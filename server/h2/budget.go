package h2

import "time"

// budget is a token bucket: what a peer may cost us.
type budget struct {
	tokens, most, perSec float64
	at                   time.Time // when tokens was right
}

func newBudget(most, perSec int, now time.Time) budget {
	return budget{tokens: float64(most), most: float64(most), perSec: float64(perSec), at: now}
}

// spend takes one token and reports whether there was one.
func (b *budget) spend(now time.Time) bool {
	if gained := now.Sub(b.at).Seconds() * b.perSec; gained > 0 {
		b.tokens = min(b.most, b.tokens+gained)
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
