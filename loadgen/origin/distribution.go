package origin

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// distribution is how values are spread. Its zero value is always 0.
type distribution struct {
	kind kind
	a, b float64 // what the kind's row says
	most float64 // values beyond are this one
}

type kind uint8

const (
	fixed       kind = iota // a
	uniform                 // a to b
	normal                  // mean a, standard deviation b; below 0 is 0
	exponential             // mean a
	pareto                  // smallest a, shape b: the lower, the heavier the tail
)

// kinds are the distributions by name, with what is behind it: a value, or a
// number.
var kinds = []struct {
	name   string
	kind   kind
	number bool // the second one is a plain number
	count  int
	usage  string
}{
	{"fixed", fixed, false, 1, "fixed:VALUE"},
	{"uniform", uniform, false, 2, "uniform:FROM:TO"},
	{"normal", normal, false, 2, "normal:MEAN:DEVIATION"},
	{"exponential", exponential, false, 1, "exponential:MEAN"},
	{"pareto", pareto, true, 2, "pareto:LEAST:SHAPE"},
}

// draw is a value by the distribution.
func (d distribution) draw(r *rand.Rand) float64 {
	v := d.a
	switch d.kind {
	case uniform:
		v = d.a + (d.b-d.a)*r.Float64()
	case normal:
		v = d.a + d.b*r.NormFloat64()
	case exponential:
		v = d.a * r.ExpFloat64()
	case pareto:
		v = d.a / math.Pow(1-r.Float64(), 1/d.b) // the inverse of its distribution function
	}
	return min(max(v, 0), d.most)
}

func (d distribution) duration(r *rand.Rand) time.Duration {
	return time.Duration(d.draw(r) * float64(time.Second))
}

// parseDistribution reads "20ms" or "uniform:10ms:50ms", of values that parse
// reads, none of which is more than most.
func parseDistribution(text string, parse func(string) (float64, error), most float64) (distribution, error) {
	name, rest, named := strings.Cut(text, ":")
	if !named {
		name, rest = "fixed", text
	}
	for _, k := range kinds {
		if k.name != name {
			continue
		}
		parts := strings.Split(rest, ":")
		if len(parts) != k.count {
			return distribution{}, fmt.Errorf("it is written %s", k.usage)
		}
		d := distribution{kind: k.kind, most: most}
		for i, p := range []*float64{&d.a, &d.b}[:k.count] {
			of := parse
			if i == 1 && k.number {
				of = parseShape
			}
			v, err := of(parts[i])
			if err != nil {
				return distribution{}, err
			}
			*p = v
		}
		switch {
		case d.a > most || !(k.number || d.b <= most):
			return distribution{}, fmt.Errorf("%q is more than is allowed", rest)
		case k.kind == uniform && d.b < d.a:
			return distribution{}, fmt.Errorf("it ends before it begins: %s", k.usage)
		}
		return d, nil
	}
	var all []string
	for _, k := range kinds {
		all = append(all, k.usage)
	}
	return distribution{}, fmt.Errorf("%q is no distribution: allowed are a value, %s", name, strings.Join(all, ", "))
}

// parseShape reads that of a Pareto distribution.
func parseShape(text string) (float64, error) {
	v, err := parseNumber(text)
	if err != nil || v < 0.1 || v > 100 {
		return 0, fmt.Errorf("%q is no shape: allowed are 0.1 to 100", text)
	}
	return v, nil
}
