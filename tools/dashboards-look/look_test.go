package main

import (
	"slices"
	"testing"
)

func TestWrong(t *testing.T) {
	sound := panel{Title: "Requests", Type: "timeseries", Values: 720, Legend: []string{"a", "b"}}
	with := func(change func(*panel)) look {
		p := sound
		change(&p)
		return look{Settled: true, Panels: []panel{sound, p}}
	}
	for name, tt := range map[string]struct {
		seen  look
		whole bool
		want  []string
	}{
		"nothing":                     {look{Panels: []panel{sound}}, true, nil},
		"the page itself failed":      {look{Error: "no variable job"}, true, []string{"the page: no variable job"}},
		"a page without a panel":      {look{}, true, []string{"the page has no panel"}},
		"a query was refused":         {with(func(p *panel) { p.Errors = []string{"parse error"}; p.Values = 0 }), true, []string{`"Requests" (timeseries): parse error`}},
		"no number":                   {with(func(p *panel) { p.Values = 0 }), true, []string{`"Requests" (timeseries): it is empty`}},
		"it says No data":             {with(func(p *panel) { p.Empty = true }), true, []string{`"Requests" (timeseries): it is empty`}},
		"empty, but not all has been": {with(func(p *panel) { p.Empty = true }), false, nil},
		"text has no number":          {with(func(p *panel) { p.Type = "text"; p.Values = 0 }), true, nil},
		"a legend that is cut": {
			with(func(p *panel) { p.Hidden = []string{"b"} }), false,
			[]string{`"Requests" (timeseries): 1 of 2 entries of the legend are cut off: b`},
		},
	} {
		if got := tt.seen.wrong(tt.whole); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestBoards: those of the repository are read, and can be chosen by name.
func TestBoards(t *testing.T) {
	all, err := readBoards("../../dashboards/grafana")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		names string
		want  int
		err   string
	}{
		{"", len(all), ""},
		{"overview", 1, ""},
		{"overview,cache", 2, ""},
		{"overvew", 0, `there is no dashboard "overvew"; there are cache, loadtest, overview`},
	} {
		chosen, err := choose("dashboard", all, tt.names, func(b board) string { return b.name })
		if len(chosen) != tt.want || (err != nil) != (tt.err != "") || err != nil && err.Error() != tt.err {
			t.Errorf("%q: %d of them, %v", tt.names, len(chosen), err)
		}
	}
	for _, b := range all {
		if b.UID == "" || b.Title == "" || len(b.Tags) == 0 {
			t.Errorf("%s has the uid %q, the title %q and the tags %q", b.name, b.UID, b.Title, b.Tags)
		}
	}
	if _, err := readBoards(t.TempDir()); err == nil {
		t.Error("a folder without a dashboard is no error")
	}
}
