//go:build linux

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/section"
)

// sampleResults have figures for one bar that is met, one that is not, and one
// without its peer.
func sampleResults() *results {
	r := newResults([]string{hotpath, h2o, nginx, netHTTP})
	r.rows = []string{"h2-8x32-1KiB", "h2-8x32-1MiB", rowIdle, rowHandshake}
	for server, cpu := range map[string]float64{hotpath: 1.2, h2o: 1.6, nginx: 9.6, netHTTP: 29.5} {
		for _, noise := range []float64{0, 5, -1} {
			r.add("h2-8x32-1KiB", server, []value{{cpuPerRequest, cpu + noise}, {requestRate, 600000}})
		}
	}
	r.add("h2-8x32-1MiB", hotpath, []value{{bytesPerCPU, 900}})
	r.add("h2-8x32-1MiB", h2o, []value{{bytesPerCPU, 1000}})
	r.add(rowIdle, hotpath, []value{{memoryPerConn, 20}})
	r.add(rowHandshake, hotpath, []value{{cpuPerHandshake, 300}})
	r.ciphers[h2o] = "TLS_AES_128_GCM_SHA256"
	return r
}

func TestReport(t *testing.T) {
	a := about{
		date: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), command: "go run ./tools/bench", cpu: "Model 9",
		cores: 2, kernel: "6.1", rounds: 3, versions: [][2]string{{hotpath, "go1.26"}, {h2o, "2.2.5"}},
	}
	r := sampleResults()
	r.note("Row %s is short.", rowMany)
	r.note("Row %s is short.", rowMany)
	text := report(a, r)
	for _, want := range []string{
		"Measured on 2026-01-02 03:04 UTC with `go run ./tools/bench`: median of 3 rounds.",
		"Machine: Model 9, 2 cores, Linux 6.1. Server on core 0, client on core 1.",
		"- hotpath: go1.26\n- h2o: 2.2.5; TLS_AES_128_GCM_SHA256\n",
		"\nRow many is short.\n",
		"### CPU of the server's processes per request, µs\n",
		"| h2-8x32-1KiB |    1.20 | 1.60 |  9.60 |    29.50 |  0.75 |    0.12 |       0.04 |\n",
		"| h2-8x32-1MiB |     900 | 1,000 |  0.90 |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Count(text, "is short") != 1 {
		t.Error("a note stands twice")
	}
	if strings.Contains(text, "latency, ms") {
		t.Error("there is a table without a figure")
	}
}

func TestReportWithoutHotpath(t *testing.T) {
	r := newResults([]string{h2o, nginx})
	r.rows = []string{rowIdle}
	r.add(rowIdle, h2o, []value{{memoryPerConn, 30}})
	r.add(rowIdle, nginx, []value{{memoryPerConn, 15}})
	text := report(about{}, r)
	if strings.Contains(text, "÷") || strings.Contains(text, "bar") {
		t.Errorf("compares with what was not measured:\n%s", text)
	}
}

func TestBarTable(t *testing.T) {
	got := make(map[string][]string)
	for _, line := range barTable(sampleResults())[1:] {
		got[line[0]] = line[1:]
	}
	want := map[string][]string{
		"CPU per request, h2 8×32, 1 KiB":          {"1.20 µs", "≤ 0.80 × h2o, ≤ nginx ÷ 6, ≤ net/http ÷ 18", "yes", "≤ 0.60 × h2o", "no"},
		"bytes per CPU second, h2-8x32, 1 MiB":     {"900 MiB/s", "≥ 0.90 × h2o", "yes", "≥ 1.10 × h2o", "no"},
		"requests/s at full speed, h2 8×32, 1 KiB": {"600,000 /s", "≥ 0.95 × h2o, ≥ 150,000 /s", "yes", "≥ 1.10 × h2o", "no"},
		"memory per idle h2 connection":            {"20.0 KiB", "≤ 20 KiB", "yes", "≤ 14 KiB", "no"},
		"CPU per full TLS 1.3 handshake":           {"300 µs", "≤ 1.00 × net/http", "?", "≤ 1.00 × nginx", "?"},
	}
	if len(got) != len(want) {
		t.Errorf("%d bars, want %d: %q", len(got), len(want), got)
	}
	for label, line := range want {
		if strings.Join(got[label], "|") != strings.Join(line, "|") {
			t.Errorf("%s: got %q, want %q", label, got[label], line)
		}
	}
}

// TestJudgeNoWinsOverUnknown has one limit that is missed and one without
// figures.
func TestJudgeNoWinsOverUnknown(t *testing.T) {
	r := newResults([]string{hotpath, h2o})
	r.add("h2-8x32-1KiB", h2o, []value{{cpuPerRequest, 1}})
	if _, met := judge(bars[0], bars[0].must, r, 2); met != "no" {
		t.Errorf("met = %q, want no", met)
	}
}

// TestBarsNameRows finds each bar's row among those that are measured.
func TestBarsNameRows(t *testing.T) {
	known := make(map[string]bool)
	for _, r := range slices.Concat(allRows(), edgeRows()) {
		if known[r.name] {
			t.Errorf("two rows are named %s", r.name)
		}
		known[r.name] = true
	}
	for _, b := range bars {
		if !known[b.row] {
			t.Errorf("%s: there is no row %q", b.label, b.row)
		}
	}
}

func TestGrouped(t *testing.T) {
	for _, tt := range []struct {
		v        float64
		decimals int
		want     string
	}{
		{0, 0, "0"}, {0.375, 2, "0.38"}, {999, 0, "999"}, {1000, 0, "1,000"}, {630000, 0, "630,000"},
		{1234567.891, 2, "1,234,567.89"}, {-1234, 0, "-1,234"}, {999.96, 1, "1,000.0"},
	} {
		if got := grouped(tt.v, tt.decimals); got != tt.want {
			t.Errorf("grouped(%v, %d) = %q, want %q", tt.v, tt.decimals, got, tt.want)
		}
	}
}

func TestWriteTable(t *testing.T) {
	var b bytes.Buffer
	writeTable(&b, [][]string{{"", "µs"}, {"row", "1,000"}, {"r", ""}})
	const want = "" +
		"|     |    µs |\n" +
		"| --- | ----: |\n" +
		"| row | 1,000 |\n" +
		"| r   |       |\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestReplaceSection(t *testing.T) {
	beginMark, endMark := section.Marks(serversCommand)
	document := "# Title\n\nprose\n\n" + beginMark + "\nold\n" + endMark + "\n\nmore prose\n"
	got, err := section.Replace(document, "new\n", serversCommand)
	want := "# Title\n\nprose\n\n" + beginMark + "\n\nnew\n\n" + endMark + "\n\nmore prose\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if again, err := section.Replace(got, "new\n", serversCommand); err != nil || again != want {
		t.Errorf("the second time: %q, %v", again, err)
	}
	for _, bad := range []string{"", "no marks\n", endMark + "\n" + beginMark + "\n", beginMark + "\n"} {
		if _, err := section.Replace(bad, "x", serversCommand); err == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
}
