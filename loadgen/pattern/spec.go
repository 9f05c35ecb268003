package pattern

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// Placeholder is what a target's URL has for the number of a key.
const Placeholder = "{n}"

// MaxRequests is how many keys, or targets, there may be, times their variants.
const MaxRequests = 1_000_000

// Spec is a pattern of load. Its zero value is that targets take turns.
type Spec struct {
	Keys        int        // how many numbers Placeholder stands for, from 0; 0: there is none
	Popularity  Popularity // of keys, or targets
	Seed        uint64
	Vary        []Vary  // each request has one of each
	Ranges      float64 // share of requests that ask for a part, 0 to 1
	Conditional float64 // share that have the ETag seen last, if one was
}

// Zero reports whether targets take turns, and are sent as they are.
func (s *Spec) Zero() bool {
	return s.Keys == 0 && s.Popularity == Popularity{} && len(s.Vary) == 0 && s.Ranges == 0 && s.Conditional == 0
}

// Vary is a request field and the values that it has in turn, as often each.
type Vary struct {
	Name   string
	Values []string
}

// variants is how many there are of a key.
func (s *Spec) variants() int {
	n := 1
	for _, v := range s.Vary {
		if n *= len(v.Values); n > MaxRequests {
			return n // and no further: it might overflow
		}
	}
	return n
}

// check returns what is wrong with the spec for those targets, and what is
// allowed.
func (s *Spec) check(targets []vegeta.Target) error {
	templates := 0
	for i := range targets {
		if strings.Contains(targets[i].URL, Placeholder) {
			templates++
		}
		if method := targets[i].Method; (s.Ranges > 0 || s.Conditional > 0) && method != http.MethodGet {
			return fmt.Errorf("target %d has the method %s: ranges and conditional requests are of GET", i+1, method)
		}
	}
	keys := len(targets)
	switch {
	case s.Keys < 0 || s.Keys > MaxRequests:
		return fmt.Errorf("%d keys: allowed are 1 to %d", s.Keys, MaxRequests)
	case s.Keys > 0 && (len(targets) != 1 || templates != 1):
		return fmt.Errorf("keys are of one target whose URL has %s, such as https://127.0.0.1:8443/item/%s", Placeholder, Placeholder)
	case s.Keys == 0 && templates > 0:
		return fmt.Errorf("a target has %s: how many keys it stands for is missing", Placeholder)
	case s.Keys > 0:
		keys = s.Keys
	}
	if s.Keys > 0 && !variable(targets[0].URL) {
		return fmt.Errorf("%q: %s may be in the path and the query alone", targets[0].URL, Placeholder)
	}
	if n := s.variants(); n > MaxRequests/keys {
		return fmt.Errorf("%d keys or targets in %d variants: allowed are up to %d together", keys, n, MaxRequests)
	}
	for _, share := range []float64{s.Ranges, s.Conditional, s.Ranges + s.Conditional} {
		if !(share >= 0 && share <= 1) {
			return errors.New("ranges and conditional requests: allowed are shares from 0 to 1, and up to 1 together")
		}
	}
	for i, v := range s.Vary {
		if err := v.check(); err != nil {
			return err
		}
		for _, other := range s.Vary[:i] {
			if strings.EqualFold(other.Name, v.Name) {
				return fmt.Errorf("the field %s varies twice", v.Name)
			}
		}
	}
	return s.Popularity.check()
}

// variable reports whether a URL has Placeholder in its path or its query, and
// nowhere else.
func variable(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	authority, rest, _ := strings.Cut(rest, "/")
	named, fragment, _ := strings.Cut(rest, "#")
	return strings.Contains(named, Placeholder) && !strings.Contains(authority+fragment, Placeholder)
}

func (v Vary) check() error {
	if !httpguts.ValidHeaderFieldName(v.Name) || len(v.Values) == 0 {
		return fmt.Errorf("%q with %d values: a field that varies has a name and a value at least", v.Name, len(v.Values))
	}
	for _, value := range v.Values {
		if !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("%q is no value of the field %s", value, v.Name)
		}
	}
	return nil
}

// String is the pattern in words, "" if targets take turns as they are.
func (s *Spec) String() string {
	var parts []string
	switch {
	case s.Keys > 0:
		parts = append(parts, human.Count(uint64(s.Keys))+" keys, "+s.Popularity.or(uniform).String())
	case s.Popularity != Popularity{}:
		parts = append(parts, "targets "+s.Popularity.String())
	}
	if n := s.variants(); n > 1 {
		parts = append(parts, human.Count(uint64(n))+" variants")
	}
	if s.Ranges > 0 {
		parts = append(parts, human.Percent(s.Ranges)+" ranges")
	}
	if s.Conditional > 0 {
		parts = append(parts, human.Percent(s.Conditional)+" conditional")
	}
	return strings.Join(parts, ", ")
}

// ParseVary reads "accept-language: de,en,fr".
func ParseVary(text string) (Vary, error) {
	name, list, ok := strings.Cut(text, ":")
	v := Vary{Name: strings.TrimSpace(name)}
	if !ok {
		return v, errors.New(`it must be "name: value,value"`)
	}
	for value := range strings.SplitSeq(list, ",") {
		v.Values = append(v.Values, strings.TrimSpace(value))
	}
	return v, v.check()
}

// ParseShare reads "10%".
func ParseShare(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(v >= 0 && v <= 100) {
		return 0, errors.New("a share is written 10%: allowed are 0% to 100%")
	}
	return v / 100, nil
}

// ParsePopularity reads "uniform" or "zipf:1.1".
func ParsePopularity(text string) (Popularity, error) {
	name, exponent, has := strings.Cut(text, ":")
	p := Popularity{Kind: kind(name)}
	if has {
		var err error
		if p.Exponent, err = strconv.ParseFloat(exponent, 64); err != nil {
			p.Exponent = math.NaN()
		}
	}
	if has != (p.Kind == zipf) || name == "" {
		return p, errPopularity
	}
	return p, p.check()
}
