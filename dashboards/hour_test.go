package main

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/dashboards/hour"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// made is the hour, and a Prometheus that has it.
type made struct {
	t          *testing.T
	prometheus *hour.Prometheus
	end        time.Time
	at         map[string]time.Time // by moment
	rate       string               // what Grafana has for $__rate_interval
}

func newMade(t *testing.T) *made {
	t.Helper()
	testkit.Need(t, "prometheus")
	testkit.Need(t, "promtool")
	m := &made{t: t, end: time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC), at: make(map[string]time.Time), rate: "20s"}
	dir := filepath.Join(t.TempDir(), "data")
	if err := hour.Blocks(t.Context(), dir, m.end, "prometheus/rules.yml", "prometheus/alerts.yml"); err != nil {
		t.Fatal(err)
	}
	var err error
	if m.prometheus, err = hour.Serve(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.prometheus.Stop)
	for _, moment := range hour.Moments() {
		m.at[moment.Name] = m.end.Add(moment.At - hour.Length)
	}
	return m
}

// expr is the query as Grafana would send it, with all chosen, and an hour shown that
// ends at a time.
func (m *made) expr(q query, now time.Time) string {
	return strings.NewReplacer(
		"$__rate_interval", m.rate,
		"$__interval", "1m",
		"$__range", hour.Length.String(),
		"$__from", strconv.FormatInt(now.Add(-hour.Length).UnixMilli(), 10),
		"$__to", strconv.FormatInt(now.UnixMilli(), 10),
		"$job", "hotpath", "$instance", ".*", "$loadgen", "loadgen:9190",
	).Replace(q.promQL())
}

// series are the values of a query at a time, by their legends.
func (m *made) series(q query, now time.Time) map[string]float64 {
	m.t.Helper()
	expr := m.expr(q, now)
	if strings.Contains(expr, "$") {
		m.t.Errorf("a variable that Grafana does not have: %s", expr)
		return nil
	}
	result, err := m.prometheus.Query(m.t.Context(), expr, now)
	if err != nil {
		m.t.Errorf("%v", err)
		return nil
	}
	all := make(map[string]float64)
	for _, s := range result {
		name := q.name(s.Metric)
		if _, twice := all[name]; twice {
			m.t.Errorf("two series are called %q: %s", name, expr)
		}
		all[name] = s.Value.Value
	}
	return all
}

// legendLabel is a label in a legend.
var legendLabel = regexp.MustCompile(`{{(\w+)}}`)

// name is the legend of a series.
func (q query) name(labels map[string]string) string {
	return strings.TrimSpace(legendLabel.ReplaceAllStringFunc(q.legend, func(l string) string {
		return labels[strings.Trim(l, "{}")]
	}))
}

// state is what a panel shows of a series: its value, or what is said of it, and the
// colour if that has a meaning.
func (p panel) state(v float64) (said, colour string) {
	said = p.said[v]
	if p.kind != lines && p.kind != heat && p.steps != nil {
		colour = p.colour(v)
	}
	return said, colour
}

// find is the panel of a title.
func (b board) find(t *testing.T, title string) panel {
	t.Helper()
	for _, s := range b.sections {
		for _, p := range s.panels {
			if p.title == title {
				return p
			}
		}
	}
	t.Fatalf("%s has no panel %q", b.uid, title)
	return panel{}
}

// TestHour: at each moment of the hour each panel shows what is.
func TestHour(t *testing.T) {
	m := newMade(t)
	for _, b := range []struct {
		board
		table []row
	}{{overview, overviewRows}, {cacheAndOrigin, cacheRows}, {loadTest, loadRows}} {
		seen := make(map[string]bool)
		for _, r := range b.table {
			p := b.find(t, r.panel)
			seen[r.panel] = true
			m.check(b.board, p, r, hour.Moments()...)
			if p.kind == figure || p.kind == words {
				// Over a week a graph's window is long: of now it is not.
				usual := m.rate
				m.rate = "30m"
				m.check(b.board, p, r, hour.Moments()[len(r.wants)-1])
				m.rate = usual
			}
		}
		for _, s := range b.sections {
			for _, p := range s.panels {
				if !seen[p.title] {
					t.Errorf("%s: nothing is said of what %q shows in the hour", b.uid, p.title)
				}
				for _, q := range p.queries {
					m.checkFilled(b.uid+": "+p.title, q)
					m.checkColours(b.uid, p, q)
				}
			}
		}
	}
	for _, moment := range moments {
		m.checkFilled(moment.name, moment.query())
	}
	m.checkEvents()
}

// checkEvents looks at what happens between the moments: graphs of counts have each
// event, once, and no part of one.
func (m *made) checkEvents() {
	m.t.Helper()
	usual := m.rate
	defer func() { m.rate = usual }()
	for _, e := range []struct {
		board
		panel, series string
		at            time.Duration // since the hour began
		rate          string        // as if so much were shown
		want          float64
	}{
		{overview, "Reloads", "applied", 6*time.Minute + 5*time.Second, "20s", 1},
		{overview, "Reloads", "applied", 6*time.Minute + 15*time.Second, "20s", 2}, // the other server's, too
		{cacheAndOrigin, "Purges", "url", 8*time.Minute + 10*time.Second, "20s", 40},
		{cacheAndOrigin, "Purges", "group", 8*time.Minute + 40*time.Second, "20s", 12},
		{cacheAndOrigin, "Purges", "url", 25 * time.Minute, "20m", 40},
		{cacheAndOrigin, "Purges", "url", 25 * time.Minute, "30m", 40},   // the server is not as old
		{cacheAndOrigin, "Purges", "group", 42 * time.Minute, "35m", 12}, // it has restarted since
		{cacheAndOrigin, "Purges", "tag", 41 * time.Minute, "20s", 3},
		{overview, "Reloads", "invalid", 41*time.Minute + 40*time.Second, "20s", 1},
		{overview, "Admin listener", "edge-a:9180 closed", 33*time.Minute + 10*time.Second, "20s", 3},
	} {
		m.rate = e.rate
		values := make(map[string]float64)
		for _, q := range e.find(m.t, e.panel).queries {
			for name, v := range m.series(q, m.end.Add(e.at-hour.Length)) {
				values[name] = v
			}
		}
		if got, there := values[e.series]; !there || got != e.want {
			m.t.Errorf("%s: %q has %v of %q at %v over %s (there: %v), want %v", e.uid, e.panel, got, e.series, e.at, e.rate, there, e.want)
		}
	}
}

// check compares a row with what Prometheus has.
func (m *made) check(b board, p panel, r row, at ...hour.Moment) {
	m.t.Helper()
	for _, moment := range at {
		i := slices.Index(hour.Moments(), moment)
		now := m.at[moment.Name]
		values := make(map[string]float64)
		for _, q := range p.queries {
			for name, v := range m.series(q, now) {
				values[name] = v
			}
		}
		if err := r.wants[i].differs(p, r.series, values); err != nil {
			m.t.Errorf("%s: %s: %s: %s: at %q %v", b.uid, p.title, r.series, r.what, moment.Name, err)
		}
	}
}

// checkColours: if colours of a panel mean something, each series has one that does.
func (m *made) checkColours(uid string, p panel, q query) {
	m.t.Helper()
	if p.colours == nil || q.bound {
		return
	}
	for name, at := range m.at {
		for legend := range m.series(q, at) {
			if p.colours[legend] == "" && legend != "none" {
				m.t.Errorf("%s: %s: at %q %q has no colour", uid, p.title, name, legend)
			}
		}
	}
}

// checkFilled: within the hour the query has a value, and each series its name.
func (m *made) checkFilled(panel string, q query) {
	m.t.Helper()
	expr := m.expr(q, m.end)
	result, err := m.prometheus.QueryRange(m.t.Context(), expr, m.end.Add(-hour.Length), m.end, hour.Scrape)
	if err != nil {
		m.t.Errorf("%s: %v", panel, err)
		return
	}
	filled := false
	for _, s := range result {
		if name := q.name(s.Metric); name == "" && q.legend != "" {
			m.t.Errorf("%s: a series without a name: %v", panel, s.Metric)
		}
		filled = filled || slices.ContainsFunc(s.Values, func(v hour.Sample) bool { return !math.IsNaN(v.Value) && v.Value != 0 })
	}
	if !filled {
		m.t.Errorf("%s: the hour has nothing but zeros for %s", panel, expr)
	}
}

// row is what one series of a panel shows at each moment, and why.
type row struct {
	panel, series, what string
	wants               [8]want // as in hour.Moments
}

// want is what is expected of a series: a value, "0.2", bounds of it, "0.1..0.3", or
// what the panel says in its place, "up", and its colour if it has one; "NaN" is a share of
// nothing, "-" no series, "" whatever it is. Of words it is all that are there, with
// their colours.
type want string

func (w want) differs(p panel, series string, values map[string]float64) error {
	if w == "" {
		return nil
	}
	if p.kind == words {
		var all []string
		for name, v := range values {
			_, colour := p.state(v)
			all = append(all, strings.TrimSpace(name+" "+colour))
		}
		slices.Sort(all)
		if got := strings.Join(all, ", "); got != string(w) && (len(all) > 0 || w != "-") {
			return fmt.Errorf("it says %q, want %q", got, w)
		}
		return nil
	}
	v, there := values[series]
	if !there || w == "-" {
		if there || w != "-" {
			return fmt.Errorf("there is %v (%v), want %s", there, values, w)
		}
		return nil
	}
	said, colour := p.state(v)
	value, wantColour, _ := strings.Cut(string(w), " ")
	if wantColour != colour {
		return fmt.Errorf("%v is %q, want %s", v, colour, w)
	}
	if said != "" {
		if said != value {
			return fmt.Errorf("it says %q, want %s", said, w)
		}
		return nil
	}
	low, high, ranged := strings.Cut(value, "..")
	if !ranged {
		high = low
	}
	from, err := strconv.ParseFloat(low, 64)
	if err != nil {
		return fmt.Errorf("the test's %q: %w", w, err)
	}
	to, err := strconv.ParseFloat(high, 64)
	if err != nil {
		return fmt.Errorf("the test's %q: %w", w, err)
	}
	if math.IsNaN(from) != math.IsNaN(v) || v < from || v > to {
		return fmt.Errorf("there is %v, want %s", v, w)
	}
	return nil
}
