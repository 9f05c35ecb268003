package tools

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestRaces: a test that failed under the race detector without a race runs once more,
// alone; a race, a panic or a package that does not compile fails at once.
func TestRaces(t *testing.T) {
	testkit.NeedTree(t)
	testkit.Need(t, "bash")
	const again = "again: test -race -vet=off -count=1 -p 1 -run "
	tests := map[string]struct {
		printed string // by the first run, which fails
		want    string // what the second is asked, or "" if there must be none
	}{
		"two tests of two packages": {
			"--- FAIL: TestB (1.00s)\n    --- FAIL: TestB/sub (0.50s)\n    b_test.go:3: late\nFAIL\nFAIL\tm/b\t1.0s\nok  \tm/c\t1.0s\n--- FAIL: TestA (0.00s)\nFAIL\nFAIL\tm/a\t1.0s\nFAIL\n",
			again + "^(TestA|TestB)$ m/a m/b",
		},
		"a race":        {"--- FAIL: TestA (0.00s)\n    testing.go:1712: race detected during execution of test\nWARNING: DATA RACE\nFAIL\nFAIL\tm/a\t1.0s\n", ""},
		"a panic":       {"--- FAIL: TestA (0.00s)\npanic: assignment to entry in nil map\nFAIL\tm/a\t1.0s\n", ""},
		"no compiling":  {"FAIL\tm/a [build failed]\n--- FAIL: TestB (0.00s)\nFAIL\tm/b\t1.0s\n", ""},
		"no test named": {"FAIL\tm/a\t1.0s\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{
				"printed": tt.printed,
				"go":      "#!/bin/sh\nif [ -e ran ]; then echo again: \"$@\"; else touch ran; cat printed; exit 1; fi\n",
				"script":  "set -uo pipefail\n. \"$TREE/races.bash\"\nraces ./...\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			tree, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "bash", "script")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "TREE="+tree, "PATH="+dir+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if (err == nil) != (tt.want != "") {
				t.Errorf("ended with %v", err)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if last := lines[len(lines)-1]; tt.want != "" && last != tt.want || tt.want == "" && strings.Contains(string(out), "again: ") {
				t.Errorf("printed\n%s\nwant as the last line %q", out, tt.want)
			}
		})
	}
}
