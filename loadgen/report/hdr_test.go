package report

import (
	"bufio"
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHDR reads the format as HdrHistogram's plotters do: a head, an empty
// line, rows of four numbers, a legend in comments.
func TestHDR(t *testing.T) {
	r := stalled()
	var b bytes.Buffer
	if err := HDR(&b, r); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(&b)
	lines.Scan()
	if got, want := strings.Fields(lines.Text()), "Value Percentile TotalCount 1/(1-Percentile)"; strings.Join(got, " ") != want {
		t.Fatalf("the head is %q", got)
	}
	lines.Scan()
	if lines.Text() != "" {
		t.Fatalf("after the head: %q", lines.Text())
	}
	rows, comments := 0, 0
	var before [4]float64
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#[") {
			comments++
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) != 4 || comments > 0 {
			t.Fatalf("not a row: %q", lines.Text())
		}
		var row [4]float64
		for i, f := range fields {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil || v < before[i] {
				t.Fatalf("field %d of %q: %v, after %v", i, lines.Text(), err, before[i])
			}
			row[i] = v
		}
		want := float64(r.Total.Latency().Quantile(row[1])) / float64(time.Millisecond)
		if math.Abs(row[0]-want) > want/100+0.001 {
			t.Errorf("%v ms at %v, want %v", row[0], row[1], want)
		}
		before = row
		rows++
	}
	if rows < 50 || comments != 3 {
		t.Errorf("%d rows and %d comments", rows, comments)
	}
	if last := before; last[1] != 1 || last[2] != float64(r.Total.Latency().Count()) || !math.IsInf(last[3], 1) {
		t.Errorf("the last row is %v", last)
	}
}
