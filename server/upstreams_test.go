package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
)

func TestUpstreamStats(t *testing.T) {
	one := func(url, state string) proxy.UpstreamStatus {
		return proxy.UpstreamStatus{URL: url, State: state, Fetches: 10, Failures: 1}
	}
	got := upstreamStats([]proxy.UpstreamStatus{
		one("http://a", "up"), one("http://b", "starting"), one("http://c", "ejected"), one("http://d", "unhealthy"),
		one("http://a", "ejected"), // by another site
	})
	want := []metrics.UpstreamStats{
		{URL: "http://a", Usable: false, Fetches: 20, Failures: 2},
		{URL: "http://b", Usable: true, Fetches: 10, Failures: 1},
		{URL: "http://c", Usable: false, Fetches: 10, Failures: 1},
		{URL: "http://d", Usable: false, Fetches: 10, Failures: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("upstreams are\n%+v, want\n%+v", got, want)
	}
}

// TestUpstreamStatsAreBounded: of very many, those that are not usable are shown.
func TestUpstreamStatsAreBounded(t *testing.T) {
	var all []proxy.UpstreamStatus
	for i := range 3 * shownUpstreams {
		all = append(all, proxy.UpstreamStatus{URL: fmt.Sprintf("http://10.0.0.%d", i), State: "up"})
	}
	all[len(all)-1].State = "unhealthy"
	got := upstreamStats(all)
	if len(got) != shownUpstreams {
		t.Fatalf("%d upstreams are shown, want %d", len(got), shownUpstreams)
	}
	if got[0].URL != all[len(all)-1].URL || got[1].URL != all[0].URL {
		t.Errorf("the first are %s and %s, want the unhealthy one and the first site's", got[0].URL, got[1].URL)
	}
}
