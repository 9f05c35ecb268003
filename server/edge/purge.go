package edge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/head"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/purge"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// Purge says what is to be purged: everything that any of its forms names.
type Purge struct {
	URLs     []string // each with all of its variants
	Prefixes []string // of URLs, without a query
	Hosts    []string
	Tags     []string
	All      bool

	Site  string // its name: nothing of another is purged; "": of all
	Soft  bool   // stale, not gone
	Count bool   // look at all that is stored to say what was purged
}

// MaxTargets is how many URLs, prefixes, hosts and tags one purge names.
const MaxTargets = 10_000

// Purged is what was purged.
type Purged struct {
	Targets []string `json:"purged"` // a line for each
	Soft    bool     `json:"soft"`

	// Matched is how many responses were stored of that; nil: they were not
	// counted, since that takes a look at all that is stored. Those count that were
	// purged before and not asked for since.
	Matched *store.Matched `json:"matched,omitempty"`
}

// Purge purges all of what p names, or nothing: then the error has a line for each
// reason. When it returns, no request that comes is answered with what was stored,
// and no fetch that is under way stores an answer to what was purged; with a soft
// purge, what was stored is stale.
func (e *Edge) Purge(p Purge) (Purged, error) {
	job, err := e.plan(&p)
	if err != nil {
		return Purged{}, err
	}
	done := Purged{Targets: job.targets, Soft: p.Soft}
	var m store.Matched
	for _, key := range job.keys {
		e.changes.note(key) // before what is stored goes, so that no other is stored in between
		m.Add(e.store.PurgeKey(key, p.Soft, time.Now()))
	}
	rules := slices.Concat(job.late, job.rules)
	number := uint64(0)
	if len(rules) > 0 {
		number = e.store.Purge(p.Soft, rules...)
	}
	switch {
	case p.Count && p.Soft: // what the keys had is still there
		m = e.store.Count(number, rules...)
		done.Matched = &m
	case p.Count:
		m.Add(e.store.Count(number, rules...))
		done.Matched = &m
	case len(job.rules) == 0 && !job.elsewhere:
		done.Matched = &m
	}
	for form, n := range job.forms {
		e.metrics.Purges.Add(e.stripe, form, n)
	}
	return done, nil
}

// purgeJob is what a purge comes to.
type purgeJob struct {
	sites   *site.Table
	only    *site.Site // nil: all sites
	keys    []string   // of URLs: what is stored under them goes at once
	known   map[string]bool
	late    []purge.Rule // and what was asked for by them, and is stored otherwise, or later
	rules   []purge.Rule
	targets []string
	forms   map[metrics.PurgeForm]uint64

	// elsewhere is that more may be stored of the URLs than is under the keys: for
	// other fields and cookies, answers to QUERYs, or by what the origin said before of
	// queries.
	elsewhere bool
}

func (j *purgeJob) add(form metrics.PurgeForm, text string) {
	j.forms[form]++
	if j.only != nil {
		text += " of site " + j.only.Name
	}
	j.targets = append(j.targets, text)
}

// plan finds out what p comes to, without changing anything.
func (e *Edge) plan(p *Purge) (*purgeJob, error) {
	j := &purgeJob{sites: e.sites.Load(), forms: make(map[metrics.PurgeForm]uint64), known: make(map[string]bool), elsewhere: e.queried.Load() && len(p.URLs) > 0}
	n := len(p.URLs) + len(p.Prefixes) + len(p.Hosts) + len(p.Tags)
	switch {
	case n == 0 && !p.All:
		return nil, errors.New("nothing is named: allowed are url, prefix, host and tag, each any number of times, or all")
	case n > 0 && p.All:
		return nil, errors.New("all is named beside others: allowed is all alone")
	case n > MaxTargets:
		return nil, fmt.Errorf("%d targets are named: allowed are up to %d", n, MaxTargets)
	}
	if p.Site != "" {
		if j.only = j.sites.Named(p.Site); j.only == nil {
			return nil, fmt.Errorf("site %q: there is none of this name; allowed is one of %s", p.Site, siteNames(j.sites))
		}
	}
	var failures []error
	check := func(what, value string, err error) {
		if err != nil {
			failures = append(failures, fmt.Errorf("%s %q: %w", what, value, err))
		}
	}
	for _, u := range p.URLs {
		check("url", u, j.url(e.store.Purges(), u))
	}
	for _, u := range p.Prefixes {
		check("prefix", u, j.prefix(u))
	}
	for _, h := range p.Hosts {
		check("host", h, j.host(h))
	}
	for _, t := range p.Tags {
		check("tag", t, j.tag(e.store.Purges(), t))
	}
	if p.All {
		j.all()
	}
	return j, errors.Join(failures...)
}

// siteNames are those of the first sites of a table, for an error.
func siteNames(t *site.Table) string {
	var all []string
	for i, s := range t.Sites() {
		if i == 10 {
			all = append(all, fmt.Sprintf("%d more", len(t.Sites())-i))
			break
		}
		all = append(all, fmt.Sprintf("%q", s.Name))
	}
	return strings.Join(all, ", ")
}

func (j *purgeJob) url(rules *purge.Rules, text string) error {
	r, err := requestFor(http.MethodGet, text, nil)
	if err != nil {
		return err
	}
	s, ok := j.sites.Route(r)
	switch {
	case !ok:
		return errAmbiguous
	case s == nil:
		return noSite(r.Authority)
	case j.only != nil && s != j.only:
		return fmt.Errorf("it is one of site %q", s.Name)
	}
	keys := keysOf(s, r)
	if keys == nil {
		return errors.New("its path is malformed")
	}
	for _, key := range keys {
		if !j.known[key] { // else it would count twice
			j.keys, j.known[key] = append(j.keys, key), true
		}
	}
	j.elsewhere = j.elsewhere || s.Named() || s.Says()
	if plain, ok := s.AppendKeyBy(nil, r, nil); ok {
		j.late = append(j.late, purge.Tagged(rules.URL(string(plain))))
	}
	if s.Says() { // by what it said before, it may be stored with others of its path
		j.late = append(j.late, purge.Prefix(string(s.AppendSaidPrefix(nil, r))))
	}
	j.add(metrics.PurgeURL, "url "+text)
	return nil
}

func (j *purgeJob) prefix(text string) error {
	r, err := requestFor(http.MethodGet, text, nil)
	if err != nil {
		return err
	}
	if strings.ContainsRune(r.Path, '?') {
		return errors.New("it has a query: allowed is a scheme, a host and the beginning of a path")
	}
	if err := j.below(r.Authority, r.Path); err != nil {
		return err
	}
	j.add(metrics.PurgePrefix, "prefix "+text)
	return nil
}

func (j *purgeJob) host(host string) error {
	if host == "" || strings.ContainsAny(host, "/?#@ \t*") {
		return errors.New("allowed is a host name, with a port if it is not 443")
	}
	if err := j.below(host, "/"); err != nil {
		return err
	}
	j.add(metrics.PurgeHost, "host "+host)
	return nil
}

// below adds the rules for the paths of a host that begin with prefix.
func (j *purgeJob) below(host, prefix string) error {
	sites := j.sites.Of(host)
	if len(sites) == 0 {
		return noSite(host)
	}
	if j.only != nil {
		if !slices.Contains(sites, j.only) {
			return fmt.Errorf("it is of site %q", sites[0].Name)
		}
		sites = []*site.Site{j.only}
	}
	for _, s := range sites {
		key, ok := s.AppendPrefix(nil, host, prefix)
		if !ok {
			return errors.New("its path is malformed")
		}
		if len(key) > 0 {
			j.rules = append(j.rules, purge.Prefix(string(key)))
		}
	}
	return nil
}

func (j *purgeJob) tag(rules *purge.Rules, tag string) error {
	if tag == "" || strings.ContainsAny(tag, " \t\r\n,") {
		return errors.New("a tag has no spaces and commas, and is not empty")
	}
	number := uint32(0)
	if j.only != nil {
		number = j.only.Number()
	}
	j.rules = append(j.rules, rules.TagRules(tag, number)...)
	j.add(metrics.PurgeTag, "tag "+tag)
	return nil
}

func (j *purgeJob) all() {
	prefix := ""
	if j.only != nil {
		prefix = string(binary.BigEndian.AppendUint32(nil, j.only.Number()))
	}
	j.rules = append(j.rules, purge.Prefix(prefix))
	j.add(metrics.PurgeAll, "all")
}

var errAmbiguous = errors.New("servers read its path in several ways: such a request is refused")

func noSite(host string) error { return fmt.Errorf("no site has the host %s", host) }

// maxURL is the longest URL that is explained or purged, in bytes: no client's request
// has a longer one by default.
const maxURL = 64 << 10

// requestFor is a request for a URL as a client writes it: its path and query stay as
// they are, byte for byte, but for a fragment, which no client sends. It is checked as
// all requests over HTTP/2 are; fields of a connection, which those over HTTP/1.1 may
// have, are left out.
func requestFor(method, text string, fields []hpack.Field) (*message.Request, error) {
	if len(text) > maxURL {
		return nil, fmt.Errorf("%d bytes: allowed are up to %d", len(text), maxURL)
	}
	rest, ok := strings.CutPrefix(text, "https://")
	if !ok {
		return nil, errors.New("allowed is an absolute URL, such as https://example.com/page")
	}
	rest, _, _ = strings.Cut(rest, "#")
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c >= 0x7f {
			return nil, fmt.Errorf("byte %#x is not allowed in a URL: it is written as %%%02X", c, c)
		}
	}
	authority, target := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, target = rest[:i], rest[i:]
	}
	if authority == "" || strings.ContainsRune(authority, '@') {
		return nil, errors.New("allowed is an absolute URL with a host and no user, such as https://example.com/page")
	}
	if target == "" || target[0] == '?' {
		target = "/" + target
	}
	all := []hpack.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: authority}, {Name: ":path", Value: target}}
	for _, f := range fields {
		switch f.Name {
		case "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade":
		default:
			all = append(all, f)
		}
	}
	var r head.Request
	if why := r.Parse(all); why != "" {
		return nil, fmt.Errorf("no server takes such a request: %s", why)
	}
	return &r.Request, nil
}
