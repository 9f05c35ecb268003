package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
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
		name     string
		failures *[]string
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
				results = append(results, result{c.section + "/" + name, &p.failures})
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
		t.Run(r.name, func(t *testing.T) {
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
