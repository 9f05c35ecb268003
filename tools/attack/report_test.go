//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
)

// TestTableInParts: a run of some attacks replaces their rows in the document, adds
// those that it lacks, each at its place among all, and leaves the others as they are.
// A whole run leaves none.
func TestTableInParts(t *testing.T) {
	all := catalog.All()
	first, second, last := all[0].Name, all[1].Name, all[len(all)-1].Name
	document := filepath.Join(t.TempDir(), "security.md")
	o := options{only: ".", out: document}
	o.length = time.Minute // as a run of parts may have it
	begin := "# Security\n\n<!-- begin: " + o.command() + " -->\n\nNot measured yet.\n\n<!-- end: " + o.command() + " -->\n\nbehind\n"
	if err := os.WriteFile(document, []byte(begin), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, run := range []struct {
		about   string
		only    string
		version string
		rows    []catalog.Attack
		want    []string // the first and the last cell of each row
	}{
		{"the first rows", ".", "commit 1, go1", []catalog.Attack{all[len(all)-1]}, []string{last + ": 1m0s, commit 1"}},
		{"one that stands before", ".", "commit 2, go1", []catalog.Attack{all[0]}, []string{first + ": 1m0s, commit 2", last + ": 1m0s, commit 1"}},
		{"one again and another", ".", "commit 3, go1", []catalog.Attack{all[1], all[0]}, []string{first + ": 1m0s, commit 3", second + ": 1m0s, commit 3", last + ": 1m0s, commit 1"}},
		{"a whole run", "", "commit 4, go1", []catalog.Attack{all[1]}, []string{second + ": 1m0s, commit 4"}},
	} {
		o.only = run.only
		b := board{form: o.form(), server: hotpath, version: run.version, cores: 2}
		for _, a := range run.rows {
			b.rows = append(b.rows, row{attack: a, length: time.Minute, tally: &catalog.Tally{Ends: map[string]int{"closed": 1}}})
		}
		if err := b.write(o); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.Trim(line, "| \n"), " | ")
			if len(cells) > 1 && cells[0] != "attack" {
				_, measured, _ := strings.Cut(cells[len(cells)-1], ", ")
				got = append(got, cells[0]+": "+measured)
			}
		}
		if strings.Join(got, "\n") != strings.Join(run.want, "\n") {
			t.Errorf("%s: the table has\n%s\nwant\n%s", run.about, strings.Join(got, "\n"), strings.Join(run.want, "\n"))
		}
		if !strings.HasPrefix(string(text), "# Security\n") || !strings.HasSuffix(string(text), "-->\n\nbehind\n") || strings.Contains(string(text), "Not measured") {
			t.Errorf("%s: what stands around the table has changed:\n%s", run.about, text)
		}
	}
}
