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
		{`instance:hotpath_requests:rate1m`, `instance:hotpath_requests:rate1m{job=~"$job",instance=~"$instance"}`},
		{`hotpath_loadgen_failures_total{kind="tls"}`, `hotpath_loadgen_failures_total{instance=~"$loadgen",kind="tls"}`},
		{`process_open_fds{instance=~"$loadgen"}`, `process_open_fds{instance=~"$loadgen"}`},
	} {
		if got := (query{expr: tt.expr}).promQL(); got != tt.want {
			t.Errorf("%s becomes\n%s, want\n%s", tt.expr, got, tt.want)
		}
	}
}

func TestLayout(t *testing.T) {
	first := overview.sections[0].panels // two charts beside four figures
	places, next := layout(first, 1)
	want := []place{{0, 1, 8, 8}, {8, 1, 8, 8}, {16, 1, 4, 4}, {20, 1, 4, 4}, {16, 5, 4, 4}, {20, 5, 4, 4}}
	if !slices.Equal(places, want) || next != 9 {
		t.Errorf("places %v and %d, want %v and 9", places, next, want)
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
		FieldConfig struct{ Defaults struct{ Unit string } }
		Targets     []struct {
			RefID, Expr, LegendFormat string
			Datasource                struct{ UID string }
		}
	} `json:"panels"`
	Links []struct {
		Type, URL string
		Tags      []string
	} `json:"links"`
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
