package proxy

import "sync/atomic"

// budget is a token bucket of retries: each fetch puts percent hundredths of a
// token in, each retry takes one out.
type budget struct {
	percent int64
	full    int64        // in hundredths
	tokens  atomic.Int64 // in hundredths
}

func newBudget(r Retry) *budget {
	if r.Percent < 0 {
		return &budget{}
	}
	b := &budget{percent: int64(r.Percent), full: int64(r.Burst) * 100}
	b.tokens.Store(b.full)
	return b
}

// earn counts a fetch.
func (b *budget) earn() {
	for {
		n := b.tokens.Load()
		if n >= b.full {
			return // the usual case: no write to a shared line
		}
		if b.tokens.CompareAndSwap(n, min(n+b.percent, b.full)) {
			return
		}
	}
}

// spend takes what one retry costs, and reports whether there was enough.
func (b *budget) spend() bool {
	for {
		n := b.tokens.Load()
		if n < 100 {
			return false
		}
		if b.tokens.CompareAndSwap(n, n-100) {
			return true
		}
	}
}

// idempotent reports whether a request may be sent twice although the first may
// have been acted upon (RFC 9110 §9.2.2).
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY":
		return true
	}
	return false
}
