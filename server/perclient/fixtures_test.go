package perclient

import (
	"net/netip"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// subject is the limits of a configuration under test.
type subject struct {
	*testing.T
	*Limits
	m *metrics.Hotpath
}

// newSubject makes limits with the prefixes that are the default, and 192.0.2.128/25
// exempt.
func newSubject(t *testing.T, cfg Config) subject {
	t.Helper()
	cfg.IPv4, cfg.IPv6, cfg.Clients = 32, 64, 100
	cfg.Exempt = client.Networks{netip.MustParsePrefix("192.0.2.128/25")}
	return subject{t, New(cfg), metrics.NewHotpath(metrics.Options{Stripes: 1})}
}

func address(s string) netip.Addr { return netip.MustParseAddr(s) }

// from is a request of a client, with fields.
func from(client string, pairs ...string) *message.Request {
	r := &message.Request{Method: "GET", Path: "/", Client: address(client)}
	for i := 0; i < len(pairs); i += 2 {
		r.Fields = append(r.Fields, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return r
}

// wantLimited checks what was counted of a kind.
func (s subject) wantLimited(kind metrics.LimitedKind, refused, dryRun uint64) {
	s.Helper()
	if r, d := s.m.Limited.Value(kind, metrics.LimitRefuse), s.m.Limited.Value(kind, metrics.LimitDryRun); r != refused || d != dryRun {
		s.Errorf("%d were refused and %d would have been, want %d and %d", r, d, refused, dryRun)
	}
}

// passes sends n requests at once and returns how many are not refused.
func passes(q *Requests, r *message.Request, n int) (passed int) {
	now := time.Now()
	for range n {
		if _, refuse := q.Over(q.Client(r), now, 0); !refuse {
			passed++
		}
	}
	return passed
}
