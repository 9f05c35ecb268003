package rfc9111

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// start is when the tests' clocks begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

// lines makes fields of "name: value" separated by "|". "@n" as a value is the
// date n seconds after start.
func lines(text string) (fields []hpack.Field) {
	for line := range strings.SplitSeq(text, "|") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			panic("no colon in " + line)
		}
		value = strings.TrimSpace(value)
		if offset, ok := strings.CutPrefix(value, "@"); ok {
			n, err := strconv.Atoi(offset)
			if err != nil {
				panic(err)
			}
			value = at(n).Format(http.TimeFormat)
		}
		fields = append(fields, hpack.Field{Name: strings.ToLower(strings.TrimSpace(name)), Value: value})
	}
	return fields
}

// model is a cache as a caller of this package builds one, small enough to be
// read: the decisions are the package's.
type model struct {
	rules   *Rules
	vary    map[string]Vary // by target
	entries map[string]*entry
}

type entry struct {
	policy   Policy
	status   int
	fields   []hpack.Field
	received int64
}

// step is a request, what the origin answers if it is asked, and what comes of
// it. The request is "METHOD target | field: value ...", the answer "status |
// field: value ..." or "" if there is none.
type step struct {
	second  int
	request string
	answer  string
	want    string
}

// scenario is a sequence of requests to one cache.
type scenario struct {
	sentence string
	rules    *Rules
	steps    []step
}

func play(t *testing.T, scenarios []scenario) {
	t.Helper()
	for _, s := range scenarios {
		m := model{rules: s.rules, vary: map[string]Vary{}, entries: map[string]*entry{}}
		for i, step := range s.steps {
			if got := m.do(step); got != step.want {
				t.Errorf("%s\n\tstep %d, %q at %d s: %s, want %s", s.sentence, i+1, step.request, step.second, got, step.want)
				break
			}
		}
	}
}

// do returns how the request was answered: hit, stale (served and revalidated),
// fetch, "validate" with the fields that asked, saved (served on error), error,
// 504; with "304" if the client gets that, and the value of the field "show" if
// the answer has it.
func (m *model) do(s step) string {
	head, rest, _ := strings.Cut(s.request, "|")
	method, target, _ := strings.Cut(strings.TrimSpace(head), " ")
	request := lines(rest)
	asked := Ask(method, request, m.rules)
	e := m.entries[m.key(target, request)]
	var policy *Policy
	if e != nil {
		policy = &e.policy
	}
	verdict, _ := Reuse(&asked, policy, at(s.second))
	switch verdict {
	case Serve:
		return e.answer("hit", request)
	case ServeAndRevalidate:
		answer := e.answer("stale", request)
		m.fetch(&asked, method, target, request, e, s)
		return answer
	case GatewayTimeout:
		return "504"
	case Validate:
		return m.fetch(&asked, method, target, request, e, s)
	}
	return m.fetch(&asked, method, target, request, nil, s)
}

func (m *model) key(target string, request []hpack.Field) string {
	return string(m.vary[target].AppendKey([]byte(target), request))
}

func (e *entry) answer(how string, request []hpack.Field) string {
	if e.status != 200 {
		how += " " + strconv.Itoa(e.status)
	} else if NotModified(request, e.fields, e.received) {
		how += " 304"
	}
	if value, ok := get(e.fields, "show"); ok {
		how += " " + value
	}
	return how
}

func (m *model) fetch(asked *Asked, method, target string, request []hpack.Field, e *entry, s step) string {
	how := "fetch"
	if e != nil {
		for i, f := range Conditional(nil, e.fields) {
			if i == 0 {
				how = "validate"
			}
			how += " " + f.Name
		}
	}
	now := at(s.second)
	status, answer := 0, []hpack.Field(nil)
	if s.answer != "" {
		code, rest, _ := strings.Cut(s.answer, "|")
		status, _ = strconv.Atoi(strings.TrimSpace(code))
		answer = lines(rest)
	}
	if status == 0 || IsError(status) {
		if e != nil && MayServeOnError(asked, &e.policy, now) {
			return e.answer("saved", request)
		}
		if status == 0 {
			return "error"
		}
	}
	for _, stale := range Invalidates(nil, method, status, "https", "example.com", target, answer) {
		delete(m.vary, stale)
		for key := range m.entries {
			if strings.HasPrefix(key, stale+"\x00") {
				delete(m.entries, key)
			}
		}
	}
	if status == 304 && e != nil {
		if !Selects(e.fields, answer) {
			return how + " unmatched"
		}
		status, answer = e.status, Freshen(e.fields, answer)
	}
	if stored := m.entries[m.key(target, request)]; method == "HEAD" && status == 200 && stored != nil {
		if !HeadFreshens(stored.fields, 5, answer) {
			delete(m.entries, m.key(target, request))
			return how
		}
		get := Ask("GET", request, m.rules)
		m.store(&get, target, request, stored.status, Freshen(stored.fields, answer), now)
		return how
	}
	if kept := m.store(asked, target, request, status, answer, now); kept != nil && e != nil {
		return kept.answer(how, request)
	}
	return how
}

func (m *model) store(asked *Asked, target string, request []hpack.Field, status int, fields []hpack.Field, now time.Time) *entry {
	policy, reason := Store(asked, status, fields, now, now, m.rules)
	if reason != Stored {
		return nil
	}
	vary, _ := ParseVary(fields)
	m.vary[target] = vary
	e := &entry{policy, status, Kept(nil, fields, now, m.rules), now.Unix()}
	m.entries[m.key(target, request)] = e
	return e
}

// text writes fields out for a comparison.
func text(fields []hpack.Field) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s: %s|", f.Name, f.Value)
	}
	return strings.TrimSuffix(b.String(), "|")
}
