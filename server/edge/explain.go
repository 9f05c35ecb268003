package edge

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/purge"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// Question is a request to explain: an absolute URL and the fields that it would have.
type Question struct {
	Method string // "": GET
	URL    string
	Fields []hpack.Field

	// Content is that of a QUERY, which says what it asks for.
	Content string

	// Client is the address from which it would come. If that is one of the site's
	// trusted proxies, the fields say who the client is, as of any request. Not
	// valid: it is not known.
	Client netip.Addr
}

// Explanation is what would become of a request now, and why. Nothing happens: it does
// not count as a use of what is stored, and no origin is asked.
type Explanation struct {
	URL  string `json:"url"`
	Site string `json:"site"`

	// Outcome is a line for a person, and Reason why: the name of the decision as
	// Cache-Status and metrics have it; "" if the site answers by a rule of its own.
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Because string `json:"because"`

	// Assumed are sentences about what the question does not say, if the site's
	// rules might answer the request by it.
	Assumed []string `json:"assumed,omitempty"`

	// CacheStatus is how the Cache-Status of the answer begins.
	CacheStatus string `json:"cache_status,omitempty"`

	// Key is what the resource is known by in the cache, for people: without the
	// number of the site. Keyed is what of the request is in it besides: fields and
	// cookies that the site names, and the content of a QUERY.
	Key       string   `json:"key,omitempty"`
	Keyed     []string `json:"keyed,omitempty"`
	Vary      string   `json:"vary,omitempty"`
	Selecting []string `json:"selecting,omitempty"` // the request's fields that Vary names
	Variants  []Held   `json:"stored"`              // what is stored of the resource

	// Purged is when the resource, or a tag of what is stored of it, was last purged,
	// or an unsafe request changed it, as far as that is remembered.
	Purged string `json:"purged,omitempty"`

	// NotStored is why the last response was not stored, which is remembered for
	// some seconds.
	NotStored string `json:"not_stored,omitempty"`

	// LastMiss is the latest request of the path, whatever its query, that what is
	// stored did not answer. Nil: there was none for some minutes, or it is not
	// among the paths that are remembered.
	LastMiss *LastMiss `json:"last_miss,omitempty"`

	// Fetching is for how long a fetch is under way that such requests would join,
	// in seconds; 0: there is none.
	Fetching float64 `json:"fetching_s,omitempty"`
}

// LastMiss is why a request was no hit.
type LastMiss struct {
	Ago     int64  `json:"ago_s"`
	Query   string `json:"query,omitempty"` // what of it makes keys, with its "?"
	Reason  string `json:"reason"`
	Because string `json:"because"`
}

// Held is a stored response. Times are in seconds.
type Held struct {
	Selected bool  `json:"selected"` // by the request's fields
	Status   int   `json:"status"`
	Bytes    int64 `json:"bytes"` // of memory: content, fields, both encodings of the head
	Hits     int64 `json:"hits"`  // since it was stored, up to [cache.MostHits]

	// Codings are the codings in which it is held, too, each with its bytes of memory.
	Codings []HeldCoding `json:"codings,omitempty"`

	File bool `json:"file"` // fresh until it is compared with the disk: the times but Lifetime are 0

	Age        int64  `json:"age_s"`
	Lifetime   int64  `json:"lifetime_s"`
	From       string `json:"lifetime_from"` // the directive, field or setting that says so
	Fresh      int64  `json:"fresh_s"`       // for how long it still is; negative: it is not
	Revalidate int64  `json:"stale_while_revalidate_s"`
	OnError    int64  `json:"stale_if_error_s"`

	Fields []string `json:"fields"` // that decide
	Tags   []string `json:"tags,omitempty"`
}

// HeldCoding is a stored response in a content coding.
type HeldCoding struct {
	Coding string `json:"coding"`
	Bytes  int64  `json:"bytes"`
}

// What an explanation has at most of what an origin chooses.
const (
	maxExplainedTags  = 64
	maxExplainedValue = 1024
)

// Explain says what would become of a request. The error says what is wrong with the
// question.
func (e *Edge) Explain(q Question) (Explanation, error) {
	switch {
	case q.Method == http.MethodConnect:
		return Explanation{}, errors.New("method CONNECT: it is for no URL, and answered with 405; an Upgrade is passed on, and not explained")
	case q.Content != "" && q.Method != methodQuery:
		return Explanation{}, errors.New("content: allowed is that of a QUERY; a request of another method with content is passed on")
	}
	r, err := requestFor(cmp.Or(q.Method, http.MethodGet), q.URL, q.Fields)
	if err != nil {
		return Explanation{}, fmt.Errorf("a request for url %q: %w", abridged(q.URL), err)
	}
	x := Explanation{URL: q.URL, Variants: []Held{}}
	sites := e.sites.Load()
	r.Client, r.Trusted = sites.Client(q.Client, r)
	s, ok := sites.Route(r)
	switch {
	case !ok:
		x.refused("400", "Servers read its path in several ways.")
		return x, nil
	case s == nil:
		x.refused("421, or 404 over HTTP/1.1", "No site has this host.")
		return x, nil
	}
	x.Site = s.Name
	foretold := s.Guard.Foretell(r)
	if x.Assumed = foretold.Assumed; s.Clients != nil {
		x.Assumed = append(x.Assumed, "The client is let in without a certificate: one with it gets what is stored only if that is for all who are authorized.")
	}
	if q.Method == methodQuery && q.Content == "" && !s.Files {
		x.Assumed = append(x.Assumed, "No content was given: this is the answer to a QUERY without content.")
	}
	if foretold.Answer != nil {
		x.refused(fmt.Sprint(foretold.Answer.Status), foretold.Why)
		e.explainBehind(&x, s, r, q.Content)
		return x, nil
	}
	if own := ownAnswerTo(s, r, ""); own != nil {
		x.refused(fmt.Sprint(own.response.Status), own.why)
		return x, nil
	}
	key, ok := explainedKey(s, r, q.Content)
	if !ok {
		x.refused("400", "Its path is malformed.")
		return x, nil
	}
	if len(q.Content) > maxQuery {
		x.Outcome, x.Reason, x.Because = outcomes[passed], rfc9111.RequestContent.String(), rfc9111.RequestContent.Sentence()
		return x, nil
	}
	e.explainKey(&x, s, key, r)
	return x, nil
}

// explainedKey is the key of a request, false if it has none.
func explainedKey(s *site.Site, r *message.Request, content string) (key string, ok bool) {
	if r.Method == methodQuery && !s.Files {
		return queryKey(s, r, []byte(content))
	}
	plain, ok := s.AppendKey(nil, r)
	return string(plain), ok
}

// askExplained is what a request asks of the cache. The content of a QUERY is in its key.
func askExplained(r *message.Request, s *site.Site) rfc9111.Asked {
	asked := ask(r.Method, r, s)
	asked.Content = asked.Content && r.Method != methodQuery
	return asked
}

// explainBehind adds what is stored of a resource in whose place the site's rules
// answer: for others it may be served.
func (e *Edge) explainBehind(x *Explanation, s *site.Site, r *message.Request, content string) {
	key, ok := explainedKey(s, r, content)
	if !ok {
		return
	}
	now := time.Now()
	asked := askExplained(r, s)
	x.keyed(s, key, r)
	r.Fields = forOrigin(r.Fields, s)
	e.explainStored(x, s, key, e.consider(s, key, r, &asked, now).own, r, now)
}

// keyed says what the key of a request is made of.
func (x *Explanation) keyed(s *site.Site, key string, r *message.Request) {
	x.Key = s.KeyText(key)
	for _, v := range s.NamedValues(r.Fields) {
		x.Keyed = append(x.Keyed, abridged(v.String()))
	}
	if r.Method == methodQuery && !s.Files {
		x.Keyed = append(x.Keyed, "the content, and the fields that say what it means")
	}
}

// refused is that the request gets an answer of our own.
func (x *Explanation) refused(status, because string) {
	x.Outcome, x.Because = "answered with "+status+", by hotpath itself", because
}

// explainKey is for a request that the cache is asked about.
func (e *Edge) explainKey(x *Explanation, s *site.Site, key string, r *message.Request) {
	now := time.Now()
	asked := askExplained(r, s)
	x.keyed(s, key, r)
	r.Fields = forOrigin(r.Fields, s)
	u := e.consider(s, key, r, &asked, now)
	x.Reason, x.Because = u.reason.String(), u.reason.Sentence()
	x.CacheStatus = string(rfc9111.AppendCacheStatus(nil, &rfc9111.CacheStatus{Cache: cacheName, Served: u.reason}))
	x.Outcome = outcomes[u.courseOf(s, &asked)]
	if u.verdict == rfc9111.ServeAndRevalidate {
		x.Outcome += ", and is revalidated in the background"
	}
	e.explainStored(x, s, key, u.own, r, now)
	e.mu.Lock()
	defer e.mu.Unlock()
	if fl := e.flights[u.own]; fl != nil && !e.outdated(key, fl) {
		x.Fetching = now.Sub(fl.began).Seconds()
	}
}

// outcomes are the courses for a person.
var outcomes = [...]string{
	served:     "a hit: what is stored answers",
	cachedOnly: "answered with 504: the request takes nothing but what is stored",
	passed:     "passed on to the origin, and its answer not stored",
	alone:      "fetched from the origin, for this request alone",
	shared:     "fetched from the origin; requests for the same wait for one fetch",
}

// explainStored adds what is stored of the resource.
func (e *Edge) explainStored(x *Explanation, s *site.Site, key, own string, r *message.Request, now time.Time) {
	vary, all := e.store.Variants(key, now)
	if vary != "" {
		x.Vary = strings.ReplaceAll(string(vary), ",", ", ")
		for _, f := range r.Fields {
			if vary.Has(f.Name) {
				x.Selecting = append(x.Selecting, line(f))
			}
		}
	}
	entry, _, _, _ := e.store.Peek([]byte(key), r.Fields, now)
	switch {
	case entry == nil:
	case entry.Response == nil:
		x.NotStored = entry.Uncacheable.Sentence()
	case vary == "":
		all = []store.Variant{{Entry: entry, Own: key}}
	}
	for _, v := range all {
		h := held(s, v, v.Own == own, now)
		h.Hits = int64(e.store.Hits(v.Own))
		x.Variants = append(x.Variants, h)
	}
	x.LastMiss = e.lastMiss(s, key, now)
	if at, ok := e.lastPurged(s, key, r, now); ok {
		x.Purged = at.UTC().Format(time.RFC3339)
	}
}

// lastPurged is when the resource under key, its URL or a tag of what is held of it was
// last purged, or an unsafe request changed it, as far as that is remembered.
func (e *Edge) lastPurged(s *site.Site, key string, r *message.Request, now time.Time) (last time.Time, known bool) {
	last, known = e.changes.last(key)
	tags := e.store.Tags(key, now)
	plain := &message.Request{Authority: r.Authority, Path: r.Path} // whatever fields are in the key
	if url, ok := s.AppendKeyBy(nil, plain, nil); ok {
		tags = append(tags, e.store.Purges().URL(string(url)))
	}
	if _, at, ok := e.store.Purges().Touched(key, tags); ok && (!known || at.After(last)) {
		last, known = at, true
	}
	return last, known
}

// held describes a stored response.
func held(s *site.Site, v store.Variant, selected bool, now time.Time) Held {
	r, p := v.Response, v.Policy()
	h := Held{Selected: selected, Status: r.Status, Bytes: r.Size(), Fields: []string{}}
	if v.Answer != nil {
		h.File, h.Lifetime = true, int64(v.Answer.Fresh.Seconds())
	} else {
		h.Age, h.Lifetime, h.Fresh = p.Age(now), int64(p.Lifetime), p.Left(now)
		h.Revalidate, h.OnError = int64(p.Revalidate), int64(p.OnError)
		h.From = rfc9111.LifetimeFrom(r.Status, r.AsSent(), time.Unix(p.Born, 0), s.Rules)
	}
	for _, f := range r.AsSent() {
		if decides[f.Name] {
			h.Fields = append(h.Fields, line(f))
		}
	}
	for c := range encode.Coding(encode.Codings) {
		if v.Coded != nil && v.Coded.Set().There.Has(c) {
			h.Codings = append(h.Codings, HeldCoding{c.String(), v.Coded.Set().Of(c, r).Size()})
		}
	}
	h.Tags = purge.Names(r.AsSent(), maxExplainedTags)
	for i, tag := range h.Tags {
		h.Tags[i] = abridged(tag)
	}
	return h
}

// decides are the fields of a response that say whether, for whom and for how long it
// is stored.
var decides = map[string]bool{
	"cache-control": true, "cdn-cache-control": true, "expires": true, "date": true, "vary": true,
	"etag": true, "last-modified": true, "content-encoding": true, "no-vary-search": true, "set-cookie": true,
}

// line is a field as a person reads it.
func line(f hpack.Field) string { return f.Name + ": " + abridged(f.Value) }

// abridged is as much of a text as an explanation has.
func abridged(text string) string {
	if len(text) > maxExplainedValue {
		return text[:maxExplainedValue] + "…"
	}
	return text
}

// ErrField is a field of a question that is none.
var ErrField = errors.New(`allowed is a field such as "accept-language: de"`)

// ErrClient is a client of a question that is none.
var ErrClient = errors.New("allowed is an IP address, such as 203.0.113.7")

// QuestionClient reads the client of a question: "" if it is not known.
func QuestionClient(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("client %q: %w", text, ErrClient)
	}
	return a.Unmap().WithZone(""), nil
}

// QuestionField reads a field of a question, as a request would have it.
func QuestionField(text string) (hpack.Field, error) {
	name, value, ok := strings.Cut(text, ":")
	name, value = strings.ToLower(strings.TrimSpace(name)), strings.Trim(value, " \t")
	if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
		return hpack.Field{}, fmt.Errorf("field %q: %w", text, ErrField)
	}
	return hpack.Field{Name: name, Value: value}, nil
}
