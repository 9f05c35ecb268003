package live

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	hotpath "github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/missed"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
)

// Site is a site as the page's recorder sees it.
type Site struct {
	Name      string
	Base      string                 // how the URL of a path begins, if the site's paths have no host
	Tally     *hotpath.Tally         // of its answers; the same one as long as it is the same site
	Upstreams []proxy.UpstreamStatus // nil: it has none
}

// state is what the page shows beside the samples: how things stand, and what came of
// the last minutes. It is bounded, whatever there is of sites, clients and upstreams.
type state struct {
	Span int64 `json:"span"` // s: what "recent" is about

	Notices      []notice        `json:"notices"`
	Sites        []siteState     `json:"sites"` // those with the most requests first
	Rest         *siteState      `json:"rest"`  // the others' sum; nil: there are none
	RestSites    int             `json:"rest_sites"`
	Upstreams    []upstreamState `json:"upstreams"` // those that are not well first
	Unshown      int             `json:"unshown_upstreams"`
	Reasons      []reasonState   `json:"reasons"` // recent ones, the most frequent first
	Misses       []missPath      `json:"misses"`
	Slowest      []slowPath      `json:"slowest"`
	Limits       []limitState    `json:"limits"` // that were hit since the start, the latest first
	Certificates certificates    `json:"certificates"`
	Reloads      reloads         `json:"reloads"`
	Purges       []named         `json:"purges"` // targets since the start, by what they name

	failing []siteState // sites of which most answers are 5xx, for notices
}

type siteState struct {
	Name         string `json:"name"`
	Requests     uint64 `json:"requests"` // recent
	Rate         figure `json:"rate"`     // recent, requests/s
	Hits         figure `json:"hits"`     // of hits and misses, from 0 to 1
	ClientErrors uint64 `json:"client_errors"`
	ServerErrors uint64 `json:"server_errors"`
}

type upstreamState struct {
	Site     string `json:"site"`
	URL      string `json:"url"`
	State    string `json:"state"` // see [proxy.UpstreamStatus]
	Ejected  int64  `json:"ejected"`
	InFlight int    `json:"in_flight"`
	Queued   int    `json:"queued"`
	Fetches  uint64 `json:"fetches"` // since the start
	Failures uint64 `json:"failures"`
	Failure  string `json:"failure"`   // the last
	FailedAt int64  `json:"failed_at"` // ms of Unix time; 0: never
	Alone    bool   `json:"-"`         // none of its site's is well
}

// well reports whether requests are sent there.
func (u *upstreamState) well() bool { return u.State == "up" || u.State == "starting" }

type reasonState struct {
	Reason  string `json:"reason"`
	Because string `json:"because"`
	Count   uint64 `json:"count"`
}

// missPath and slowPath are paths with a URL to explain; "": the path is too long for
// one, or has what a person cannot read.
type missPath struct {
	missed.Path
	URL string `json:"url"`
}

type slowPath struct {
	missed.SlowPath
	URL string `json:"url"`
}

type limitState struct {
	Name     string `json:"name"`
	Short    string `json:"short"`  // in a sentence
	Count    uint64 `json:"count"`  // since the start
	Recent   uint64 `json:"recent"` // of these
	Last     int64  `json:"last"`   // ms of Unix time, to some seconds
	Means    string `json:"means"`
	Do       string `json:"do"`
	Ordinary bool   `json:"ordinary"`
}

type certificates struct {
	InUse   int64          `json:"in_use"`
	Ends    []ending       `json:"ends"` // the first to end first
	Broken  []certs.Broken `json:"broken"`
	ACME    int64          `json:"acme"`         // names that are obtained
	Missing int64          `json:"acme_missing"` // of these, without one
}

type ending struct {
	Name string `json:"name"`
	At   int64  `json:"at"` // s of Unix time
}

type reloads struct {
	Loaded   int64   `json:"loaded"`  // s of Unix time
	Refused  int64   `json:"refused"` // 0: never
	Outcomes []named `json:"outcomes"`
}

type named struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

// counts are what the state compares with an earlier moment.
type counts struct {
	at      time.Time
	sites   map[*hotpath.Tally]hotpath.Tallied
	limits  []uint64
	reasons []uint64
	panics  uint64
	answers totals

	fetches [hotpath.FetchError + 1]uint64

	permits, permitsUsed, permitsConfigured int64 // of connections

	memory, memoryLimit uint64 // bytes; no limit: 0
	collections         uint64
}

// period is how long counts are compared with the same ones, as in package missed:
// what is recent is of one to two of them.
const period = 5 * time.Minute

// watch makes states. It belongs to one goroutine.
type watch struct {
	cfg           *Config
	before, since counts  // of the period before, and of this one
	lastHit       []int64 // by limit, ms of Unix time; 0: never
	latest        []uint64
}

func newWatch(cfg *Config, now time.Time) *watch {
	w := &watch{cfg: cfg, lastHit: make([]int64, len(limits)), latest: make([]uint64, len(limits))}
	w.since = cfg.counts(now, cfg.Sites())
	w.before = w.since
	return w
}

// counts reads what there is now.
func (c *Config) counts(now time.Time, sites []Site) counts {
	n := counts{
		at: now, sites: make(map[*hotpath.Tally]hotpath.Tallied, len(sites)),
		limits: make([]uint64, len(limits)), reasons: make([]uint64, rfc9111.Reasons),
		panics: c.Metrics.Panics.Value(), answers: c.totals(now),
		permits: c.Metrics.Permits.Value(), permitsUsed: c.Metrics.PermitsInUse.Value(), permitsConfigured: c.Metrics.PermitsConfigured.Value(),
		memoryLimit: memoryLimit(), collections: collections(),
	}
	n.memory, _ = memory()
	for outcome := range n.fetches {
		n.fetches[outcome] = c.Metrics.OriginFetches.Value(hotpath.FetchOutcome(outcome))
	}
	for _, s := range sites {
		n.sites[s.Tally] = s.Tally.Value()
	}
	from := sources{c.Metrics, c.Cache(), c.Memory(), c.Clients()}
	for i := range limits {
		n.limits[i] = limits[i].count(&from)
	}
	for r := range n.reasons {
		n.reasons[r] = c.Metrics.Reasons.Value(hotpath.Reason(r))
	}
	return n
}

// look makes the state of a moment.
func (w *watch) look(now time.Time) *state {
	all := w.cfg.Sites()
	n := w.cfg.counts(now, all)
	if now.Sub(w.since.at) >= period {
		w.before, w.since = w.since, n
	}
	span := max(time.Second, now.Sub(w.before.at))
	s := &state{
		Span:    int64(span.Seconds()),
		Reasons: w.reasons(&n),
		Misses:  missPaths(w.cfg.Misses(maxPaths), all),
		Slowest: slowPaths(w.cfg.Slowest(maxPaths), all),
		Limits:  w.limits(&n),
	}
	w.sites(s, all, &n, span)
	s.Upstreams, s.Unshown = upstreams(all, now)
	m := w.cfg.Metrics
	s.Certificates = certificates{
		InUse: m.Certificates.Value(), Ends: endings(m.CertificateNames.Values()), Broken: readable(w.cfg.Broken()),
		ACME: m.ACMENames.Value(), Missing: m.ACMEMissing.Value(),
	}
	s.Reloads = reloads{Loaded: m.ConfigLoaded.Value(), Refused: m.ConfigRefused.Value()}
	for o := hotpath.ReloadApplied; o <= hotpath.ReloadRefused; o++ {
		s.Reloads.Outcomes = append(s.Reloads.Outcomes, named{o.String(), m.Reloads.Value(o)})
	}
	for f := hotpath.PurgeURL; f <= hotpath.PurgeAll; f++ {
		if count := m.Purges.Value(f); count > 0 {
			s.Purges = append(s.Purges, named{f.String(), count})
		}
	}
	s.Notices = notices(s, &n, &w.before, now)
	return s
}

// sites adds those with the most recent requests, the sum of the rest, and those that
// fail.
func (w *watch) sites(to *state, all []Site, n *counts, span time.Duration) {
	type one struct {
		name   string
		recent hotpath.Tallied
	}
	sorted := make([]one, len(all))
	for i, s := range all {
		sorted[i] = one{s.Name, n.sites[s.Tally].Since(w.before.sites[s.Tally])}
	}
	slices.SortStableFunc(sorted, func(a, b one) int { return cmp.Compare(b.recent.Requests(), a.recent.Requests()) })
	shown := func(name string, t hotpath.Tallied) siteState {
		return siteState{
			Name: access.Visible(name, maxSiteName), Requests: t.Requests(), Rate: figure(float64(t.Requests()) / span.Seconds()),
			Hits:         figure(float64(t.Hits) / float64(t.Hits+t.Misses)),
			ClientErrors: t.ClientErrors, ServerErrors: t.ServerErrors,
		}
	}
	var sum hotpath.Tallied
	for i, s := range sorted {
		if n := s.recent.Requests(); n >= fewOfSite && float64(s.recent.ServerErrors) > mostOfSite*float64(n) && len(to.failing) < maxNotices {
			to.failing = append(to.failing, shown(s.name, s.recent))
		}
		if i < maxSites {
			to.Sites = append(to.Sites, shown(s.name, s.recent))
			continue
		}
		sum = sum.Plus(s.recent)
		to.RestSites++
	}
	if to.RestSites > 0 {
		r := shown("", sum)
		to.Rest = &r
	}
}

// upstreams are those of all sites, those that are not well first.
func upstreams(all []Site, now time.Time) (shown []upstreamState, unshown int) {
	for _, s := range all {
		first := len(shown)
		for _, u := range s.Upstreams {
			one := upstreamState{
				Site: access.Visible(s.Name, maxSiteName), URL: access.Visible(u.URL, maxURL), State: u.State, InFlight: u.InFlight, Queued: u.Queued,
				Fetches: u.Fetches, Failures: u.Failures, Failure: access.Visible(u.LastFailure, maxMessage),
			}
			if !u.LastFailed.IsZero() {
				one.FailedAt = u.LastFailed.UnixMilli()
			}
			if !u.EjectedUntil.IsZero() {
				one.Ejected = int64(u.EjectedUntil.Sub(now).Seconds()) + 1
			}
			shown = append(shown, one)
		}
		if own := shown[first:]; !slices.ContainsFunc(own, func(u upstreamState) bool { return u.well() }) {
			for i := range own {
				own[i].Alone = true
			}
		}
	}
	slices.SortStableFunc(shown, func(a, b upstreamState) int { return illness(&a) - illness(&b) })
	unshown = max(0, len(shown)-maxUpstreams)
	return shown[:len(shown)-unshown], unshown
}

// illness orders upstreams: the worst is the lowest.
func illness(u *upstreamState) int {
	return slices.Index([]string{"unhealthy", "ejected", "starting", "up"}, u.State)
}

func (w *watch) reasons(n *counts) (all []reasonState) {
	for r := rfc9111.None + 1; r < rfc9111.Reasons; r++ {
		if r == rfc9111.Stored || r.Hit() {
			continue
		}
		if count := n.reasons[r] - w.before.reasons[r]; count > 0 {
			all = append(all, reasonState{r.String(), r.Sentence(), count})
		}
	}
	slices.SortStableFunc(all, func(a, b reasonState) int { return cmp.Compare(b.Count, a.Count) })
	return all[:min(len(all), maxReasons)]
}

func (w *watch) limits(n *counts) (all []limitState) {
	for i, count := range n.limits {
		if count > w.latest[i] {
			w.lastHit[i] = n.at.UnixMilli()
		}
		if count == 0 {
			continue
		}
		l := &limits[i]
		all = append(all, limitState{l.name(), l.short(), count, count - w.before.limits[i], w.lastHit[i], l.Means, l.Do, l.Ordinary})
	}
	w.latest = n.limits
	slices.SortStableFunc(all, func(a, b limitState) int { return cmp.Compare(b.Last, a.Last) })
	return all
}

func endings(names map[string]int64) []ending {
	all := make([]ending, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, ending{access.Visible(name, maxSiteName), names[name]})
	}
	slices.SortStableFunc(all, func(a, b ending) int { return cmp.Compare(a.At, b.At) })
	return all
}

func readable(files []certs.Broken) []certs.Broken {
	all := make([]certs.Broken, len(files))
	for i, f := range files {
		all[i] = certs.Broken{File: access.Visible(f.File, maxMessage), Problem: access.Visible(f.Problem, maxMessage)}
	}
	return all
}

func missPaths(all []missed.Path, sites []Site) []missPath {
	shown := make([]missPath, len(all))
	for i, p := range all {
		shown[i].URL = urlOf(p.Site, p.Path, sites)
		p.Site, p.Path, p.Part = access.Visible(p.Site, maxSiteName), access.Visible(p.Path, maxKeyLength), access.Visible(p.Part, maxKeyLength)
		shown[i].Path = p
	}
	return shown
}

func slowPaths(all []missed.SlowPath, sites []Site) []slowPath {
	shown := make([]slowPath, len(all))
	for i, p := range all {
		shown[i].URL = urlOf(p.Site, p.Path, sites)
		p.Site, p.Path = access.Visible(p.Site, maxSiteName), access.Visible(p.Path, maxKeyLength)
		shown[i].SlowPath = p
	}
	return shown
}

// urlOf is the URL of a path of a site: one that has a host is a part of a URL, others
// are those of files, in any bytes. "": it cannot be shown as it is, or the site is gone.
func urlOf(name, path string, sites []Site) string {
	if access.Visible(path, maxKeyLength) != path {
		return ""
	}
	if !strings.HasPrefix(path, "/") {
		return "https://" + path
	}
	i := slices.IndexFunc(sites, func(s Site) bool { return s.Name == name })
	if i < 0 {
		return ""
	}
	return sites[i].Base + (&url.URL{Path: path}).EscapedPath()
}
