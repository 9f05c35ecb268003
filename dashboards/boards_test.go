package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestGenerated(t *testing.T) {
	for _, b := range boards {
		want, err := b.json()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(b.file())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: go run ./dashboards", b.file())
		}
	}
}

func TestPromQL(t *testing.T) {
	for _, tt := range []struct{ expr, want string }{
		{`rate(hotpath_requests_total[$rate])`, `rate(hotpath_requests_total{job=~"$job",instance=~"$instance"}[$__rate_interval])`},
		{`hotpath_requests_total{class="5xx"} / go_goroutines`,
			`hotpath_requests_total{job=~"$job",instance=~"$instance",class="5xx"} / go_goroutines{job=~"$job",instance=~"$instance"}`},
		{`1 - job:hotpath_slo_burn:ratio1h`, `1 - job:hotpath_slo_burn:ratio1h{job=~"$job"}`},
		{`count(slo:hotpath_budget:ratio)`, `count(slo:hotpath_budget:ratio)`},
		{`max(all:hotpath_alerts:evaluated)`, `max(all:hotpath_alerts:evaluated)`},
		{`instance:hotpath_requests:rate1m`, `instance:hotpath_requests:rate1m{job=~"$job",instance=~"$instance"}`},
		{`hotpath_loadgen_failures_total{kind="tls"}`, `hotpath_loadgen_failures_total{instance=~"$loadgen",kind="tls"}`},
		{`sum(up) / count(hotpath_streams_open{setup="up"})`,
			`sum(up{job=~"$job",instance=~"$instance"}) / count(hotpath_streams_open{job=~"$job",instance=~"$instance",setup="up"})`},
		{`process_open_fds{instance=~"$loadgen"}`, `process_open_fds{instance=~"$loadgen"}`},
	} {
		if got := (query{expr: tt.expr}).promQL(); got != tt.want {
			t.Errorf("%s becomes\n%s, want\n%s", tt.expr, got, tt.want)
		}
	}
}

func TestLayout(t *testing.T) {
	first := overview.sections[0].panels // two rows of figures, and graphs below
	places, next := layout(first, 1)
	want := []place{
		{0, 1, 3, 3}, {3, 1, 17, 3}, {20, 1, 4, 3},
		{0, 4, 4, 3}, {4, 4, 4, 3}, {8, 4, 4, 3}, {12, 4, 4, 3}, {16, 4, 4, 3}, {20, 4, 4, 3},
		{0, 7, 8, 8}, {8, 7, 8, 8}, {16, 7, 8, 8},
	}
	if !slices.Equal(places, want) || next != 15 {
		t.Errorf("places %v and %d, want %v and 15", places, next, want)
	}
	places, next = layout([]panel{{w: 20, h: 3}, {w: 8, h: 2}, {w: 4, h: 1}}, 0)
	if want := []place{{0, 0, 20, 3}, {0, 3, 8, 2}, {20, 0, 4, 1}}; !slices.Equal(places, want) || next != 5 {
		t.Errorf("places %v and %d, want %v and 5", places, next, want)
	}
}

// written is what Grafana needs of a dashboard's file.
type written struct {
	UID    string   `json:"uid"`
	Tags   []string `json:"tags"`
	Panels []struct {
		ID          int    `json:"id"`
		Type        string `json:"type"`
		Title       string `json:"title"`
		Description string `json:"description"`
		GridPos     struct{ X, Y, W, H int }
		Datasource  struct{ UID string }
		FieldConfig struct {
			Defaults struct {
				Unit   string
				Custom struct {
					LineWidth         *float64
					Stacking          struct{ Mode string }
					ScaleDistribution struct{ Type string }
				}
			}
		}
		Options struct {
			Legend struct {
				DisplayMode, SortBy string
				SortDesc            bool
			}
			Color struct{ Mode, Scale string }
		}
		Targets []struct {
			RefID, Expr, LegendFormat string
			Instant, Range            bool
			Datasource                struct{ UID string }
		}
	} `json:"panels"`
	Links []struct {
		Type, URL, Placement string
		Tags                 []string
	} `json:"links"`
	Annotations struct {
		List []struct{ Name, Placement string }
	} `json:"annotations"`
	Templating struct {
		List []struct{ Name, Label string }
	} `json:"templating"`
}

// TestDrawn: what is drawn says what is, whatever the values are.
func TestDrawn(t *testing.T) {
	for _, b := range boards {
		text, err := os.ReadFile(b.file())
		if err != nil {
			t.Fatal(err)
		}
		var d written
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", b.file(), err)
		}
		for _, l := range d.Links {
			if l.Placement != "" {
				t.Errorf("%s: a link is placed %s: newer Grafanas hide it", b.file(), l.Placement)
			}
		}
		for _, a := range d.Annotations.List {
			if a.Placement != "" {
				t.Errorf("%s: the switch of %s is placed %s: newer Grafanas hide it", b.file(), a.Name, a.Placement)
			}
		}
		for _, v := range d.Templating.List {
			if v.Label == "" || v.Label[0] < 'A' || v.Label[0] > 'Z' {
				t.Errorf("%s: the choice %s is labelled %q", b.file(), v.Name, v.Label)
			}
		}
		titles := make(map[string]bool)
		for _, p := range d.Panels {
			name := b.file() + ": " + p.Title
			if titles[p.Title] {
				t.Errorf("%s: a title twice", name)
			}
			titles[p.Title] = true
			defaults := p.FieldConfig.Defaults
			stacked := defaults.Custom.Stacking.Mode == "normal"
			for _, q := range p.Targets {
				if now := p.Type == "stat"; q.Instant != now || q.Range == now {
					t.Errorf("%s: instant: %v, a range: %v; a figure is of now alone, and a graph is not", name, q.Instant, q.Range)
				}
				if p.Type == "stat" && strings.Contains(q.Expr, "$__rate_interval") {
					t.Errorf("%s: a figure of now whose window grows with the time that is shown: %s", name, q.Expr)
				}
				if stacked && !strings.Contains(q.Expr, "> 0") {
					t.Errorf("%s: series of zeros are stacked on the others: %s", name, q.Expr)
				}
			}
			switch p.Type {
			case "heatmap":
				if p.Options.Color.Mode != "opacity" || p.Options.Color.Scale != "exponential" {
					t.Errorf("%s: colours %+v are not those of one hue", name, p.Options.Color)
				}
			case "timeseries":
				if l := p.Options.Legend; l.DisplayMode != "table" || l.SortBy != "Max" || !l.SortDesc {
					t.Errorf("%s: a legend that is no table, what is highest first: %+v", name, l)
				}
				if defaults.Unit == "s" && defaults.Custom.ScaleDistribution.Type != "log" {
					t.Errorf("%s: durations on a linear axis", name)
				}
				if stacked && (defaults.Custom.LineWidth == nil || *defaults.Custom.LineWidth != 0) {
					t.Errorf("%s: stacked lines, of which that of zero runs along the top", name)
				}
			}
		}
	}
}

// TestWritten looks at the files as Grafana would, as far as that is known
// without it: what is shown where, with which source, unit and words.
func TestWritten(t *testing.T) {
	uids := make(map[string]bool)
	for _, b := range boards {
		text, err := os.ReadFile(b.file())
		if err != nil {
			t.Fatal(err)
		}
		var d written
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", b.file(), err)
		}
		if len(d.UID) < 8 || len(d.UID) > 40 || uids[d.UID] {
			t.Errorf("%s: uid %q is not one of 8 to 40 letters of its own", b.file(), d.UID)
		}
		uids[d.UID] = true
		for _, l := range d.Links {
			if l.Type == "dashboards" && !slices.Equal(l.Tags, d.Tags) {
				t.Errorf("%s: it links to dashboards tagged %v and is tagged %v", b.file(), l.Tags, d.Tags)
			}
		}
		ids := make(map[int]bool)
		taken := make(map[[2]int]string)
		for _, p := range d.Panels {
			name := b.file() + ": " + p.Title
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: id %d is taken", name, p.ID)
			}
			ids[p.ID] = true
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X+g.W > columns {
				t.Errorf("%s: at %+v it does not fit in %d columns", name, g, columns)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s: at %+v it lies over %s", name, g, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			if p.Description == "" || p.Title == "" {
				t.Errorf("%s: no title, or no description", name)
			}
			if p.Type == "timeseries" && p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%s: no unit", name)
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s: no query", name)
			}
			refs := make(map[string]bool)
			for _, q := range p.Targets {
				if refs[q.RefID] || q.RefID == "" {
					t.Errorf("%s: refId %q is taken", name, q.RefID)
				}
				refs[q.RefID] = true
				if q.Datasource.UID != "${datasource}" || p.Datasource.UID != "${datasource}" {
					t.Errorf("%s: a source that cannot be chosen: %q, %q", name, p.Datasource.UID, q.Datasource.UID)
				}
				if q.LegendFormat == "" || strings.Contains(q.Expr, "$rate") {
					t.Errorf("%s: no legend, or a word that Grafana does not have: %s", name, q.Expr)
				}
			}
		}
	}
}

// TestFirstSectionFits: a laptop of 1440 by 900 shows 15 rows of 38 pixels below
// the browser's and Grafana's own heads.
func TestFirstSectionFits(t *testing.T) {
	for _, b := range boards {
		if _, next := layout(b.sections[0].panels, 1); next > 15 {
			t.Errorf("%s: the first section ends at row %d, below the edge", b.uid, next)
		}
	}
}
