package perclient

import (
	"fmt"
	"hash/maphash"
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Requests limits requests. An engine without one checks nothing.
type Requests struct {
	rate
	metrics *metrics.Hotpath
	values  maphash.Seed // of the names of the field's values

	// Refusal is the answer to a request beyond the limit. It has no content,
	// so that no client can make it wait for a window.
	Refusal *message.Response
}

// Requests is the limit for requests; nil if there is none.
func (l *Limits) Requests(m *metrics.Hotpath) *Requests {
	if l.cfg.Requests == 0 {
		return nil
	}
	burst := l.cfg.Burst
	if burst == 0 {
		burst = l.cfg.Requests
	}
	return &Requests{
		rate:    l.newRate(l.cfg.Requests, burst),
		metrics: m,
		values:  maphash.MakeSeed(),
		Refusal: refusal(l.cfg.Requests),
	}
}

// refusal is the 429 (RFC 6585 §4) of a limit of so many requests in a second.
// A token comes back within a second, whatever the limit. The other fields are
// those of draft-ietf-httpapi-ratelimit-headers-10: the policy is so many
// requests in a window of a second, of which none are left for as long.
func refusal(perSecond int) *message.Response {
	return message.New(http.StatusTooManyRequests, []hpack.Field{
		{Name: "cache-control", Value: "no-store"},
		{Name: "retry-after", Value: "1"},
		{Name: "ratelimit-policy", Value: fmt.Sprintf(`"requests";q=%d;w=1`, perSecond)},
		{Name: "ratelimit", Value: `"requests";r=0;t=1`},
	}, nil, "", time.Time{})
}

// Client is a client as the limit tells it apart; the zero Client is not
// limited.
type Client uint64

// Client is the client of r, whose own Client is set. It is the same for a
// request that is the same.
func (q *Requests) Client(r *message.Request) Client {
	cfg := &q.limits.cfg
	if cfg.Exempt.Contain(r.Client) {
		return 0
	}
	if cfg.By != "" {
		if value, ok := r.Field(cfg.By); ok {
			return limited(maphash.String(q.values, value))
		}
	}
	return limited(q.name(r.Client))
}

// limited is a name of the table as a Client that is limited.
func limited(name uint64) Client { return Client(max(name, 1)) }

// Over counts a request of c at now, and reports whether it is beyond the limit,
// and whether it is to be refused for that.
func (q *Requests) Over(c Client, now time.Time, s metrics.Stripe) (over, refuse bool) {
	if c == 0 || q.take(uint64(c), now) {
		return false, false
	}
	q.metrics.Limited.Add(s, metrics.LimitedRequests, q.limits.mode(), 1)
	return true, !q.limits.cfg.DryRun
}
