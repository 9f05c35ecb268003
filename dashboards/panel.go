package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// draw is the panel in Grafana's model, without its place. Colours are Grafana's
// names, which have a shade for the dark theme and one for the light.
func (p panel) draw() (dashboard.Panel, error) {
	drawers := map[kind]func(panel) cog.Builder[dashboard.Panel]{
		lines: panel.lines, figure: panel.figure, words: panel.words, heat: panel.heat,
	}
	drawn, err := drawers[p.kind](p).Build()
	if err != nil {
		return drawn, err
	}
	drawn.Title, drawn.Description, drawn.Datasource = &p.title, &p.about, &source
	if p.days > 0 {
		drawn.TimeFrom = new(fmt.Sprintf("%dd", p.days))
	}
	for i, q := range p.queries {
		target := prometheus.NewDataqueryBuilder().
			RefId(string(rune('A' + i))).Datasource(source).
			Expr(q.promQL()).LegendFormat(q.legend).Range()
		if p.kind == heat {
			target.Format(prometheus.PromQueryFormatHeatmap) // counts of each bucket, not of all up to it
		}
		built, err := target.Build()
		if err != nil {
			return drawn, err
		}
		drawn.Targets = append(drawn.Targets, built)
	}
	return drawn, nil
}

func (p panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	var steps []dashboard.Threshold
	for i, s := range p.steps {
		step := dashboard.Threshold{Color: s.colour}
		if i > 0 {
			step.Value = &s.from
		}
		steps = append(steps, step)
	}
	if steps == nil {
		steps = []dashboard.Threshold{{Color: "text"}}
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func (p panel) lines() cog.Builder[dashboard.Panel] {
	b := timeseries.NewPanelBuilder().
		Unit(p.unit).AxisSoftMin(0).Thresholds(p.thresholds()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)).
		LineWidth(1.5).FillOpacity(8).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).
			DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).
			Calcs([]string{"lastNotNull", "max"})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if last := len(p.steps) - 1; last > 0 {
		b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
			AxisSoftMax(1.1 * p.steps[last].from) // to be seen also while values are far below
	}
	if p.stack {
		b.FillOpacity(30).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
	}
	if p.top > 0 {
		b.Max(p.top)
	}
	return b
}

func (p panel) figure() cog.Builder[dashboard.Panel] {
	return stat.NewPanelBuilder().
		Unit(p.unit).Thresholds(p.thresholds()).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeArea).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
}

func (p panel) words() cog.Builder[dashboard.Panel] {
	return stat.NewPanelBuilder().
		Thresholds(p.thresholds()).
		TextMode(common.BigValueTextModeName).GraphMode(common.BigValueGraphModeNone).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
}

func (p panel) heat() cog.Builder[dashboard.Panel] {
	return heatmap.NewPanelBuilder().
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Turbo").Exponent(0.5).Steps(64)).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(p.unit).AxisPlacement(common.AxisPlacementLeft)).
		CellValues(heatmap.NewCellValuesBuilder().Unit(units.RequestsPerSecond)).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle).YHistogram(true))
}
