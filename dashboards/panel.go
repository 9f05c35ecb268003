package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// noData is shown in place of a value or a graph.
const noData = "no data"

// draw is the panel in Grafana's model, without its place. Colours are Grafana's
// names, which have a shade for the dark theme and one for the light.
func (p panel) draw() (dashboard.Panel, error) {
	drawers := map[kind]func(panel) cog.Builder[dashboard.Panel]{
		lines: panel.lines, figure: panel.figure, words: panel.words, bands: panel.bands, heat: panel.heat,
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
			RefId(refID(i)).Datasource(source).
			Expr(q.promQL()).LegendFormat(q.legend)
		switch p.kind {
		case figure, words:
			target.Instant() // what was last known of a dead server is not what is now
		case heat:
			target.Range().Format(prometheus.PromQueryFormatHeatmap) // counts of each bucket, not of all up to it
		default:
			target.Range()
		}
		if p.days > 0 {
			target.Interval("1m") // rules are evaluated more often: no point is without a value
		}
		built, err := target.Build()
		if err != nil {
			return drawn, err
		}
		drawn.Targets = append(drawn.Targets, built)
	}
	return drawn, nil
}

func refID(i int) string { return string(rune('A' + i)) }

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

// mappings are what is shown in place of values: what is said of them, and of what
// is no number, a share of nothing, which would have a threshold's colour.
func (p panel) mappings() []dashboard.ValueMapping {
	all := []dashboard.ValueMapping{{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match:  dashboard.SpecialValueMatchNullAndNan,
			Result: dashboard.ValueMappingResult{Text: new("–"), Color: new(grey), Index: new(int32(0))},
		},
	}}}
	if p.said == nil {
		return all
	}
	results := make(map[string]dashboard.ValueMappingResult)
	for i, value := range slices.Sorted(maps.Keys(p.said)) {
		results[strconv.FormatFloat(value, 'f', -1, 64)] = dashboard.ValueMappingResult{
			Text: new(p.said[value]), Color: new(p.colour(value)), Index: new(int32(i + 1)),
		}
	}
	return append(all, dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: results}})
}

func (p panel) lines() cog.Builder[dashboard.Panel] {
	b := timeseries.NewPanelBuilder().
		Unit(p.unit).NoValue(noData).Thresholds(p.thresholds()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)).
		LineWidth(1.5).FillOpacity(8).ShowPoints(common.VisibilityModeNever).
		Legend(p.legend()).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if p.log {
		b.FillOpacity(0).ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(10))
	} else {
		b.AxisSoftMin(0)
	}
	if last := len(p.steps) - 1; last > 0 {
		b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
			AxisSoftMax(1.1 * p.steps[last].from) // to be seen also while values are far below
	}
	if p.stack {
		// Without lines: that of a series that has nothing now would run along the top.
		b.FillOpacity(70).LineWidth(0).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
	}
	if p.top > 0 {
		b.Max(p.top)
	}
	for _, name := range slices.Sorted(maps.Keys(p.colours)) {
		b.OverrideByName(name, []dashboard.DynamicConfigValue{fixed(p.colours[name])})
	}
	for i, q := range p.queries {
		if strings.Contains(q.expr, `"none"`) {
			b.OverrideByRegexp(`/\bnone ?$/`, []dashboard.DynamicConfigValue{fixed(grey)})
		}
		if q.bound || q.dash {
			dashed := []dashboard.DynamicConfigValue{
				{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{8, 8}}},
				{Id: "custom.fillOpacity", Value: 0},
				{Id: "custom.lineWidth", Value: 1},
			}
			if q.bound {
				dashed = append(dashed, fixed("text"))
			}
			b.OverrideByQuery(refID(i), dashed)
		}
		if q.right != "" {
			b.OverrideByQuery(refID(i), []dashboard.DynamicConfigValue{
				{Id: "unit", Value: q.right},
				{Id: "custom.axisPlacement", Value: "right"},
				{Id: "custom.fillOpacity", Value: 0},
				{Id: "min", Value: 0},
			})
		}
	}
	return b
}

// fixed gives series a colour.
func fixed(colour string) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: "color", Value: map[string]string{"mode": "fixed", "fixedColor": colour}}
}

// Below a graph as high as most there is room for the legend of so many series.
const (
	usualHeight = 8
	shortLegend = 2
)

// legend is a table, what is highest first: below the graph if it is surely short,
// else beside it, where there is room for all.
func (p panel) legend() *common.VizLegendOptionsBuilder {
	b := common.NewVizLegendOptionsBuilder().ShowLegend(true).
		DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementRight).
		Calcs([]string{"max"}).SortBy("Max").SortDesc(true)
	many := slices.ContainsFunc(p.queries, func(q query) bool { return strings.Contains(q.legend, "{{") })
	if !many && len(p.queries) <= shortLegend && (p.h == 0 || p.h >= usualHeight) {
		b.Placement(common.LegendPlacementBottom)
	}
	return b
}

func (p panel) figure() cog.Builder[dashboard.Panel] {
	b := p.stat().ColorMode(common.BigValueColorModeValue)
	if p.digits > 0 {
		b.Decimals(float64(p.digits))
	}
	if len(p.queries) > 1 || strings.Contains(p.queries[0].legend, "{{") {
		return b.TextMode(common.BigValueTextModeValueAndName)
	}
	return b.TextMode(common.BigValueTextModeValue)
}

func (p panel) words() cog.Builder[dashboard.Panel] {
	b := p.stat().TextMode(common.BigValueTextModeName)
	if p.steps == nil {
		return b.ColorMode(common.BigValueColorModeNone)
	}
	return b.ColorMode(common.BigValueColorModeBackgroundSolid)
}

func (p panel) stat() *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Unit(p.unit).NoValue(noData).Thresholds(p.thresholds()).Mappings(p.mappings()).
		GraphMode(common.BigValueGraphModeNone).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
}

func (p panel) bands() cog.Builder[dashboard.Panel] {
	return statetimeline.NewPanelBuilder().
		NoValue(noData).Thresholds(p.thresholds()).Mappings(p.mappings()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		MergeValues(true).ShowValue(common.VisibilityModeAuto).FillOpacity(80).LineWidth(0).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).
			DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle))
}

// heat is of one hue, whose opacity shows how much there is, so that nothing is
// neither black on black nor a wall on white. The scale is exponential: few slow
// requests among many fast ones are to be seen.
func (p panel) heat() cog.Builder[dashboard.Panel] {
	return heatmap.NewPanelBuilder().
		NoValue(noData).
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeOpacity).
			Fill("blue").Scale(heatmap.HeatmapColorScaleExponential).Exponent(0.3).Steps(64)).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(p.unit).AxisPlacement(common.AxisPlacementLeft)).
		CellValues(heatmap.NewCellValuesBuilder().Unit(units.RequestsPerSecond)).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle).YHistogram(true))
}
