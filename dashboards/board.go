package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// Lines on graphs: the mean that is promised (README.md), and the burn rates from
// which prometheus/alerts.yml warns. The rate that is promised is no line: it would
// press less traffic to the floor. A load test has the rate that it asks.
const (
	targetMean = 0.003 // s

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
	name, label, about string
	values             string // Grafana's query for them

	// all is the expression for all of them; "": the values that there are in the
	// time that is shown. A server that was dead all that time has no series but
	// up, which is to be seen all the same.
	all string
}

var (
	job      = variable{"job", "Job", "Servers by Prometheus' job", `label_values({__name__=~"hotpath_requests_total|job:hotpath_slo_burn:ratio30d"}, job)`, ""} // the second outlives the servers
	instance = variable{"instance", "Server", "A server, or all of them", `label_values(up{job=~"$job"}, instance)`, ".*"}
	loadgen  = variable{"loadgen", "Load generator", "A load generator, or all of them", `label_values(hotpath_loadgen_asked_rate, instance)`, ""}
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
	w, h         int    // of a grid of 24 columns, a row being 38 pixels; 0: 8 and 8
	stack        bool
	log          bool    // the axis: after one spike all else would lie on the floor
	top          float64 // of the axis; 0: as the values are
	digits       int     // after the point, of a figure; 0: as Grafana chooses
	steps        []step
	colours      palette
	said         map[float64]string // instead of values of figures and bands, as 0: "down"
	days         int                // shown, whatever the dashboard shows; 0: what that does
	queries      []query
}

type kind int

const (
	lines  kind = iota
	figure      // the value of now, large; without one it is grey
	words       // the names of the series that there are now, large, coloured by their values
	bands       // a band for each series, coloured by its value
	heat        // a map of a histogram's buckets
)

// Units that Grafana has not, or not so: it makes weeks of many days.
const (
	perSecond = "suffix:/s" // of what is no request and no byte
	days      = "suffix:d"
)

// step colours values from a bound on; the first has none. On a graph the
// bounds are dashed lines.
type step struct {
	from   float64
	colour string
}

// colour is that of a value.
func (p panel) colour(v float64) string {
	if p.steps == nil || math.IsNaN(v) {
		return "text"
	}
	c := p.steps[0].colour
	for _, s := range p.steps[1:] {
		if v >= s.from {
			c = s.colour
		}
	}
	return c
}

// rising is for values that are better low, falling for those better high.
func rising(warn, bad float64) []step {
	return []step{{0, "green"}, {warn, "orange"}, {bad, "red"}}
}

func falling(bad, warn float64) []step {
	return []step{{0, "red"}, {bad, "orange"}, {warn, "green"}}
}

// limit is a bound to stay below.
func limit(at float64) []step { return []step{{0, "green"}, {at, "red"}} }

// palette are the colours of series by their legends; others have those of Grafana
// in turn.
type palette map[string]string

const grey = "#8e8e9a"

// Colours that mean something, alike on every graph.
var (
	classes   = palette{"1xx": "blue", "2xx": "green", "3xx": grey, "4xx": "orange", "5xx": "red"}
	results   = palette{"hit": "green", "miss": "blue", "bypass": "purple"}
	quantiles = palette{"mean": "blue", "p50": "green", "p90": "yellow", "p99": "orange"}
	outcomes  = palette{
		"ok": "green", "same": "green", "made": "green", "written": "green", "spans exported": "green", "succeeded": "green",
		"notfound": grey, "canceled": grey, "no_gain": grey, "gone": grey, "changed": "blue", "declined": "orange",
		"refused": "purple", "timeout": "orange", "dropped": "orange", "spans dropped": "orange", "no_room": "yellow", "cut": "orange",
		"unsent": "yellow", "unprocessed": "purple", "stopped": grey,
		"error": "red", "failed": "red", "spans failed": "red", "broken": "red",
	}
)

// failures are those of a load test: who is not there, who is late, who breaks off.
var failures = palette{
	"connect": "red", "tls": "purple", "alpn": "purple", "timeout": "orange", "closed": "yellow", "goaway": "yellow", "reset": "yellow",
	"malformed": "dark-red", "length": "dark-red", "digest": "dark-red", "interrupted": grey, "lost": grey,
}

// memory is held for what, by kind; burns are the rates at which budgets are spent.
var (
	memory = palette{"stored": "green", "arriving": "blue", "sending": "orange", "buffered": "yellow", "aside": grey}
	burns  = palette{
		"availability": "blue", "availability 1 h": "blue", "availability 5 min": "blue", "availability 1 d": "blue", "availability 2 h": "blue",
		"latency": "orange", "latency 1 h": "orange", "latency 5 min": "orange", "latency 1 d": "orange", "latency 2 h": "orange",
	}
)

// query is an expression without the dashboard's choices, which [query.promQL]
// adds to each metric, and the legend of its series.
type query struct {
	legend, expr string

	bound bool   // what others are to stay below: a dashed grey line
	dash  bool   // a dashed line, beside another one of its colour
	right string // the unit of an axis of its own, on the right; "": that of the panel

	// mayBeEmpty says why there is no value on a healthy server under load;
	// "" means that there must be one.
	mayBeEmpty string
}

// each is the rate of a counter by its labels, without what is zero: it would take
// the colours and the places in the legend of what is not. If all is zero, it is a
// line at 0 called none; without a line there is no server.
func each(counter string, labels ...string) query {
	legend := "{{" + strings.Join(labels, "}} {{") + "}}"
	return query{legend: legend, expr: fmt.Sprintf(
		`sum by (%s) (rate(%[2]s[$rate])) > 0 or on () label_replace(0 * sum(rate(%[2]s[$rate])), "%[3]s", "none", "", "")`,
		strings.Join(labels, ", "), counter, labels[0])}
}

// added is by how much a counter of each server grew in $rate: whole events, which
// increase() alone would extrapolate to four thirds of them. If the counter began anew,
// or is not as old as that, it is what increase() can say.
func added(counter string) string {
	return fmt.Sprintf(`((%[1]s - %[1]s offset $rate) unless resets(%[1]s[$rate]) > 0 or round(increase(%[1]s[$rate])))`, counter)
}

// increases are like [each], of what happens now and then: how often in the time
// before each point.
func increases(counter, label string) query {
	return query{legend: "{{" + label + "}}", expr: fmt.Sprintf(
		`sum by (%[1]s) (%[2]s) > 0 or on () label_replace(0 * sum(%[3]s), "%[1]s", "none", "", "")`, label, added(counter), counter)}
}

// named is the query with another legend.
func (q query) named(legend string) query {
	q.legend = legend
	return q
}

// latency is how long something takes, by a histogram without its suffix: its mean
// and its quantiles.
func latency(histogram, matchers string) []query {
	all := []query{{legend: "mean", expr: fmt.Sprintf(`sum(rate(%[1]s_sum%[2]s[$rate])) / sum(rate(%[1]s_count%[2]s[$rate]))`, histogram, matchers)}}
	for _, q := range []struct {
		legend string
		at     float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}} {
		all = append(all, query{legend: q.legend, expr: quantile(q.at, histogram, matchers)})
	}
	return all
}

func quantile(q float64, histogram, matchers string) string {
	return fmt.Sprintf(`histogram_quantile(%v, sum by (le) (rate(%s_bucket%s[$rate])))`, q, histogram, matchers)
}

// family is a metric of ours, or of the process and the Go runtime, or what
// Prometheus says of a target, with the matchers that follow it, if any. What
// rules.yml records is named level:metric:operation.
var family = regexp.MustCompile(`\b(?:(?:(?:job|instance|slo|all):)?(?:hotpath|process|go)_[\w:]+|up\b)(?:\{[^}]*\})?`)

// promQL is the expression as Grafana gets it: with the choices as matchers,
// and $rate, its own choice of an interval that has enough scrapes for a rate.
func (q query) promQL() string {
	chosen := family.ReplaceAllStringFunc(q.expr, func(m string) string {
		name, matchers, _ := strings.Cut(strings.TrimSuffix(m, "}"), "{")
		all := []string{`job=~"$job"`, `instance=~"$instance"`}
		switch {
		case strings.HasPrefix(name, "job:"):
			all = all[:1] // an objective is that of all servers of a job
		case strings.HasPrefix(name, "slo:"), strings.HasPrefix(name, "all:"):
			return m // its budget that of all jobs
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
			at.h = usualHeight
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
