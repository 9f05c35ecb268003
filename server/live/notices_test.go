package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/certs"
)

// TestNotices: what an operator has to see is said, the worst first, and nothing else.
func TestNotices(t *testing.T) {
	left := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	const day = 24 * time.Hour
	page, err := newPage(newConfig(), noon)
	if err != nil {
		t.Fatal(err)
	}
	none := newMetrics(hotpath.Options{Stripes: 1}).RequestDuration.Distribution()
	for _, tt := range []struct {
		name   string
		state  state
		now    counts
		before counts
		want   string // levels and texts, a line each
	}{
		{name: "all is well", state: state{
			Upstreams:    []upstreamState{{Site: "a", URL: "http://1", State: "up"}, {Site: "a", URL: "http://2", State: "starting"}},
			Limits:       []limitState{{Short: "idle", Recent: 5, Ordinary: true}, {Short: "long ago", Count: 9}},
			Certificates: certificates{Ends: []ending{{"a", left(15 * day)}}},
			Reloads:      reloads{Loaded: 2, Refused: 1},
		}},
		{name: "one of two upstreams is ill", state: state{Upstreams: []upstreamState{{Site: "a", URL: "http://1", State: "ejected"}, {Site: "a", URL: "http://2", State: "up"}}},
			want: "warning upstream http://1 of a is ejected"},
		{name: "both are", state: state{Upstreams: []upstreamState{{Site: "a", URL: "http://1", State: "ejected", Alone: true}, {Site: "a", URL: "http://2", State: "unhealthy", Alone: true}}},
			want: "bad a has no upstream that is well"},
		{name: "certificates", state: state{Certificates: certificates{Ends: []ending{
			{"a", left(-time.Second)}, {"b", left(3*day - 1)}, {"b2", left(day - 1)}, {"c", left(3*day + time.Hour)}, {"d", left(14 * day)}, {"e", left(14*day + time.Hour)},
		}, Broken: make([]certs.Broken, 2), Missing: 1}},
			want: "bad the certificate of a has expired\nbad the certificate of b ends in 2 days\nbad the certificate of b2 ends in less than a day\nbad 1 name has no certificate yet: see the log for ACME\n" +
				"warning the certificate of c ends in 3 days\nwarning the certificate of d ends in 14 days\nwarning 2 files of certificates or keys cannot be used"},
		{name: "a reload that was refused", state: state{Reloads: reloads{Loaded: 1, Refused: 2}},
			want: "warning the last reload was refused: the configuration before is in use"},
		{name: "limits", state: state{Limits: []limitState{{Short: "limit one", Recent: 1}, {Short: "limit two", Recent: 20}}},
			want: "warning limit one hit once\nwarning limit two hit 20 times"},
		{name: "a panic, and many errors", now: answers(1000, 11, 2), before: answers(0, 0, 1),
			want: "bad 1 panic was caught: the log has the stack\nbad 1.1 % of recent answers were 5xx"},
		{name: "some errors", now: answers(1000, 10, 0)},
		{name: "nine connections of ten", now: counts{permits: 1000, permitsUsed: 900}},
		{name: "more than nine of ten", now: counts{permits: 1000, permitsUsed: 952},
			want: "warning 95 % of the connections that may be are open"},
		{name: "one error of few", now: answers(20, 1, 0)},
		{name: "most is not found", now: ofClients(4000, 3601, 0),
			want: "bad 90 % of recent answers were 4xx: is what is served there?"},
		{name: "most of little is not found", now: ofClients(3000, 3000, 0)},
		{name: "slow", now: ofClients(40_000, 0, 4200*time.Microsecond),
			want: "warning the mean of recent hits and misses is 4.2 ms, above 3 ms"},
		{name: "one slow miss among few", now: ofClients(20_000, 0, time.Second)},
		{name: "a site that fails", state: state{failing: []siteState{{Name: "a", Requests: 40, ServerErrors: 36}}},
			want: "bad 90 % of recent answers of a were 5xx"},
		{name: "fetches that fail", now: counts{fetches: [...]uint64{hotpath.FetchOK: 90, hotpath.FetchNotFound: 4, hotpath.FetchTimeout: 3, hotpath.FetchError: 3, hotpath.FetchCanceled: 0}},
			want: "bad 6 % of recent fetches failed"},
		{name: "fetches that nobody waits for", now: counts{fetches: [...]uint64{hotpath.FetchOK: 50, hotpath.FetchCanceled: 50, hotpath.FetchError: 0}}},
		{name: "fewer permits", now: counts{permits: 900, permitsConfigured: 1000},
			want: "warning 900 connections may be open, fewer than the 1,000 that are configured: descriptors are short"},
		{name: "little memory", now: counts{memory: 95, memoryLimit: 100, collections: 900},
			want: "warning 95 % of memory-limit is in use, and garbage is collected 3.0 times a second"},
		{name: "a large cache", now: counts{memory: 95, memoryLimit: 100, collections: 200}},
		{name: "no limit", now: counts{memory: 95, collections: 900}},
		{name: "not listening yet", now: counts{permitsConfigured: 1000}},
		{name: "a slow first minute", before: counts{at: noon.Add(-time.Second)}, now: ofClients(40_000, 40_000, time.Second)},
	} {
		if tt.now.at = noon; tt.before.at.IsZero() {
			tt.before.at = noon.Add(-period)
		}
		tt.before.answers.durations = none
		if tt.now.answers.durations.Counts == nil {
			tt.now.answers.durations = none
		}
		var lines []string
		for _, n := range notices(&tt.state, &tt.now, &tt.before, noon) {
			lines = append(lines, n.Level+" "+n.Text)
			if !strings.Contains(string(page.html), fmt.Sprintf("id=%q", n.At)) {
				t.Errorf("%s: the page has no section %q", tt.name, n.At)
			}
		}
		if got := strings.Join(lines, "\n"); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func answers(all, errors, panics uint64) (c counts) {
	c.answers.results[hotpath.Hit] = all
	c.answers.classes[hotpath.Class5xx] = errors
	c.panics = panics
	return c
}

// ofClients are answers of hits, some of them 4xx, that took some time each.
func ofClients(all, notFound uint64, took time.Duration) counts {
	c := answers(all, 0, 0)
	c.answers.classes[hotpath.Class4xx] = notFound
	m := newMetrics(hotpath.Options{Stripes: 1})
	m.RequestDuration.ObserveN(0, hotpath.Hit, took, all)
	c.answers.durations = m.RequestDuration.Distribution()
	return c
}

// TestNoticesAreBounded: beyond a dozen it is said how many there are, and the worst are
// not among those that are left out.
func TestNoticesAreBounded(t *testing.T) {
	var s state
	for i := range 30 {
		s.Limits = append(s.Limits, limitState{Short: fmt.Sprint("limit ", i), Recent: 1})
	}
	s.Certificates.Missing = 7
	all := notices(&s, &counts{}, &counts{}, noon)
	if len(all) != maxNotices || all[0].Level != bad || all[maxNotices-1].Text != "and 20 more: see below" {
		t.Errorf("%d notices, %+v first and %+v last", len(all), all[0], all[len(all)-1])
	}
}
