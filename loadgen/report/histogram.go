package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

const (
	textBars = 11 // as oha has them
	pageBars = 40 // a finger wide on a screen, and still seen on a phone
	barWidth = 32 // columns of the longest in a text
)

// bar is how many latencies were above From, the first also at it, and at most
// Until.
type bar struct {
	From  time.Duration `json:"from"`
	Until time.Duration `json:"until"`
	Count uint64        `json:"count"`
}

// histogram is a distribution in so many bars: of the same width, or, if that
// would put nearly all into the first, each so many times as wide as the one
// before. One latency alone is one bar.
func histogram(l *measure.Latency, n int) []bar {
	if l.Count() == 0 {
		return []bar{}
	}
	low, high := l.Min(), l.Max()
	if low == high {
		return []bar{{low, high, l.Count()}}
	}
	edge := func(i int) time.Duration { return low + time.Duration(float64(high-low)*float64(i)/float64(n)) }
	if wide(l.Quantile(0.5), high) {
		low := max(low, measure.Lowest)
		edge = func(i int) time.Duration {
			return time.Duration(float64(low) * math.Pow(float64(high)/float64(low), float64(i)/float64(n)))
		}
	}
	bars := make([]bar, n)
	for i := range bars {
		bars[i].From, bars[i].Until = edge(i), edge(i+1)
	}
	bars[0].From, bars[n-1].Until = low, high
	at := 0 // latencies come from the lowest
	l.Each(func(d time.Duration, count uint64) {
		for at < n-1 && d > bars[at].Until {
			at++
		}
		bars[at].Count += count
	})
	return bars
}

// histogramText writes the response times as oha does: the upper end of each bar, how
// many it has, and how long it is.
func histogramText(b *bytes.Buffer, t *measure.Tally) {
	bars := histogram(t.Latency(), textBars)
	if len(bars) == 0 {
		return
	}
	most, ends, counts := uint64(0), 0, 0
	for _, bar := range bars {
		most = max(most, bar.Count)
		ends = max(ends, len([]rune(human.Duration(bar.Until))))
		counts = max(counts, len(human.Count(bar.Count)))
	}
	b.WriteString("Histogram:\n")
	for _, bar := range bars {
		line := fmt.Sprintf("  %*s  [%*s]  %s", ends, human.Duration(bar.Until), counts, human.Count(bar.Count), strings.Repeat("■", length(bar.Count, most)))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// length is a bar's, and at least 1 of what is not 0.
func length(n, most uint64) int {
	return int(math.Ceil(barWidth * float64(n) / float64(most)))
}

func histogramChart(r *measure.Run) chart {
	response := r.Total.Latency()
	c := chart{
		ID:      "histogram",
		Title:   "Histogram",
		Caption: "How many response times were in each span of the axis.",
		Label: fmt.Sprintf("Histogram of %s response times from %s to %s, half of them at most %s.",
			human.Count(response.Count()), human.Duration(response.Min()), human.Duration(response.Max()), human.Duration(response.Quantile(0.5))),
		XUnit:  "bar",
		YUnit:  "count",
		Series: []series{{Name: "requests", Style: "count"}},
		Bounds: []boundary{},
	}
	bars := histogram(response, pageBars)
	for i, bar := range bars {
		c.X = append(c.X, value(i))
		c.Edges = append(c.Edges, milliseconds(bar.From))
		c.Series[0].Y = append(c.Series[0].Y, value(bar.Count))
	}
	c.Edges = append(c.Edges, milliseconds(bars[len(bars)-1].Until))
	return c
}
