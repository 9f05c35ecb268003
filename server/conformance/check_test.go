package conformance

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

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
