package remotewrite

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protowire"
)

// Label is a name and a value, both not empty.
type Label struct{ Name, Value string }

// Fields of the messages, prometheus.WriteRequest and what is in it. All but a
// sample's are of the wire type that has a length.
const (
	requestSeries   = 1
	seriesLabels    = 1
	seriesSamples   = 2
	labelName       = 1
	labelValue      = 2
	sampleValue     = 1 // a double
	sampleTimestamp = 2 // ms since 1970, a varint
)

// Append appends to dst a WriteRequest with a sample of each series, of that moment.
// Each series has more labels, but for those whose name it has itself. Counters,
// gauges, untyped metrics and histograms with buckets have series; others have none.
func Append(dst []byte, families []*dto.MetricFamily, more []Label, at time.Time) []byte {
	e := encoder{dst: dst, more: more, at: at.UnixMilli()}
	for _, f := range families {
		for _, m := range f.Metric {
			switch {
			case m.Counter != nil:
				e.series(f.GetName(), m.Label, "", m.Counter.GetValue())
			case m.Gauge != nil:
				e.series(f.GetName(), m.Label, "", m.Gauge.GetValue())
			case m.Untyped != nil:
				e.series(f.GetName(), m.Label, "", m.Untyped.GetValue())
			case m.Histogram != nil:
				e.histogram(f.GetName(), m.Label, m.Histogram)
			}
		}
	}
	return e.dst
}

type encoder struct {
	dst  []byte
	more []Label
	at   int64

	labels []Label // of a series
	body   []byte  // a series
	part   []byte  // a label or a sample in it
}

func (e *encoder) histogram(name string, own []*dto.LabelPair, h *dto.Histogram) {
	for _, b := range h.Bucket {
		if !math.IsInf(b.GetUpperBound(), 1) {
			e.series(name+"_bucket", own, bound(b.GetUpperBound()), float64(b.GetCumulativeCount()))
		}
	}
	e.series(name+"_bucket", own, "+Inf", float64(h.GetSampleCount()))
	e.series(name+"_sum", own, "", h.GetSampleSum())
	e.series(name+"_count", own, "", float64(h.GetSampleCount()))
}

// bound is a bucket's upper bound as Prometheus stores those that it scrapes: a whole
// number has a decimal.
func bound(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// series appends a series. le is the bound of a bucket; "": it is none.
func (e *encoder) series(name string, own []*dto.LabelPair, le string, value float64) {
	e.labels = append(e.labels[:0], Label{"__name__", name})
	if le != "" {
		e.labels = append(e.labels, Label{"le", le})
	}
	for _, l := range own {
		e.labels = append(e.labels, Label{l.GetName(), l.GetValue()})
	}
	for _, l := range e.more {
		if !slices.ContainsFunc(e.labels, func(o Label) bool { return o.Name == l.Name }) {
			e.labels = append(e.labels, l)
		}
	}
	slices.SortFunc(e.labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	e.body = e.body[:0]
	for _, l := range e.labels {
		e.part = appendText(e.part[:0], labelName, l.Name)
		e.part = appendText(e.part, labelValue, l.Value)
		e.body = appendMessage(e.body, seriesLabels, e.part)
	}
	e.part = protowire.AppendTag(e.part[:0], sampleValue, protowire.Fixed64Type)
	e.part = protowire.AppendFixed64(e.part, math.Float64bits(value))
	e.part = protowire.AppendTag(e.part, sampleTimestamp, protowire.VarintType)
	e.part = protowire.AppendVarint(e.part, uint64(e.at))
	e.body = appendMessage(e.body, seriesSamples, e.part)
	e.dst = appendMessage(e.dst, requestSeries, e.body)
}

func appendText(dst []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), s)
}

func appendMessage(dst []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), m)
}
