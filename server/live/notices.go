package live

import (
	"fmt"
	"time"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
)

// notice is a line at the head of the page: something that an operator may have to do
// something about.
type notice struct {
	Level string `json:"level"` // see below
	Text  string `json:"text"`
	At    string `json:"at"` // the id of the section that has more
}

// The levels: of what clients have a part in now, and of what they will have.
const (
	bad     = "bad"
	warning = "warning"
)

const (
	// maxNotices is what a person takes in at a glance; how many more there are is
	// the last line then.
	maxNotices = 12

	// The shares of 5xx, of 4xx, of failed fetches, of permits and of memory, the rates
	// from which on a mean or a share says something, and the times before a
	// certificate's end, of the size of those at which alerts fire.
	manyErrors     = .01
	nearlyAll      = .9
	manyFailures   = .05
	nearlyFull     = .9
	fewRequests    = 100         // recent ones, of which one is not many
	meanRate       = 100         // hits and misses a second
	sharesRate     = 10          // answers a second
	fetchRate      = .1          // fetches a second
	collectionRate = 1.          // a second: what little memory costs
	settled        = time.Minute // after the start: of less, a rate says little

	// A site fails if more of its answers than mostOfSite are 5xx, of fewOfSite at least.
	fewOfSite  = 20
	mostOfSite = .5

	soon     = 14 * 24 * time.Hour
	verySoon = 3 * 24 * time.Hour
)

// notices are what a state has to say, the worst first.
func notices(s *state, now, before *counts, at time.Time) []notice {
	var all noticeList
	if n := now.panics - before.panics; n > 0 {
		all.add(bad, "log-section", "%s caught: the log has the stack", plural(n, "panic was", "panics were"))
	}
	all.answers(now, before)
	all.resources(now, before)
	all.sites(s.failing)
	all.upstreams(s.Upstreams)
	all.certificates(&s.Certificates, at)
	if r := &s.Reloads; r.Refused > r.Loaded {
		all.add(warning, "changes-section", "the last reload was refused: the configuration before is in use")
	}
	for _, l := range s.Limits {
		if l.Recent > 0 && !l.Ordinary {
			all.add(warning, "limits-section", "%s hit %s", l.Short, times(l.Recent))
		}
	}
	return all.worstFirst()
}

type noticeList []notice

func (all *noticeList) add(level, at, format string, args ...any) {
	*all = append(*all, notice{level, fmt.Sprintf(format, args...), at})
}

// answers are about how requests were answered, and what was fetched for them.
func (all *noticeList) answers(now, before *counts) {
	seconds := now.at.Sub(before.at).Seconds()
	n := now.answers.requests() - before.answers.requests()
	share := func(class hotpath.Class) float64 {
		return float64(now.answers.classes[class]-before.answers.classes[class]) / float64(n)
	}
	if errors := share(hotpath.Class5xx); n >= fewRequests && errors > manyErrors {
		all.add(bad, "sites-section", "%.1f %% of recent answers were 5xx", errors*100)
	}
	if seconds < settled.Seconds() {
		return
	}
	d := now.answers.durations.Since(before.answers.durations)
	if mean := d.Mean(); float64(d.Count()) > meanRate*seconds && mean > targetLatency.Seconds() {
		all.add(warning, "latency", "the mean of recent hits and misses is %.3g ms, above %d ms", mean*1e3, targetLatency.Milliseconds())
	}
	if errors := share(hotpath.Class4xx); float64(n) > sharesRate*seconds && errors > nearlyAll {
		all.add(bad, "sites-section", "%.0f %% of recent answers were 4xx: is what is served there?", errors*100)
	}
	var fetches, failed uint64
	for outcome := range now.fetches {
		of := now.fetches[outcome] - before.fetches[outcome]
		fetches += of
		switch hotpath.FetchOutcome(outcome) {
		case hotpath.FetchTimeout, hotpath.FetchError: // those that were refused are a limit's
			failed += of
		}
	}
	if failures := float64(failed) / float64(fetches); float64(fetches) > fetchRate*seconds && failures > manyFailures {
		all.add(bad, "upstreams-section", "%.0f %% of recent fetches failed", failures*100)
	}
}

// sites are those that answer hardly anything else than 5xx, which among the answers of
// all sites may be few.
func (all *noticeList) sites(failing []siteState) {
	for _, s := range failing {
		all.add(bad, "sites-section", "%.0f %% of recent answers of %s were 5xx", float64(s.ServerErrors)/float64(s.Requests)*100, s.Name)
	}
}

// resources are about what the server may use.
func (all *noticeList) resources(now, before *counts) {
	if share := float64(now.permitsUsed) / float64(now.permits); share > nearlyFull {
		all.add(warning, "permits_used", "%.0f %% of the connections that may be are open", share*100)
	}
	if now.permits > 0 && now.permits < now.permitsConfigured { // 0: it does not listen yet
		all.add(warning, "permits_used", "%s connections may be open, fewer than the %s that are configured: descriptors are short", thousands(float64(now.permits)), thousands(float64(now.permitsConfigured)))
	}
	collections := float64(now.collections-before.collections) / now.at.Sub(before.at).Seconds()
	if share := float64(now.memory) / float64(now.memoryLimit); now.memoryLimit > 0 && share > nearlyFull && collections > collectionRate {
		all.add(warning, "memory", "%.0f %% of memory-limit is in use, and garbage is collected %.1f times a second", share*100, collections)
	}
}

// upstreams tells of sites all of whose upstreams are not well, and of single ones.
func (all *noticeList) upstreams(shown []upstreamState) {
	said := make(map[string]bool)
	for i := range shown {
		switch u := &shown[i]; {
		case u.well() || said[u.Site]:
		case u.Alone:
			said[u.Site] = true
			all.add(bad, "upstreams-section", "%s has no upstream that is well", u.Site)
		default:
			all.add(warning, "upstreams-section", "upstream %s of %s is %s", u.URL, u.Site, u.State)
		}
	}
}

func (all *noticeList) certificates(c *certificates, at time.Time) {
	for _, e := range c.Ends {
		switch left := time.Unix(e.At, 0).Sub(at); {
		case left <= 0:
			all.add(bad, "certificates-section", "the certificate of %s has expired", e.Name)
		case left <= verySoon:
			all.add(bad, "certificates-section", "the certificate of %s ends in %s", e.Name, days(left))
		case left <= soon:
			all.add(warning, "certificates-section", "the certificate of %s ends in %s", e.Name, days(left))
		}
	}
	if n := len(c.Broken); n > 0 {
		all.add(warning, "certificates-section", "%s of certificates or keys cannot be used", plural(uint64(n), "file", "files"))
	}
	if c.Missing > 0 {
		all.add(bad, "certificates-section", "%s no certificate yet: see the log for ACME", plural(uint64(c.Missing), "name has", "names have"))
	}
}

// worstFirst are the notices in their order, at most maxNotices.
func (all noticeList) worstFirst() []notice {
	sorted := make([]notice, 0, len(all))
	for _, level := range []string{bad, warning} {
		for _, n := range all {
			if n.Level == level {
				sorted = append(sorted, n)
			}
		}
	}
	if more := len(sorted) - (maxNotices - 1); more > 1 {
		sorted = append(sorted[:maxNotices-1], notice{warning, fmt.Sprintf("and %d more: see below", more), "sites-section"})
	}
	return sorted
}

// days are those that are left, as a certificate's are counted.
func days(left time.Duration) string {
	n := uint64(left.Hours()) / 24
	if n == 0 {
		return "less than a day"
	}
	return plural(n, "day", "days")
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func plural(n uint64, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}
