package limit

import "time"

// Budget is a token bucket: what a peer may cost us. The zero Budget has nothing.
type Budget struct {
	tokens, most, perSec float64
	at                   time.Time // when tokens was right
}

// NewBudget makes a budget of most tokens, to which perSec come back in a second.
func NewBudget(most, perSec int, now time.Time) Budget {
	return Budget{tokens: float64(most), most: float64(most), perSec: float64(perSec), at: now}
}

// Spend takes one token and reports whether there was one.
func (b *Budget) Spend(now time.Time) bool {
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
