package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// concurrent is how many cases are played at once: most of those that wait.
const concurrent = 48

// groups are all cases, in the order of the table.
var groups = []struct {
	name  string
	cases []testCase
}{
	{"Freshness: Cache-Control", freshness},
	{"Freshness: Expires", expires},
	{"Freshness: Age", age},
	{"Cache-Control parsing", parsing},
	{"Response directives", responseDirectives},
	{"Request directives, Pragma", requestDirectives},
	{"Heuristic freshness, status codes", statuses},
	{"CDN-Cache-Control", targeted},
	{"Authorization", authorization},
	{"Vary", vary},
	{"Conditional requests", conditions},
	{"Validation", validation},
	{"Update by 304", updates},
	{"HEAD", heads},
	{"Invalidation", invalidation},
	{"Ranges", ranges},
	{"Stale responses", stale},
	{"Stored fields", storedFields},
	{"Methods, interim responses, trailers", methods},
	{"Incomplete responses", incomplete},
	{"Keys and cookies", keys},
}

var protocols = []string{"h2", "http/1.1"}

// TestCases plays all cases over both protocols.
func TestCases(t *testing.T) {
	s := start(t)
	type client struct{ site, protocol string }
	clients := make(map[client]*http.Client)
	for _, site := range sites {
		for _, protocol := range protocols {
			clients[client{site.name, protocol}] = s.client(t, site.name, protocol)
		}
	}
	type result struct {
		group, name string
		failures    *[]string
	}
	var results []result
	var playing sync.WaitGroup
	turns := make(chan struct{}, concurrent)
	for _, g := range groups {
		for _, c := range g.cases {
			for _, protocol := range protocols {
				if c.site == "" {
					c.site = "plain"
				}
				name := c.name + "-" + strings.TrimPrefix(protocol, "http/")
				p := &player{testCase: c, script: s.add(name), id: name, client: clients[client{c.site, protocol}]}
				results = append(results, result{g.name, name, &p.failures})
				playing.Go(func() {
					turns <- struct{}{}
					defer func() { <-turns }()
					p.play()
				})
			}
		}
	}
	playing.Wait()
	for _, r := range results {
		t.Run(r.group+"/"+r.name, func(t *testing.T) {
			for _, failure := range *r.failures {
				t.Error(failure)
			}
		})
	}
}

// player plays one case.
type player struct {
	testCase
	id       string
	script   *script
	client   *http.Client
	got      []*response // by step
	failures []string
}

// response is what a client got.
type response struct {
	status   int
	header   http.Header
	content  string
	trailer  http.Header
	interim  []int
	early    http.Header // of the last interim response
	err      error       // of the content
	from     int         // the step whose answer it is, from 0
	complete string      // what the whole content of that answer is
}

func (p *player) play() {
	for i := range p.steps {
		s := &p.steps[i]
		time.Sleep(s.after)
		before := p.script.count()
		answer := s.answer
		if answer == "" {
			answer = "200"
		}
		p.script.set(answer, p.content(i))
		r, err := p.send(s.ask)
		if err != nil {
			p.fail(i, "%v", err)
			return
		}
		p.got = append(p.got, r)
		p.check(i, r, before)
		if len(p.failures) > 0 {
			return // what follows rests on it
		}
	}
}

func (p *player) fail(i int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if i < len(p.got) {
		text += fmt.Sprintf("\n  Cache-Status: %s", strings.Join(p.got[i].header.Values("Cache-Status"), ", "))
	}
	p.failures = append(p.failures, fmt.Sprintf("%s (%s)\n  request %d: %s", p.says, p.kind, i+1, text))
}

// content is what the origin answers to step i, unless the answer says.
func (p *player) content(i int) string {
	for _, m := range members(last(p.steps[i].answer)) {
		if strings.HasPrefix(m, "=") {
			return m[1:]
		}
	}
	return fmt.Sprintf("%s %d", p.id, i+1)
}

// last is the final head of an answer.
func last(answer string) string {
	heads := strings.Split(answer, " ;; ")
	return heads[len(heads)-1]
}

func (p *player) send(ask string) (*response, error) {
	if ask == "" {
		ask = "GET /"
	}
	m := members(ask)
	method, path, _ := strings.Cut(m[0], " ")
	var content io.Reader
	header := make(http.Header)
	for _, member := range m[1:] {
		if strings.HasPrefix(member, "=") {
			content = strings.NewReader(member[1:])
			continue
		}
		name, value, ok := cutField(member)
		if !ok {
			return nil, fmt.Errorf("%q is no field", member)
		}
		header.Add(name, strings.ReplaceAll(withDates(value, time.Now()), "{}", p.script.path))
	}
	r := new(response)
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, fields textproto.MIMEHeader) error {
			r.interim, r.early = append(r.interim, code), http.Header(fields)
			return nil
		},
	})
	q, err := http.NewRequestWithContext(ctx, method, urlOf(p.site, p.script.path+path), content)
	if err != nil {
		return nil, err
	}
	q.Header = header
	if header.Get("User-Agent") == "" {
		header["User-Agent"] = nil
	}
	res, err := p.client.Do(q)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	r.status, r.header, r.content, r.trailer, r.err = res.StatusCode, res.Header, string(all), res.Trailer, err
	return r, nil
}

// verdict is what the first word of a want demands of a response.
type verdict struct {
	asked     bool // the origin is asked, during the request
	condition bool // with a condition
	stored    bool // the content is a stored one
}

var verdicts = map[string]verdict{
	"asked":     {asked: true},
	"validated": {asked: true, condition: true},
	"hit":       {stored: true},
	"renewed":   {stored: true},
	"stale":     {asked: true, stored: true},
	"failed":    {asked: true},
	"unasked":   {},
	"broken":    {asked: true},
}

func (p *player) check(i int, r *response, before int) {
	m := members(p.steps[i].want)
	v, ok := verdicts[m[0]]
	if !ok {
		p.fail(i, "no such verdict: %q", m[0])
		return
	}
	if m[0] == "renewed" {
		p.awaitRenewal(i, before)
	}
	asked := p.script.since(before)
	p.settle(i, r, m, v, asked)
	switch {
	case v.asked && len(asked) == 0:
		p.fail(i, "the origin was not asked, want %s", m[0])
	case !v.asked && m[0] != "renewed" && len(asked) > 0:
		p.fail(i, "the origin was asked, want %s", m[0])
	case m[0] == "asked" && len(asked) > 1, v.condition && len(asked) > 1:
		p.fail(i, "the origin was asked %d times", len(asked))
	case v.condition && !asked[0].conditional():
		p.fail(i, "the origin was asked without a condition")
	}
	if broken := r.err != nil; broken != (m[0] == "broken") {
		p.fail(i, "reading the content: %v, want %s", r.err, m[0])
	}
	status := p.wantedStatus(i, r, m, v)
	if status != 0 && r.status != status {
		p.fail(i, "status %d, want %d", r.status, status)
	}
	for _, member := range m[1:] {
		p.checkMember(i, r, member, asked)
	}
	p.checkCacheStatus(i, r, m[0])
	p.checkContent(i, r, m, v)
}

// awaitRenewal waits until the origin was asked behind the client's back, and its
// answer has had time to be stored.
func (p *player) awaitRenewal(i, before int) {
	for end := time.Now().Add(patience); p.script.count() == before; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			p.fail(i, "the origin is not asked behind the client's back")
			return
		}
	}
	time.Sleep(200 * time.Millisecond)
}

// settle notes which step's answer a response is.
func (p *player) settle(i int, r *response, m []string, v verdict, asked []*recorded) {
	r.from = i
	confirmed := strings.HasPrefix(last(p.steps[i].answer), "304") && len(asked) > 0
	if v.stored || confirmed {
		for j := i - 1; j >= 0; j-- { // the latest that was the origin's own
			if p.got[j].from == j && p.got[j].status != http.StatusNotModified {
				r.from = j
				break
			}
		}
	}
	for _, member := range m[1:] {
		if n, ok := strings.CutPrefix(member, "of "); ok {
			r.from, _ = strconv.Atoi(n)
			r.from--
		}
	}
	r.complete = p.content(r.from)
}

// wantedStatus is the status that a response must have, 0 if any will do.
func (p *player) wantedStatus(i int, r *response, m []string, v verdict) int {
	for _, member := range m[1:] {
		if n, ok := strings.CutPrefix(member, "status "); ok {
			status, _ := strconv.Atoi(n)
			return status
		}
	}
	if m[0] == "failed" {
		return http.StatusBadGateway
	}
	if m[0] == "unasked" {
		return 0
	}
	answer := last(p.steps[r.from].answer)
	if answer == "" {
		return http.StatusOK
	}
	status, _ := strconv.Atoi(members(answer)[0])
	return status
}

func (p *player) checkMember(i int, r *response, member string, asked []*recorded) {
	switch {
	case strings.HasPrefix(member, "status "), strings.HasPrefix(member, "of "), strings.HasPrefix(member, "="):
	case strings.HasPrefix(member, "sent "):
		if len(asked) == 0 {
			p.fail(i, "nothing was sent, want %s", member)
			return
		}
		p.checkSent(i, member[len("sent "):], asked[0])
	case strings.HasPrefix(member, "interim "):
		if want := member[len("interim "):]; !strings.Contains(" "+fmt.Sprint(r.interim)[1:], want) {
			p.fail(i, "interim responses %v, want %s", r.interim, want)
		}
	case strings.HasPrefix(member, "!"):
		if lines := r.header.Values(member[1:]); lines != nil {
			p.fail(i, "the response has %s: %q", member[1:], lines)
		}
	case strings.HasPrefix(member, "+"):
		name, value, _ := cutField(member[1:])
		if got := r.trailer.Get(name); got != value {
			p.fail(i, "trailer %s is %q, want %q", name, got, value)
		}
	default:
		name, want, ok := cutField(member)
		if !ok {
			p.fail(i, "%q is no field", member)
			return
		}
		if name, ok := strings.CutPrefix(name, "early "); ok {
			p.compare(i, name, strings.Join(r.early.Values(name), ", "), want)
			return
		}
		p.compare(i, name, strings.Join(r.header.Values(name), ", "), want)
	}
}

func (p *player) compare(i int, name, got, want string) {
	want = strings.ReplaceAll(want, "{}", p.script.path)
	switch {
	case strings.HasPrefix(want, ">="):
		least, _ := strconv.Atoi(want[2:])
		if n, err := strconv.Atoi(got); err != nil || n < least {
			p.fail(i, "%s is %q, want at least %d", name, got, least)
		}
		return
	case strings.HasPrefix(want, "="):
		n, _ := strconv.Atoi(want[1:])
		want = strings.Join(p.got[n-1].header.Values(name), ", ")
	}
	if got != want {
		p.fail(i, "%s is %q, want %q", name, got, want)
	}
}

func (p *player) checkSent(i int, want string, q *recorded) {
	if name, ok := strings.CutPrefix(want, "!"); ok {
		if value, ok := q.get(name); ok {
			p.fail(i, "the origin got %s: %q", name, value)
		}
		return
	}
	name, value, ok := cutField(want)
	if !ok {
		if q.method != want {
			p.fail(i, "the origin got %s, want %s", q.method, want)
		}
		return
	}
	got, _ := q.get(name)
	if got != strings.ReplaceAll(value, "{}", p.script.path) {
		p.fail(i, "the origin got %s: %q, want %q", name, got, value)
	}
}

// checkCacheStatus compares what the server says it did with what it did (RFC
// 9211).
func (p *player) checkCacheStatus(i int, r *response, verdict string) {
	said := r.header.Get("Cache-Status")
	hit := strings.HasPrefix(said, "hotpath; hit")
	switch verdict {
	case "hit", "renewed":
		if !hit {
			p.fail(i, "Cache-Status says no hit")
		}
	case "asked", "validated", "failed":
		if hit || !strings.Contains(said, "; fwd=") {
			p.fail(i, "Cache-Status does not say that the origin was asked")
		}
	}
}

func (p *player) checkContent(i int, r *response, m []string, v verdict) {
	want := r.complete
	head := strings.HasPrefix(p.steps[i].ask, "HEAD ")
	for _, member := range m[1:] {
		if strings.HasPrefix(member, "=") {
			want = member[1:]
		}
	}
	switch {
	case m[0] == "failed", m[0] == "unasked":
		for j := range p.steps[:i+1] {
			if r.content == p.content(j) {
				p.fail(i, "the content is that of answer %d, want an error of the server's own", j+1)
			}
		}
		return
	case m[0] == "broken", want == "*":
		return
	case head, r.status == http.StatusNoContent, r.status == http.StatusNotModified:
		want = ""
	}
	if r.content != want && !errors.Is(r.err, io.ErrUnexpectedEOF) {
		p.fail(i, "content %q, want %q", r.content, want)
	}
}
