package origin

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// The values of etag.
const (
	etagStrong = "strong"
	etagWeak   = "weak"
	etagOff    = "off"
)

// defaultHold is as long as most clients wait.
const defaultHold = 30 * time.Second

// settings are what may be set behind a path. Usage and set belong together.
var settings = []struct {
	key, usage string
	set        func(*Rule, string) error
}{
	{"status", "200 to 599: of every answer that is no error (default 200)", func(r *Rule, v string) error {
		status, err := parseStatus(v)
		r.status = status
		return err
	}},
	{"latency", "before the answer: 20ms, uniform:10ms:50ms, normal:20ms:5ms, exponential:20ms, pareto:10ms:1.5; at most 1m", func(r *Rule, v string) (err error) {
		r.latency, err = parseDistribution(v, parseSeconds, maxLatency.Seconds())
		return err
	}},
	{"size", "of the content, by resource: 10k, uniform:1k:1M and so on; at most 1024M (default 0)", func(r *Rule, v string) (err error) {
		r.size, err = parseDistribution(v, parseSize, maxSize)
		return err
	}},
	{"drip", "bytes of content per second: 10k", func(r *Rule, v string) (err error) {
		if r.drip, err = parseSize(v); err == nil && r.drip == 0 {
			err = errors.New("0 bytes a second never end: allowed is more")
		}
		return err
	}},
	{"errors", "statuses instead, with their shares: 503:5%,500:1%", func(r *Rule, v string) (err error) {
		r.errors, err = parseChances(v, func(text string) (int, error) {
			status, err := parseStatus(text)
			if err == nil && status < 400 {
				err = fmt.Errorf("%d is no error: allowed are 400 to 599", status)
			}
			return status, err
		})
		return err
	}},
	{"break", "how contents are broken off in their middle, with shares: short:1% (before content-length, or the last chunk), reset:1%, endless:1% (a chunk goes on without a byte), silent:1% (no answer at all)", func(r *Rule, v string) (err error) {
		r.breaks, err = parseChances(v, func(text string) (breakage, error) {
			if i := slices.Index(breakages, text); i >= 0 {
				return breakage(i), nil
			}
			return 0, fmt.Errorf("%q: allowed are %s", text, strings.Join(breakages, ", "))
		})
		return err
	}},
	{"hold", "how long what is silent or endless is kept open, at most 10m (default 30s)", func(r *Rule, v string) (err error) {
		r.hold, err = parseSpan(v, maxHold)
		return err
	}},
	{"changes", "after how long a resource has another content: 1m (default: never)", func(r *Rule, v string) (err error) {
		r.changes, err = parseSpan(v, 1000*time.Hour)
		return err
	}},
	{"etag", "strong, weak or off (default strong)", func(r *Rule, v string) error {
		if v != etagStrong && v != etagWeak && v != etagOff {
			return fmt.Errorf("%q: allowed are %s, %s and %s", v, etagStrong, etagWeak, etagOff)
		}
		r.etag = v
		return nil
	}},
	{"vary", "names of fields: their values make other contents", func(r *Rule, v string) error {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); !httpguts.ValidHeaderFieldName(name) {
				return fmt.Errorf("%q is no name of a field", name)
			}
			r.vary = append(r.vary, http.CanonicalHeaderKey(name))
		}
		return r.setField("Vary", v)
	}},
	{"cache-control", "the field Cache-Control", func(r *Rule, v string) error { return r.setField("Cache-Control", v) }},
	{"age", "the field Age, in seconds", func(r *Rule, v string) error {
		if n, err := strconv.ParseUint(v, 10, 31); err != nil || v != strconv.FormatUint(n, 10) {
			return fmt.Errorf("%q: allowed is a number of seconds", v)
		}
		return r.setField("Age", v)
	}},
	{"type", "the field Content-Type (default text/plain)", func(r *Rule, v string) error { return r.setField("Content-Type", v) }},
	{"header", `another field, "Surrogate-Key: items"; repeatable`, func(r *Rule, v string) error {
		name, value, ok := strings.Cut(v, ":")
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		switch {
		case !ok:
			return errors.New(`it is written "Name: value"`)
		case name == "Content-Length" || name == "Transfer-Encoding" || name == "Connection":
			return fmt.Errorf("%s is the connection's: break makes answers that are not whole", name)
		case name == "Etag" || name == "Vary" || name == "Age" || name == "Cache-Control" || name == "Content-Type" || name == "Last-Modified":
			return fmt.Errorf("%s has a setting of its own, or follows from one", name)
		}
		return r.setField(name, strings.TrimSpace(value))
	}},
}

// Usage has a line for each setting of a rule.
func Usage() [][2]string {
	var lines [][2]string
	for _, s := range settings {
		lines = append(lines, [2]string{s.key, s.usage})
	}
	return lines
}

// set sets what a word says. The error names it, and what is allowed.
func (r *Rule) set(w word) error {
	var names []string
	for _, s := range settings {
		if s.key == w.key {
			if err := s.set(r, w.value); err != nil {
				return fmt.Errorf("%s: %w", w.key, err)
			}
			return nil
		}
		names = append(names, s.key)
	}
	if w.key == "" {
		return fmt.Errorf("%q is no setting: they are written key=value, with quotes around a value that has spaces", w.text)
	}
	likely := ""
	if near := suggest.Nearest(w.key, names); near != "" {
		likely = " (did you mean " + near + "?)"
	}
	return fmt.Errorf("there is no setting %q: allowed are %s%s", w.key, strings.Join(names, ", "), likely)
}

func parseStatus(text string) (int, error) {
	status, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || status < 200 || status > 599 {
		return 0, fmt.Errorf("%q is no status: allowed are 200 to 599", text)
	}
	return status, nil
}

func parseNumber(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || v < 0 {
		return 0, fmt.Errorf("%q is no number of 0 or more", text)
	}
	return v, nil
}

func parseSeconds(text string) (float64, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no time: allowed is a duration such as 20ms", text)
	}
	return d.Seconds(), nil
}

func parseSpan(text string, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > most {
		return 0, fmt.Errorf("%q: allowed is a duration from 1ms to %v", text, most)
	}
	return d, nil
}

// parseSize reads bytes: "100", "10k", "1.5M", in units of 1,024.
func parseSize(text string) (float64, error) {
	times := 1.0
	number := text
	if digits, ok := strings.CutSuffix(text, "k"); ok {
		number, times = digits, 1<<10
	} else if digits, ok := strings.CutSuffix(text, "M"); ok {
		number, times = digits, 1<<20
	}
	v, err := parseNumber(number)
	if err != nil || v*times > maxSize {
		return 0, fmt.Errorf("%q is no size: allowed are 0 to 1024M, such as 100, 10k or 1.5M", text)
	}
	return math.Trunc(v * times), nil
}

// parseChances reads "503:5%,500:0.1%".
func parseChances[T comparable](text string, parse func(string) (T, error)) (all []chance[T], err error) {
	sum := 0.0
	for piece := range strings.SplitSeq(text, ",") {
		before, after, ok := strings.Cut(strings.TrimSpace(piece), ":")
		percent, isPercent := strings.CutSuffix(after, "%")
		share, err := parseNumber(percent)
		if !ok || !isPercent || err != nil || share > 100 {
			return nil, fmt.Errorf("%q is written WHAT:SHARE, with a share from 0%% to 100%%", piece)
		}
		what, err := parse(before)
		if err != nil {
			return nil, err
		}
		if sum += share; sum > 100 {
			return nil, errors.New("the shares are more than 100% together")
		}
		all = append(all, chance[T]{what, share / 100})
	}
	return all, nil
}
