package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const (
	tag        = "hotpath" // of every dashboard: their links to each other go by it
	runbookURL = "https://github.com/e0ac7cd4/hotpath/blob/main/docs/operations.md#alerts"
)

// source is the Prometheus that is chosen at the head of the dashboard.
var source = common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}

// moments are marked on every graph: expressions whose value is a Unix time in
// seconds.
var moments = []moment{
	{"Restarts", "red", "process_start_time_seconds", ""},
	{"Reloads", "blue", "(hotpath_config_loaded_timestamp_seconds > process_start_time_seconds + 10)",
		"what is read at the start is no reload"},
	{"Reloads refused", "orange", "hotpath_config_refused_timestamp_seconds", "a server that was never asked for one that it could not take has 0"},
}

type moment struct{ name, colour, expr, mayBeEmpty string }

// query asks for what happened within the time that is shown, in ms.
func (m moment) query() query {
	return query{expr: m.expr + " * 1000 >= $__from <= $__to", mayBeEmpty: m.mayBeEmpty}
}

// json is the dashboard in Grafana's classic model, which every Grafana
// provisions from a file.
func (b board) json() ([]byte, error) {
	//lint:ignore SA1019 its successor is a resource that only the newest Grafana has
	d := dashboard.NewDashboardBuilder(b.title).
		Uid(b.uid).Description(b.about).Tags([]string{tag}).
		Time("now-1h", "now").Refresh("10s").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("hotpath").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).IncludeVars(true).KeepTime(true)).
		Link(dashboard.NewDashboardLinkBuilder("Runbooks").Type(dashboard.DashboardLinkTypeLink).
			Url(runbookURL).Icon("doc").TargetBlank(true)).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus"))
	for _, v := range b.variables {
		choice := dashboard.NewQueryVariableBuilder(v.name).
			Label(v.label).Description(v.about).Query(dashboard.StringOrMap{String: &v.values}).Datasource(source).
			Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc).
			Multi(true).IncludeAll(true).
			Current(dashboard.VariableOption{
				Text:  dashboard.StringOrArrayOfString{String: new("All")},
				Value: dashboard.StringOrArrayOfString{String: new("$__all")},
			})
		if v.all != "" {
			choice.AllValue(v.all)
		}
		d.WithVariable(choice)
	}
	for _, m := range moments {
		d.Annotation(dashboard.NewAnnotationQueryBuilder().
			Name(m.name).Datasource(source).Enable(true).IconColor(m.colour).
			Expr(m.query().promQL()).UseValueForTime(true).
			TitleFormat(m.name).TextFormat("{{instance}}"))
	}
	built, err := d.Build()
	if err != nil {
		return nil, err
	}
	for i := range built.Links {
		built.Links[i].Placement = nil // by default the SDK moves them into a menu
	}
	for i := range built.Annotations.List {
		built.Annotations.List[i].Placement = nil
	}
	if built.Panels, err = b.panels(); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // expressions are to be read
	err = encoder.Encode(built)
	return text.Bytes(), err
}

// panels are the sections, each a row that can be folded with its panels
// below.
func (b board) panels() ([]dashboard.PanelOrRowPanel, error) {
	var all []dashboard.PanelOrRowPanel
	var id uint32
	y := 0
	for _, s := range b.sections {
		id++
		row := dashboard.NewRowPanel()
		row.Title, row.Id = &s.title, id
		row.GridPos = place{y: y, w: columns, h: 1}.grid()
		all = append(all, dashboard.PanelOrRowPanel{RowPanel: row})
		var places []place
		places, y = layout(s.panels, y+1)
		for i, p := range s.panels {
			id++
			drawn, err := p.draw()
			if err != nil {
				return nil, fmt.Errorf("panel %s: %w", p.title, err)
			}
			drawn.Id, drawn.GridPos = new(id), places[i].grid()
			all = append(all, dashboard.PanelOrRowPanel{Panel: &drawn})
		}
	}
	return all, nil
}

func (p place) grid() *dashboard.GridPos {
	return &dashboard.GridPos{X: uint32(p.x), Y: uint32(p.y), W: uint32(p.w), H: uint32(p.h)}
}
