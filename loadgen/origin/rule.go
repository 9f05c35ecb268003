package origin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Limits of rules: far more than a test needs.
const (
	maxRules   = 1000
	maxText    = 1 << 20 // bytes of all
	maxLatency = time.Minute
	maxHold    = 10 * time.Minute
	maxSize    = 1 << 30 // of a content
	maxFields  = 100
)

// Rule is what is answered to requests for some paths. A zero value answers 200
// without content.
type Rule struct {
	pattern string // of a path: exact, or a beginning with * behind it
	status  int
	latency distribution // before the answer begins, in s
	size    distribution // of a resource's content, in bytes
	drip    float64      // bytes of content per second; 0: as fast as it goes
	errors  []chance[int]
	breaks  []chance[breakage]
	hold    time.Duration // how long what never goes on is kept open
	changes time.Duration // after which a resource has another content; 0: never
	etag    string        // strong, weak or off
	vary    []string      // names of fields, in canonical form
	fields  http.Header   // of answers without an error
}

// chance is something that happens to a share of the requests, 0 to 1.
type chance[T any] struct {
	what  T
	share float64
}

// pick is the one that v, from 0 up to 1, falls on.
func pick[T any](all []chance[T], v float64) (what T, ok bool) {
	for _, c := range all {
		if v -= c.share; v < 0 {
			return c.what, true
		}
	}
	return what, false
}

// matches reports whether the rule is for a path.
func (r *Rule) matches(path string) bool {
	if begin, open := strings.CutSuffix(r.pattern, "*"); open {
		return strings.HasPrefix(path, begin)
	}
	return path == r.pattern
}

// Rules are looked through in their order; the first that matches answers.
type Rules []*Rule

// Default is what is answered if no rule matches.
const Default = `* size=1k cache-control="max-age=60"`

// match finds the rule of a path: the last one is for all.
func (all Rules) match(path string) int {
	for i, r := range all {
		if r.matches(path) {
			return i
		}
	}
	return len(all) - 1
}

// Parse reads rules, one a line: a path and settings behind it. Lines that begin
// with # are comments. The error has a line for each mistake, which begins with
// name and the number of the line.
func Parse(name, text string) (Rules, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%s: %d bytes of rules: allowed are up to %d", name, len(text), maxText)
	}
	var all Rules
	var mistakes []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		r, err := parseRule(line)
		if err == nil && len(all) == maxRules {
			return nil, fmt.Errorf("%s: line %d: there are more than %d rules", name, number, maxRules)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: line %d: %w", name, number, err))
			continue
		}
		all = append(all, r)
	}
	return all, errors.Join(mistakes...)
}

// parseRule reads `/item/* latency=20ms vary="accept-language"`.
func parseRule(line string) (*Rule, error) {
	words, err := split(line)
	if err != nil {
		return nil, err
	}
	r := &Rule{pattern: words[0].value, status: http.StatusOK, hold: defaultHold, etag: etagStrong, fields: make(http.Header)}
	if words[0].key != "" || !strings.HasPrefix(r.pattern, "/") && r.pattern != "*" {
		return nil, fmt.Errorf("%q is no path: allowed are /path, a beginning with * behind it, or * alone", words[0].text)
	}
	if i := strings.IndexByte(r.pattern, '*'); i >= 0 && i < len(r.pattern)-1 {
		return nil, fmt.Errorf("%q: a * is allowed at the end alone", r.pattern)
	}
	seen := make(map[string]bool)
	for _, w := range words[1:] {
		if seen[w.key] && w.key != "header" {
			return nil, fmt.Errorf("%s is set twice", w.key)
		}
		seen[w.key] = true
		if err := r.set(w); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// word is `key=value` or `value`; text is how it is written.
type word struct{ key, value, text string }

// split cuts a line, which is not empty, into words. A value may be quoted: a
// quote and a backslash in it have a backslash before them.
func split(line string) (all []word, err error) {
	for line != "" {
		var w word
		end := strings.IndexAny(line, " \t=")
		if end >= 0 && line[end] == '=' {
			w.key = line[:end]
			value, rest, err := quoted(line[end+1:])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.key, err)
			}
			w.value, w.text = value, line[:len(line)-len(rest)]
			line = rest
		} else {
			if end < 0 {
				end = len(line)
			}
			w.value, w.text = line[:end], line[:end]
			line = line[end:]
		}
		all = append(all, w)
		line = strings.TrimLeft(line, " \t")
	}
	return all, nil
}

// quoted takes a value off the front of a line.
func quoted(line string) (value, rest string, err error) {
	if !strings.HasPrefix(line, `"`) {
		if end := strings.IndexAny(line, " \t"); end >= 0 {
			return line[:end], line[end:], nil
		}
		return line, "", nil
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return b.String(), line[i+1:], nil
		case c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("a quote without an end")
}

// setField adds a field to answers.
func (r *Rule) setField(name, value string) error {
	if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
		return fmt.Errorf("%q: %q is no header field", name, value)
	}
	if len(r.fields) == maxFields {
		return fmt.Errorf("there are more than %d fields", maxFields)
	}
	r.fields.Add(name, value)
	return nil
}
