package tools

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestPrograms: CI installs every program that a test needs, so that none skips.
func TestPrograms(t *testing.T) {
	testkit.NeedTree(t)
	ci, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(ci), "\nprograms=(\n")
	list, _, _ = strings.Cut(list, "\n)")
	var installed []string
	for line := range strings.Lines(list) {
		program, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		installed = append(installed, program)
	}
	need := regexp.MustCompile(`testkit\.Need\(t, "([^"]+)"\)`)
	needed := 0
	err = filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		for _, m := range need.FindAllSubmatch(text, -1) {
			needed++
			// What runs .ci/run is there.
			if program := string(m[1]); program != "bash" && program != "sh" && !slices.Contains(installed, program) {
				t.Errorf("%s needs %s, which .ci/run does not install", name, program)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if needed < 10 {
		t.Errorf("the tests need %d programs: they are not found", needed)
	}
}
