//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrite expects a document to be written after a whole run, or where it is
// asked for.
func TestWrite(t *testing.T) {
	begin, end := marks(serversCommand)
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
	for _, command := range []string{serversCommand, generatorsCommand} {
		if _, err := replaceSection(string(document), "x", command); err != nil {
			t.Error(err)
		}
	}
}
