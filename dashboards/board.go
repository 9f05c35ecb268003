package main

import (
	"regexp"
	"slices"
	"strings"
)

// Lines on graphs: the targets that are promised for each server (README.md),
// and the burn rates from which prometheus/alerts.yml warns.
const (
	targetRate = 150_000 // requests/s
	targetMean = 0.003   // s

	fastBurn = 14.4 // times what is allowed: 2 % of the budget of 30 days in an hour
	slowBurn = 3    // 10 % in a day
)

// board is a dashboard.
type board struct {
	uid, title, about string
	variables         []variable
	sections          []section
}

// variable is a choice at the head of a dashboard: values of a label.
type variable struct {
	name, about string
	values      string // Grafana's query for them
}

var (
	job      = variable{"job", "Servers by Prometheus' job", `label_values(hotpath_requests_total, job)`}
	instance = variable{"instance", "A server, or all of them", `label_values(hotpath_requests_total{job=~"$job"}, instance)`}
	loadgen  = variable{"loadgen", "A load generator, or all of them", `label_values(hotpath_loadgen_asked_rate, instance)`}
)

type section struct {
	title  string
	panels []panel
}

// panel is one chart. Its description says what is good and where to look
// next.
type panel struct {
	kind         kind
	title, about string
	unit         string // Grafana's id
	w, h         int    // of a grid of 24 columns, a row being 38 pixels; 0: 8 and 7
	stack        bool
	top          float64 // of the axis; 0: as the values are
	steps        []step
	days         int // shown, whatever the dashboard shows; 0: what that does
	queries      []query
}

type kind int

const (
	lines  kind = iota
	figure      // the latest value, large
	words       // the names of the series, large
	heat        // a map of a histogram's buckets
)

// step colours values from a bound on; the first has none. On a graph the
// bounds are dashed lines.
type step struct {
	from   float64
	colour string
}

// rising is for values that are better low, falling for those better high.
func rising(warn, bad float64) []step {
	return []step{{0, "green"}, {warn, "orange"}, {bad, "red"}}
}

func falling(bad, warn float64) []step {
	return []step{{0, "red"}, {bad, "orange"}, {warn, "green"}}
}

// goal is a bound to reach, limit one to stay below.
func goal(at float64) []step { return []step{{0, "text"}, {at, "green"}} }

func limit(at float64) []step { return []step{{0, "green"}, {at, "red"}} }

// query is an expression without the dashboard's choices, which [query.promQL]
// adds to each metric, and the legend of its series.
type query struct {
	legend, expr string

	// mayBeEmpty says why there is no value on a healthy server under load;
	// "" means that there must be one.
	mayBeEmpty string
}

// family is a metric of ours, or of the process and the Go runtime, with the
// matchers that follow it, if any. What rules.yml records is named
// level:metric:operation.
var family = regexp.MustCompile(`\b(?:(?:job|instance):)?(?:hotpath|process|go)_[\w:]+(?:\{[^}]*\})?`)

// promQL is the expression as Grafana gets it: with the choices as matchers,
// and $rate, its own choice of an interval that has enough scrapes for a rate.
func (q query) promQL() string {
	chosen := family.ReplaceAllStringFunc(q.expr, func(m string) string {
		name, matchers, _ := strings.Cut(strings.TrimSuffix(m, "}"), "{")
		all := []string{`job=~"$job"`, `instance=~"$instance"`}
		switch {
		case strings.HasPrefix(name, "job:"):
			all = all[:1] // an objective is that of all servers of a job
		case strings.HasPrefix(name, "hotpath_loadgen_"):
			all = []string{`instance=~"$loadgen"`}
		case strings.Contains(matchers, "instance="):
			all = nil
		}
		if matchers != "" {
			all = append(all, matchers)
		}
		return name + "{" + strings.Join(all, ",") + "}"
	})
	return strings.ReplaceAll(chosen, "$rate", "$__rate_interval")
}

const columns = 24

// place is where a panel lies on the grid.
type place struct{ x, y, w, h int }

// layout places panels in their order, each as high up, and then as far left,
// as it fits below those before it. y is where the first may begin; it returns
// the places and where the next section may begin.
func layout(panels []panel, y int) ([]place, int) {
	var ground [columns]int // the first free row of each column
	for i := range ground {
		ground[i] = y
	}
	var places []place
	for _, p := range panels {
		at := place{w: p.w, h: p.h, y: -1}
		if at.w == 0 {
			at.w = 8
		}
		if at.h == 0 {
			at.h = 7
		}
		for x := range columns - at.w + 1 {
			if top := slices.Max(ground[x : x+at.w]); at.y < 0 || top < at.y {
				at.x, at.y = x, top
			}
		}
		for x := at.x; x < at.x+at.w; x++ {
			ground[x] = at.y + at.h
		}
		places = append(places, at)
	}
	return places, slices.Max(ground[:])
}

func (b board) file() string { return "grafana/" + strings.TrimPrefix(b.uid, "hotpath-") + ".json" }
