package report

import (
	"slices"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// maxPoints is how many points a chart over time gets: some per pixel of a wide
// one, and a page well below a megabyte.
const maxPoints = 2000

// thin picks points if there are more than about most. The run is cut into
// spans, and of each the points are kept at which one of extremes is largest:
// every point that is shown was measured, and no peak is lost.
func thin(points []measure.Point, most int, extremes ...func(measure.Point) float64) []measure.Point {
	if len(points) <= most {
		return points
	}
	spans := max(1, most/len(extremes))
	var kept []measure.Point
	for i := range spans {
		begin, end := i*len(points)/spans, (i+1)*len(points)/spans
		var picked []int
		for _, extreme := range extremes {
			best := begin
			for at := begin; at < end; at++ {
				if extreme(points[at]) > extreme(points[best]) {
					best = at
				}
			}
			picked = append(picked, best)
		}
		slices.Sort(picked)
		for _, at := range slices.Compact(picked) {
			kept = append(kept, points[at])
		}
	}
	return kept
}
