package live

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	hotpath "github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/missed"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// TestStateOfSites: the sites with the most recent requests are shown, and the rest is
// summed; what was before is not recent.
func TestStateOfSites(t *testing.T) {
	cfg := newConfig()
	var sites []Site
	for i := range 3 * maxSites {
		sites = append(sites, Site{Name: fmt.Sprintf("site%d", i), Tally: hotpath.NewTally()})
		sites[i].Tally.Add(0, hotpath.Class2xx, hotpath.Hit, 1_000_000) // before the recorder
	}
	cfg.Sites = func() []Site { return sites }
	w := newWatch(&cfg, noon)
	for i, s := range sites {
		s.Tally.Add(1, hotpath.Class2xx, hotpath.Hit, uint64(3*i))
		s.Tally.Add(1, hotpath.Class5xx, hotpath.Miss, uint64(i))
		s.Tally.Add(1, hotpath.Class4xx, hotpath.Bypass, uint64(i))
	}
	s := w.look(noon.Add(10 * time.Second))
	last := 3*maxSites - 1
	if want := (siteState{fmt.Sprint("site", last), 5 * uint64(last), figure(5*last) / 10, .75, uint64(last), uint64(last)}); s.Sites[0] != want {
		t.Errorf("the first is %+v, want %+v", s.Sites[0], want)
	}
	const others = 2 * maxSites // the numbers from 0 on
	sum := uint64(5 * others * (others - 1) / 2)
	if len(s.Sites) != maxSites || s.RestSites != others || s.Rest.Requests != sum || s.Rest.Hits != .75 || s.Span != 10 {
		t.Errorf("%d sites of %d s, and %d with %+v; want %d, and %d with %d requests", len(s.Sites), s.Span, s.RestSites, s.Rest, maxSites, others, sum)
	}

	// Two periods later nothing of it is recent.
	w.look(noon.Add(period))
	s = w.look(noon.Add(2 * period))
	if s.Sites[0].Requests != 0 || s.Span != int64(period.Seconds()) {
		t.Errorf("two periods later %+v, of %d s", s.Sites[0], s.Span)
	}
}

// TestStateOfUpstreams: those that are not well come first, and are never among those
// that are not shown.
func TestStateOfUpstreams(t *testing.T) {
	all := make([]proxy.UpstreamStatus, 2*maxUpstreams)
	for i := range all {
		all[i] = proxy.UpstreamStatus{URL: fmt.Sprint("http://", i), State: "up"}
	}
	all[70] = proxy.UpstreamStatus{URL: "http://sick", State: "ejected", EjectedUntil: noon.Add(9*time.Second + 1), Failures: 5, LastFailure: "a\u202eb" + strings.Repeat("x", 1000), LastFailed: noon}
	all[71].State = "unhealthy"
	shown, unshown := upstreams([]Site{{Name: "a", Upstreams: all}, {Name: "b", Upstreams: []proxy.UpstreamStatus{{URL: "http://only", State: "unhealthy"}}}}, noon)
	if len(shown) != maxUpstreams || unshown != maxUpstreams+1 {
		t.Errorf("%d are shown and %d not, want %d and %d", len(shown), unshown, maxUpstreams, maxUpstreams+1)
	}
	if shown[0].URL != "http://71" || shown[0].Alone || shown[1].URL != "http://only" || !shown[1].Alone || shown[3].State != "up" {
		t.Errorf("first are %+v", shown[:4])
	}
	if u := shown[2]; u.Ejected != 10 || u.FailedAt != noon.UnixMilli() || len(u.Failure) > maxMessage || !strings.HasPrefix(u.Failure, `a\u202eb`) {
		t.Errorf("the ejected one is %+v", u)
	}
}

// TestStateOfReasons: what is neither a hit nor stored has its reason, the most frequent
// first.
func TestStateOfReasons(t *testing.T) {
	cfg := newConfig()
	w := newWatch(&cfg, noon)
	for r, n := range map[rfc9111.Reason]uint64{rfc9111.Miss: 3, rfc9111.Expired: 7, rfc9111.Stored: 100, rfc9111.Fresh: 100} {
		cfg.Metrics.Reasons.Add(0, hotpath.Reason(r), n)
	}
	s := w.look(noon.Add(time.Second))
	if len(s.Reasons) != 2 || s.Reasons[0] != (reasonState{"expired", rfc9111.Expired.Sentence(), 7}) || s.Reasons[1].Reason != "miss" {
		t.Errorf("%+v", s.Reasons)
	}
}

// TestStateOfLimits: a limit is there once it was hit, with when that was, and what to
// do.
func TestStateOfLimits(t *testing.T) {
	cfg := newConfig()
	m := cfg.Metrics
	m.LimitBreaches.Add(0, hotpath.LimitBodySize, 2)
	w := newWatch(&cfg, noon)
	if s := w.look(noon.Add(time.Second)); len(s.Limits) != 1 || s.Limits[0].Recent != 0 || s.Limits[0].Count != 2 {
		t.Fatalf("%+v, want the one that was hit before", s.Limits)
	}
	m.ConnectionsRefused.Add(0, hotpath.RefusePermits, 4)
	w.look(noon.Add(5 * time.Second))
	m.LimitBreaches.Add(0, hotpath.LimitIdleTimeout, 1)
	s := w.look(noon.Add(10 * time.Second))
	for i, want := range []struct {
		name     string
		recent   uint64
		last     time.Duration
		ordinary bool
	}{
		{`hotpath_limit_breaches_total{limit="idle_timeout"}`, 1, 10 * time.Second, true},
		{`hotpath_connections_refused_total{reason="permits"}`, 4, 5 * time.Second, false},
		{`hotpath_limit_breaches_total{limit="body_size"}`, 0, time.Second, false},
	} {
		got := s.Limits[i]
		if got.Name != want.name || got.Recent != want.recent || got.Last != noon.Add(want.last).UnixMilli() || got.Ordinary != want.ordinary || got.Means == "" || got.Do == "" {
			t.Errorf("limit %d is %+v, want %+v", i, got, want)
		}
	}
}

// TestPathsLeadToURLs: a path leads to its URL, with the site's host if keys of the site
// have none; one that is cut, or is not shown as it is, leads nowhere.
func TestPathsLeadToURLs(t *testing.T) {
	sites := []Site{{Name: "files", Base: "https://any.example.com/docs"}, {Name: "http://127.0.0.1:8080", Base: "https://shop.example"}}
	for _, tt := range []struct{ site, path, want string }{
		{"http://127.0.0.1:8080", "shop.example/a", "https://shop.example/a"},
		{"http://127.0.0.1:8080", "[::1]:8443/a", "https://[::1]:8443/a"},
		{"http://127.0.0.1:8080", "shop.example/a%20b", "https://shop.example/a%20b"},
		{"files", "/a", "https://any.example.com/docs/a"},
		{"files", "/50% of ä?#", "https://any.example.com/docs/50%25%20of%20%C3%A4%3F%23"},
		{"gone", "/a", ""},
		{"files", "/a\u202e", ""},
		{"files", "/" + strings.Repeat("a", maxKeyLength-1), "https://any.example.com/docs/" + strings.Repeat("a", maxKeyLength-1)},
		{"files", "/" + strings.Repeat("a", maxKeyLength), ""},
	} {
		misses := missPaths([]missed.Path{{Site: tt.site, Path: tt.path}}, sites)
		slow := slowPaths([]missed.SlowPath{{Site: tt.site, Path: tt.path}}, sites)
		if misses[0].URL != tt.want || slow[0].URL != tt.want {
			t.Errorf("%s of %s leads to %q and %q, want %q", tt.path, tt.site, misses[0].URL, slow[0].URL, tt.want)
		}
	}
}

// TestStateIsBounded: however much there is of everything, and however long, a state is
// a part of what a page takes at once.
func TestStateIsBounded(t *testing.T) {
	cfg := newConfig()
	long := strings.Repeat("<\u3164>", 1000)
	names := make(map[string]int64)
	var sites []Site
	for i := range 1000 {
		s := Site{Name: long, Base: "https://" + strings.Repeat("a", 255), Tally: hotpath.NewTally(), Upstreams: []proxy.UpstreamStatus{{URL: long, State: "unhealthy", LastFailure: long, LastFailed: noon}}}
		sites = append(sites, s)
		if i < 32 { // as package certs has it
			names[fmt.Sprint(i, long)] = noon.Unix()
		}
	}
	cfg.Sites = func() []Site { return sites }
	cfg.Misses = func(n int) []missed.Path {
		all := make([]missed.Path, n)
		for i := range all {
			all[i] = missed.Path{Site: long, Path: "/" + strings.Repeat("<", maxKeyLength-1), Part: long}
		}
		return all
	}
	cfg.Slowest = func(n int) []missed.SlowPath {
		all := make([]missed.SlowPath, n)
		for i := range all {
			all[i] = missed.SlowPath{Site: long, Path: strings.Repeat("<", maxKeyLength)}
		}
		return all
	}
	cfg.Broken = func() []certs.Broken {
		all := make([]certs.Broken, 32)
		for i := range all {
			all[i] = certs.Broken{File: long, Problem: long}
		}
		return all
	}
	cfg.Metrics.CertificateNames.Set(names)
	w := newWatch(&cfg, noon)
	for l := hotpath.LimitHeaderList; l <= hotpath.LimitRedirects; l++ {
		cfg.Metrics.LimitBreaches.Add(0, l, 1)
	}
	text, err := json.Marshal(w.look(noon.Add(time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	// Markup takes six bytes a character in JSON.
	if most := 320 << 10; len(text) > most {
		t.Errorf("%d bytes, want %d at most", len(text), most)
	}
	if strings.ContainsAny(string(text), "<\u3164") {
		t.Error("it has markup, or what is not seen")
	}
}
