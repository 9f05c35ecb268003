package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reportOf is a file with the JSON report of a run whose spans have that mean.
func reportOf(t *testing.T, name string, spans int, mean time.Duration, more string) string {
	t.Helper()
	points := make([]string, spans)
	for i := range points {
		jitter := time.Duration(i*7%13) * mean / 200
		points[i] = fmt.Sprintf(`{"begin":%d,"length":1000000000,"rate":1000,"requests":1000,"mean":%d,"50th":%[2]d,"99th":%[2]d,"service_mean":%[2]d}`, i*1_000_000_000, mean+jitter)
	}
	file := filepath.Join(t.TempDir(), name)
	text := fmt.Sprintf(`{"target":"https://127.0.0.1/","pace":"1,000/s","protocol":"h2","asked_rate":1000,"success":1,"judged_latencies":{"mean":%d,"max":%[1]d}%s,"points":[%s]}`, mean, more, strings.Join(points, ","))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// driftOf is a file with the JSON report of a run of eleven seconds whose means rise
// from one to another.
func driftOf(t *testing.T, name string, from, to time.Duration) string {
	t.Helper()
	var points []string
	for i := range time.Duration(11) {
		points = append(points, fmt.Sprintf(`{"begin":%d,"length":1000000000,"rate":1000,"requests":1000,"mean":%d}`, i*time.Second, from+(to-from)*i/10))
	}
	file := filepath.Join(t.TempDir(), name)
	text := fmt.Sprintf(`{"success":1,"judged_latencies":{},"points":[%s]}`, strings.Join(points, ","))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCompareCommand: the exit code is the answer, and no answer is no pass.
func TestCompareCommand(t *testing.T) {
	const ms = time.Millisecond
	a, same, slower := reportOf(t, "a.json", 60, 2*ms, ""), reportOf(t, "same.json", 60, 2*ms, ""), reportOf(t, "slower.json", 60, 3*ms, "")
	short, other := reportOf(t, "short.json", 5, 2*ms, ""), reportOf(t, "other.json", 60, 2*ms, `,"streams":1`)
	drift, later, far := driftOf(t, "drift.json", 11*ms, 12*ms), driftOf(t, "later.json", 14*ms, 15*ms), driftOf(t, "far.json", 140*ms, 150*ms)
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"points":`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		says string
		args []string
		code int
		want string
	}{
		{"nothing changed", []string{a, same}, exitOK, "No change beyond noise."},
		{"slower", []string{a, slower}, exitFailure, "B is worse in mean, p50, p99, service mean."},
		{"faster", []string{slower, a}, exitOK, "B is better in"},
		{"a least change above it", []string{a, slower, "-least", "0.9"}, exitOK, "No change"},
		{"flags before the files", []string{"-least", "0.9", a, slower}, exitOK, "No change"},
		{"flags between them", []string{a, "-least=0.9", "--", slower}, exitOK, "No change"},
		{"too few seconds", []string{a, short}, exitUsage, "A has 60, B has 5"},
		{"a change that so few seconds cannot tell from drift", []string{drift, later}, exitUsage, "Nothing can be said of mean"},
		{"the same as JSON", []string{drift, later, "-json"}, exitUsage, `"outcome":"cannot say","settings_that_differ"`},
		{"a change that no drift makes", []string{drift, far}, exitFailure, "B is worse in mean."},
		{"settings that differ", []string{a, other}, exitOK, "The settings differ"},
		{"one file", []string{a}, exitUsage, "1 files: wanted are two"},
		{"no such file", []string{a, a + "x"}, exitUsage, "a.jsonx"},
		{"no JSON", []string{broken, a}, exitUsage, "broken.json: no JSON report"},
		{"unknown flag", []string{a, same, "-leest", "1"}, exitUsage, "did you mean -least?"},
		{"a share that is none", []string{a, same, "-least", "-1"}, exitUsage, "allowed are 0 to 10"},
		{"both on the standard output", []string{a, same, "-html", "-", "-junit", "-"}, exitUsage, "one of them"},
	} {
		code, out, stderr := call(t, context.Background(), "", append([]string{"compare"}, tt.args...)...)
		if code != tt.code || !strings.Contains(out+stderr, tt.want) {
			t.Errorf("%s: exit %d, want %d with %q:\n%s%s", tt.says, code, tt.code, tt.want, out, stderr)
		}
	}
	var got struct {
		Outcome string
		Figures []struct{ Outcome string }
	}
	_, out, _ := call(t, context.Background(), "", "compare", a, slower, "-json")
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Outcome != "worse" || len(got.Figures) < 6 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestVerdictFiles: continuous integration gets the verdicts of a run, of a search
// and of a comparison, and what other steps wrote in its summary stays.
func TestVerdictFiles(t *testing.T) {
	url, cacert, _ := server(t)
	dir := t.TempDir()
	summary := filepath.Join(dir, "summary.md")
	if err := os.WriteFile(summary, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(summaryVariable, summary)
	a, slower := reportOf(t, "a.json", 60, 2*time.Millisecond, ""), reportOf(t, "b.json", 60, 3*time.Millisecond, "")
	attack := []string{"-target", url, "-cacert", cacert, "-rate", "100", "-quiet"}
	for _, tt := range []struct {
		name            string
		args            []string
		code            int
		tests, failures int
		want            string
	}{
		{"met", append(attack, "-duration", "300ms", "-slo", "errors<=0,p99<=20s"), exitOK, 2, 0, "| errors &lt;= 0 | 0 | ✅ met |"},
		{"missed", append(attack, "-duration", "300ms", "-slo", "errors<=0,p99<=1ns"), exitFailure, 2, 1, "❌ missed"},
		{"without objectives", append(attack, "-duration", "300ms"), exitOK, 1, 0, "a request succeeds"},
		{"capacity", append([]string{"capacity", "-target", url, "-cacert", cacert, "-quiet"}, "-probe", "200ms", "-min", "50", "-max", "50", "-slo", "p99<=20s"), exitOK, 1, 0, "a rate holds"},
		{"compare", []string{"compare", a, slower}, exitFailure, 6, 4, "mean is no worse"},
		{"undecided", []string{"compare", driftOf(t, "c.json", 11*time.Millisecond, 12*time.Millisecond), driftOf(t, "d.json", 14*time.Millisecond, 15*time.Millisecond)}, exitUsage, 6, 0, "❔ cannot say"},
	} {
		file := filepath.Join(dir, tt.name+".xml")
		code, _, stderr := call(t, context.Background(), "", append(tt.args, "-junit", file, "-github-summary")...)
		if code != tt.code {
			t.Errorf("%s: exit %d, want %d: %s", tt.name, code, tt.code, stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
		}
		if err := xml.Unmarshal(text, &got); err != nil || got.Tests != tt.tests || got.Failures != tt.failures {
			t.Errorf("%s: %+v, %v, want %d tests and %d failures:\n%s", tt.name, got, err, tt.tests, tt.failures, text)
		}
		if text, err := os.ReadFile(summary); err != nil || !strings.HasPrefix(string(text), "before\n###") || !strings.Contains(string(text), tt.want) {
			t.Errorf("%s: %v, no %q in the summary:\n%s", tt.name, err, tt.want, text)
		}
	}
	t.Setenv(summaryVariable, "")
	if code, _, stderr := call(t, context.Background(), "", append(attack, "-github-summary")...); code != exitUsage || !strings.Contains(stderr, summaryVariable+" is not set") {
		t.Errorf("without the variable: exit %d, %s", code, stderr)
	}
}
