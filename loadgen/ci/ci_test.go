package ci

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

var suite = &Suite{
	Name: "loadgen", Subject: "https://127.0.0.1:8443/a|b<c>", Result: "1 of 2 objectives missed.",
	Begin: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Duration: 30 * time.Second,
	Cases: []Case{
		{Name: "p99 <= 10ms", Got: "12ms", Failed: true},
		{Name: "errors <= 0", Got: "0"},
		{Name: "mean", Skipped: "too few seconds"},
		{Name: "p50 is no worse", Got: "3ms", Undecided: "too few to tell"},
	},
	Columns: []string{"Rate", "p99"}, Rows: [][]string{{"1,000/s", "12ms"}},
	Notes: []string{"a\x1b[31mred\x00 <script>"},
}

// TestJUnit: the XML is read again as what it says, whatever the texts have.
func TestJUnit(t *testing.T) {
	var b strings.Builder
	if err := JUnit(&b, suite); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatalf("%v:\n%s", err, b.String())
	}
	s := got.Suites[0]
	if got.Tests != 4 || got.Failures != 1 || got.Errors != 1 || s.Tests != 4 || s.Failures != 1 || s.Errors != 1 || s.Skipped != 1 || s.Time != "30.000" || s.Timestamp != "2026-03-01T12:00:00" {
		t.Errorf("the suite is %+v", s)
	}
	if f := s.Cases[0].Failure; f == nil || f.Message != "p99 <= 10ms: got 12ms" {
		t.Errorf("the missed objective is %+v", s.Cases[0])
	}
	if c := s.Cases[1]; c.Failure != nil || c.Out != "got 0" {
		t.Errorf("the met objective is %+v", c)
	}
	if s.Cases[2].Skipped == nil {
		t.Error("what was not judged is not skipped")
	}
	if c := s.Cases[3]; c.Failure != nil || c.Error == nil || c.Error.Message != "p50 is no worse: cannot say, too few to tell; got 3ms" {
		t.Errorf("what is undecided is %+v", c)
	}
	if strings.ContainsAny(b.String(), "\x1b\x00") || !strings.Contains(s.Out, "1 of 2 objectives missed.\na") {
		t.Errorf("the text is %q", s.Out)
	}
}

// TestMark: what was not judged is not passed.
func TestMark(t *testing.T) {
	passed, failed, skipped := Case{Got: "0"}, Case{Failed: true}, Case{Skipped: "nobody asked"}
	for _, tt := range []struct {
		why   string
		cases []Case
		want  string
	}{
		{"all passed", []Case{passed, passed}, "✅"},
		{"one failed", []Case{passed, failed, skipped}, "❌"},
		{"one was not judged, and the others passed", []Case{passed, skipped}, "✅"},
		{"of one nothing can be said", []Case{passed, {Undecided: "too few seconds"}, skipped}, "❔"},
		{"none was judged", []Case{skipped, skipped}, "➖"},
	} {
		if got := (&Suite{Cases: tt.cases}).mark(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.want)
		}
	}
}

// TestSummary: what texts have is shown, and gives the summary no form.
func TestSummary(t *testing.T) {
	var b strings.Builder
	if err := Summary(&b, suite); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"### ❌ loadgen: https:&#47;/127.0.0.1:8443/a\\|b&lt;c&gt;\n",
		"| p99 &lt;= 10ms | 12ms | ❌ missed |\n", "| errors &lt;= 0 | 0 | ✅ met |\n", "| mean |  | ➖ too few seconds |\n",
		"| p50 is no worse | 3ms | ❔ cannot say: too few to tell |\n",
		"| Rate | p99 |\n|---|---|\n| 1,000/s | 12ms |\n", "1 of 2 objectives missed.\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\x00") || strings.Contains(b.String(), "<script") {
		t.Errorf("it has what was to be escaped:\n%s", b.String())
	}
}

// TestSummaryMark: a suite is met only if all of it is.
func TestSummaryMark(t *testing.T) {
	met, skipped, undecided, failed := Case{Name: "a"}, Case{Name: "b", Skipped: "none"}, Case{Name: "c", Undecided: "few"}, Case{Name: "d", Failed: true}
	for _, tt := range []struct {
		says  string
		cases []Case
		want  string
	}{
		{"what is met or not judged is met", []Case{met, skipped}, "### ✅"},
		{"what is undecided is not met", []Case{met, undecided}, "### ❔"},
		{"what is missed outweighs it", []Case{undecided, failed}, "### ❌"},
	} {
		var b strings.Builder
		if err := Summary(&b, &Suite{Cases: tt.cases}); err != nil || !strings.HasPrefix(b.String(), tt.want) {
			t.Errorf("%s: %v, want %s:\n%s", tt.says, err, tt.want, b.String())
		}
	}
}
