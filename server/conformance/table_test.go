package conformance

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var section = regexp.MustCompile(`^RFC(5861|6585|8246|8297|9110|9111|9112|9213)-[1-9][0-9]?(\.[1-9][0-9]?)*$`)

// TestTable: docs/conformance.md counts the cases as they are, and each names the
// section that it rests on. What they come to
// is TestCases's to say.
func TestTable(t *testing.T) {
	var want strings.Builder
	want.WriteString("| group | required | optional | check |\n|---|---|---|---|\n")
	row := func(name string, n [3]int) { fmt.Fprintf(&want, "| %s | %d | %d | %d |\n", name, n[0], n[1], n[2]) }
	var all [3]int
	names := make(map[string]bool)
	for _, g := range groups {
		var n [3]int
		for _, c := range g.cases {
			if names[c.name] {
				t.Errorf("two cases are called %s", c.name)
			}
			names[c.name] = true
			if !section.MatchString(c.section) {
				t.Errorf("%s rests on no section of an RFC: %q", c.name, c.section)
			}
			n[c.kind]++
			all[c.kind]++
		}
		row(g.name, n)
	}
	row("all", all)
	if all[required] < 150 {
		t.Errorf("%d required cases: too few to say much", all[required])
	}
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(text), want.String()) {
		t.Errorf("docs/conformance.md does not have this table:\n%s", want.String())
	}
}
