package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// several is a run over so many targets, of which the first has half of the
// requests. Some move, some are missing, the server fails for a while and then does
// not answer.
func several(targets int) *measure.Run {
	r := fixture(6000, 30, func(at time.Duration, random *rand.Rand) []exchange.Outcome {
		outcomes := steadySecond(6000)(at, random)
		for i := range outcomes {
			o := &outcomes[i]
			row := 1
			if i%2 == 1 {
				row += (i/2 + int(at/time.Second)) % targets
			}
			o.Request = &exchange.Request{Row: row}
			switch {
			case at >= 10*time.Second && at < 14*time.Second && i%5 == 0:
				o.Status = 503
			case at >= 18*time.Second && at < 20*time.Second && i%4 == 0:
				o.Status, o.Failure, o.Ended = 0, &exchange.Failure{Kind: exchange.Timeout}, o.Due+100*time.Millisecond
			case row%3 == 0:
				o.Status = 301
			case row%4 == 0:
				o.Status = 404
			}
		}
		return outcomes
	})
	r.Pace, r.Targets = "6,000/s", targets
	for i := range min(targets, measure.MaxTargets) {
		r.Names = append(r.Names, measure.Name{Method: "GET", URL: fmt.Sprintf("https://127.0.0.1:8443/item/%d", i+1)})
	}
	for range 8 {
		r.Total.AddConnection(measure.Made{Dial: 310 * time.Microsecond, TLS: 1900 * time.Microsecond})
	}
	return r
}

// TestTargetsAreReported: text, JSON and page have the same of each target, the one
// with the most requests first.
func TestTargetsAreReported(t *testing.T) {
	r := several(7)
	got := text(t, r)
	for _, want := range []string{
		"Connect       [50, 99, max]                     310µs, 310µs, 310µs\n",
		"TLS           [50, 99, max]                     1.9ms, 1.9ms, 1.9ms\n",
		"First Byte    [50, 99, max]                     ",
		"\nTargets:\n  Requests     Rate  Answered      50      99     Max                 Errors  Target\n",
		"   102,900  3,430/s    99,900  2.27ms  99.3ms   100ms  5xx:2700 timeout:3000  GET /item/1\n    12,900 ",
		"    12,840    428/s    12,840       –       –       –      4xx:12480 5xx:360  GET /item/4\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	var b bytes.Buffer
	if err := JSON(&b, r, nil); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.ByTarget) != 7 || d.Others != nil {
		t.Fatalf("%d targets, others %v", len(d.ByTarget), d.Others)
	}
	first, sum := d.ByTarget[0], uint64(0)
	for _, target := range d.ByTarget {
		sum += target.Requests
	}
	if sum != r.Total.Requests() || first.URL != "https://127.0.0.1:8443/item/1" || first.Method != "GET" || first.Requests != 102_900 || first.Rate != 3430 ||
		first.Answered != 99_900 || first.Succeeded != 97_200 || first.Errors["timeout"] != 3000 || first.Errors["5xx"] != 2700 || *first.Max != 100*time.Millisecond {
		t.Errorf("%d requests, the first %+v", sum, first)
	}
	if *d.Dial.Max != 310*time.Microsecond || *d.TLS.P50 == 0 || *d.FirstByte.P99 == 0 || len(d.Histogram) != pageBars {
		t.Errorf("connecting %v, TLS %v, first byte %v, %d bars", *d.Dial.Max, *d.TLS.P50, *d.FirstByte.P99, len(d.Histogram))
	}
	codes := d.Points[18].StatusCodes
	if codes["0"] != 1500 || codes["503"] != 0 || codes["200"] == 0 || codes["0"]+codes["200"]+codes["301"]+codes["404"] != d.Points[18].Requests {
		t.Errorf("statuses of a second in which some have no answer: %v of %d", codes, d.Points[18].Requests)
	}
	p := parse(t, func(w io.Writer) error { return HTML(w, r, nil, nil) })
	if got, want := p.row("GET /item/1"), "GET /item/1 102,900 3,430/s 99,900 2.27ms 99.3ms 100ms 2,700 5xx, 3,000 timeout"; got != want {
		t.Errorf("a row is %q, want %q", got, want)
	}
	if got, want := p.row("TLS handshake"), "TLS handshake 8 1.90ms 1.90ms 1.90ms"; got != want {
		t.Errorf("a row is %q, want %q", got, want)
	}
}

// TestTargetsAreBounded: beyond a hundred all others are one row, which says if
// there are some that are not counted apart, and no request is missing.
func TestTargetsAreBounded(t *testing.T) {
	for _, tt := range []struct {
		targets    int
		last, note string
	}{
		{100, "GET /item/100", ""},
		{101, "all others", "The 100 with the most requests, and all others together."},
		{measure.MaxTargets, "all others", "The 100 with the most requests, and all others together."},
		{measure.MaxTargets + 1, "all others (the first 1,000 targets are counted apart)", "Of the first 1,000 targets, which are counted apart, the 100 with the most requests; and all others together."},
	} {
		r := several(2)
		r.Names, r.Total = nil, measure.NewTally()
		for row := range tt.targets {
			for range 3 - min(row, 2) {
				r.Total.Add(&exchange.Outcome{Ticket: exchange.Ticket{Request: &exchange.Request{Row: row + 1}}, Status: 200, Ended: time.Millisecond})
			}
			if row < measure.MaxTargets {
				r.Names = append(r.Names, measure.Name{Method: "GET", URL: fmt.Sprintf("http://a/item/%d", row+1)})
			}
		}
		rows, sum := targetRows(r), uint64(0)
		for _, row := range rows {
			sum += row.Requests()
		}
		if last := rows[len(rows)-1].String(); sum != r.Total.Requests() || len(rows) != min(tt.targets, shownTargets+1) || last != tt.last || rows[0].Requests() != 3 {
			t.Errorf("%d targets: %d rows with %d of %d requests, the last is %s", tt.targets, len(rows), sum, r.Total.Requests(), last)
		}
		if got := targetTable(r, rows).Note; got != tt.note {
			t.Errorf("%d targets: the page says %q, want %q", tt.targets, got, tt.note)
		}
	}
}

// TestTargetsOfOne: what has one target has no table of them.
func TestTargetsOfOne(t *testing.T) {
	r := steady()
	var b bytes.Buffer
	_ = JSON(&b, r, nil)
	_ = HTML(&b, r, nil, nil)
	if all := b.String() + text(t, r); strings.Contains(all, "Targets:") || strings.Contains(all, "by_target") || strings.Contains(all, `id="target-table"`) {
		t.Error("a table of one target")
	}
}

// TestTargetsOfOrigins: an origin that all have is left out, and none else.
func TestTargetsOfOrigins(t *testing.T) {
	for _, tt := range []struct{ urls, want []string }{
		{[]string{"http://a/", "http://a/1?u=http://b/"}, []string{"/", "/1?u=http://b/"}},
		{[]string{"http://a/", "http://ab/"}, []string{"http://a/", "http://ab/"}},
		{[]string{"http://a/", "https://a/"}, []string{"http://a/", "https://a/"}},
		{[]string{"http://a", "http://a/1"}, []string{"http://a", "http://a/1"}},
	} {
		r := several(2)
		r.Names = []measure.Name{{Method: "GET", URL: tt.urls[0]}, {Method: "GET", URL: tt.urls[1]}}
		var got []string
		for _, row := range targetRows(r) {
			got = append(got, strings.TrimPrefix(row.String(), "GET "))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q are %q, want %q", tt.urls, got, tt.want)
		}
	}
}
