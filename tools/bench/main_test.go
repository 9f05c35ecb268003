//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/tools/section"
)

// TestWrite expects a document to be written after a whole run, or if it is
// asked for.
func TestWrite(t *testing.T) {
	begin, end := section.Marks(serversCommand)
	document := "prose\n" + begin + "\n" + end + "\n"
	for _, tt := range []struct {
		name    string
		o       options
		defOut  bool // the default document is written
		written bool // the document other.md is written
	}{
		{"whole run", options{}, true, false},
		{"quick", options{quick: true}, false, false},
		{"some servers", options{only: h2o}, false, false},
		{"some rows", options{rows: "idle"}, false, false},
		{"some rows, told to", options{rows: "idle", out: "other.md"}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.Mkdir("docs", 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{defaultOut, "other.md"} {
				if err := os.WriteFile(name, []byte(document), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := write(tt.o, "figures\n", newResults(nil), serversCommand); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]bool{defaultOut: tt.defOut, "other.md": tt.written} {
				got, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(got), "figures") != want {
					t.Errorf("%s: %q", name, got)
				}
			}
		})
	}
	if err := write(options{out: filepath.Join(t.TempDir(), "missing.md")}, "x", newResults(nil), serversCommand); err == nil {
		t.Error("a missing document: want an error")
	}
}

// TestDocumentHasMarks is about the project's own document.
func TestDocumentHasMarks(t *testing.T) {
	document, err := os.ReadFile("../../" + defaultOut)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{serversCommand, generatorsCommand, edgeCommand} {
		if _, err := section.Replace(string(document), "x", command); err != nil {
			t.Error(err)
		}
	}
}

// TestBaselineTable expects the ratio of the rounds, not that of the medians: a
// slow round is slow for both.
func TestBaselineTable(t *testing.T) {
	r := newResults([]string{hotpath, baseline})
	r.rows = []string{"h2", rowIdle}
	for _, v := range [][2]float64{{1, 1}, {4, 3}, {2.1, 2}} {
		r.add("h2", hotpath, []value{{cpuPerRequest, v[0]}})
		r.add("h2", baseline, []value{{cpuPerRequest, v[1]}})
		r.add(rowIdle, hotpath, []value{{memoryPerConn, 11}})
		r.add(rowIdle, baseline, []value{{memoryPerConn, 10}})
	}
	got := baselineTable(r)
	if len(got) != 3 {
		t.Fatalf("%d lines: %v", len(got), got)
	}
	if line := got[1]; line[4] != "1.050" || line[5] != "1.00 to 1.33" || line[7] != "yes" {
		t.Errorf("%q, want 1.050, which is within the bar", line)
	}
	if line := got[2]; line[4] != "1.100" || line[7] != "no" {
		t.Errorf("%q, want 1.100, which is not", line)
	}
	if got := baselineTable(newResults(nil)); len(got) != 1 {
		t.Errorf("without a baseline: %v", got)
	}
}

// TestBaselineBinary expects a name that is nothing to be an error.
func TestBaselineBinary(t *testing.T) {
	if _, err := baselineBinary(t.Context(), "no-such-commit", t.TempDir()); err == nil {
		t.Error("no error")
	}
	if got, err := baselineBinary(t.Context(), self(t), t.TempDir()); err != nil || got != self(t) {
		t.Errorf("%q, %v", got, err)
	}
}
