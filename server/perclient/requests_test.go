package perclient

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestRequests: which clients share a bucket of 3, to which 2 a second come back.
func TestRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubject(t, Config{Requests: 2, Burst: 3})
		q := s.Requests(s.m)
		for _, step := range []struct {
			why    string
			client string
			n      int // requests at once
			passed int
		}{
			{"a client has its burst", "192.0.2.1", 5, 3},
			{"another has its own", "192.0.2.2", 3, 3},
			{"so has a network of IPv6", "2001:db8::1", 2, 2},
			{"that is /64: its addresses are one client", "2001:db8::ffff:2", 2, 1},
			{"the next /64 is another", "2001:db8:0:1::1", 3, 3},
			{"an exempt client has no limit", "192.0.2.129", 100, 100},
		} {
			if n := passes(q, from(step.client), step.n); n != step.passed {
				t.Errorf("%s: %d of %d pass, want %d", step.why, n, step.n, step.passed)
			}
		}
		s.wantLimited(metrics.LimitedRequests, 2+1, 0)
		time.Sleep(500*time.Millisecond - 1)
		if n := passes(q, from("192.0.2.1"), 1); n != 0 {
			t.Error("a request passes before half a second is over")
		}
		time.Sleep(time.Nanosecond)
		if n := passes(q, from("192.0.2.1"), 5); n != 1 {
			t.Errorf("%d pass after half a second, want 1", n)
		}
		time.Sleep(time.Hour)
		if n := passes(q, from("192.0.2.1"), 5); n != 3 {
			t.Errorf("%d pass after an hour, want the burst, 3", n)
		}
		if got := s.Stats(); got != (metrics.LimitStats{Entries: 4}) {
			t.Errorf("the table holds %+v, want 4 clients", got)
		}
	})
}

// TestPrefixes: other lengths of prefixes, and a burst of a second's worth.
func TestPrefixes(t *testing.T) {
	l := New(Config{Requests: 2, IPv4: 24, IPv6: 48, Clients: 100})
	q := l.Requests(metrics.NewHotpath(metrics.Options{}))
	for _, step := range []struct {
		client string
		passed int
	}{{"192.0.2.1", 2}, {"192.0.2.255", 0}, {"192.0.3.1", 2}, {"2001:db8::1", 2}, {"2001:db8:0:ffff::", 0}, {"2001:db8:1::", 2}} {
		if n := passes(q, from(step.client), 3); n != step.passed {
			t.Errorf("%s: %d pass, want %d", step.client, n, step.passed)
		}
	}
	if n := passes(q, new(message.Request), 3); n != 2 {
		t.Errorf("of a client without an address %d pass, want 2", n)
	}
}

// TestByField: the value of a field tells clients apart, and the address those
// without it.
func TestByField(t *testing.T) {
	s := newSubject(t, Config{Requests: 1, Burst: 2, By: "x-api-key"})
	q := s.Requests(s.m)
	for _, step := range []struct {
		why    string
		r      *message.Request
		passed int
	}{
		{"a key has its bucket", from("192.0.2.1", "x-api-key", "a"), 2},
		{"from anywhere", from("192.0.2.2", "a", "b", "x-api-key", "a"), 0},
		{"another key has another", from("192.0.2.1", "x-api-key", "b"), 2},
		{"without a key it is the address", from("192.0.2.1"), 2},
		{"an empty key is one, too", from("192.0.2.1", "x-api-key", ""), 2},
		{"an exempt client is so with any key", from("192.0.2.129", "x-api-key", "a"), 3},
	} {
		if n := passes(q, step.r, 3); n != step.passed {
			t.Errorf("%s: %d pass, want %d", step.why, n, step.passed)
		}
	}
}

// TestDryRunOfRequests: everything passes, and is counted.
func TestDryRunOfRequests(t *testing.T) {
	s := newSubject(t, Config{Requests: 1, Burst: 2, DryRun: true})
	q := s.Requests(s.m)
	c, now := q.Client(from("192.0.2.1")), time.Now()
	for i := range 5 {
		if over, refuse := q.Over(c, now, 0); over != (i >= 2) || refuse {
			t.Errorf("request %d is beyond the limit: %v, refused: %v", i, over, refuse)
		}
	}
	s.wantLimited(metrics.LimitedRequests, 0, 3)
}

func TestRefusal(t *testing.T) {
	s := newSubject(t, Config{Requests: 250})
	r := s.Requests(s.m).Refusal
	got := make(map[string]string)
	for _, f := range r.Fields {
		got[f.Name] = f.Value
	}
	want := map[string]string{
		"retry-after": "1", "ratelimit-policy": `"requests";q=250;w=1`, "ratelimit": `"requests";r=0;t=1`,
		"cache-control": "no-store", "content-length": "0", "server": "hotpath",
	}
	if r.Status != http.StatusTooManyRequests || len(r.Body) > 0 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d %v %q, want 429 %v without content", r.Status, got, r.Body, want)
	}
	if !strings.Contains(string(r.Head), "HTTP/1.1 429 Too Many Requests\r\n") || len(r.Block) == 0 {
		t.Errorf("it is not encoded: %q, %q", r.Head, r.Block)
	}
}

func TestNoLimits(t *testing.T) {
	s := newSubject(t, Config{})
	if s.Requests(s.m) != nil || s.Connections(s.m) != nil || s.table != nil {
		t.Error("limits without a limit take memory")
	}
	if got := s.Stats(); got != (metrics.LimitStats{}) {
		t.Errorf("the table holds %+v", got)
	}
	var none *Connections
	if !none.Open(address("192.0.2.1"), 0) || !none.Handshake(address("192.0.2.1"), time.Now(), 0) {
		t.Error("without limits something is refused")
	}
	none.Close(address("192.0.2.1"))
}

// TestNothingAllocates: neither a request within its limit, nor one beyond it.
func TestNothingAllocates(t *testing.T) {
	s := newSubject(t, Config{Requests: 1000, Burst: 10, By: "x-api-key"})
	q := s.Requests(s.m)
	four, six, key := from("192.0.2.1"), from("2001:db8::1"), from("192.0.2.1", "x-api-key", "secret")
	now := time.Now()
	if n := testing.AllocsPerRun(1000, func() {
		for _, r := range []*message.Request{four, six, key} {
			q.Over(q.Client(r), now, 0)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRequests is what a limit costs a request: of one client, of a million
// in turn, and if the connection has sent the same before.
func BenchmarkRequests(b *testing.B) {
	const many = 1 << 20
	q := New(Config{Requests: 1_000_000, IPv4: 32, IPv6: 64, Clients: many}).Requests(metrics.NewHotpath(metrics.Options{}))
	r := from("192.0.2.1")
	b.Run("a client", func(b *testing.B) {
		b.ReportAllocs()
		now := time.Now()
		for b.Loop() {
			now = now.Add(time.Microsecond)
			q.Over(q.Client(r), now, 0)
		}
	})
	b.Run("a repeat", func(b *testing.B) {
		b.ReportAllocs()
		now, c := time.Now(), q.Client(r)
		for b.Loop() {
			now = now.Add(time.Microsecond)
			q.Over(c, now, 0)
		}
	})
	b.Run("a million clients", func(b *testing.B) {
		b.ReportAllocs()
		now := time.Now()
		for i := uint32(0); b.Loop(); i = (i + 0x9e3779b1) & (many - 1) {
			now = now.Add(time.Microsecond)
			r.Client = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			q.Over(q.Client(r), now, 0)
		}
	})
}
