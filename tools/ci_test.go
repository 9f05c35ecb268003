package tools

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

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

// ciRun is the text of .ci/run, and the names of its parts.
func ciRun(t *testing.T) (script string, parts []string) {
	t.Helper()
	text, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^parts=\((.+)\)$`).FindSubmatch(text)
	if m == nil {
		t.Fatal(".ci/run has no parts")
	}
	return string(text), strings.Fields(string(m[1]))
}

// TestParts: .ci/run does everything, in order, or what its arguments name, and
// refuses other names before it does anything.
func TestParts(t *testing.T) {
	testkit.NeedTree(t)
	testkit.Need(t, "bash")
	script, parts := ciRun(t)
	// A copy whose steps are printed, and not run.
	named := strings.Replace(script, "\n\t\"$@\"\n", "\n", 1)
	if named == script {
		t.Fatal(".ci/run's steps cannot be kept from running")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{".ci/run": named, "tools/bazel-command.bash": `read -ra bazel <<<"$BAZEL"; no_bazel="no Bazel"`} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := []string{
		"install_missing", "fetch_pebble", "readme_server", "readme_tests", "go -C tools/manifests test .",
		"go run ./tools/dashboards-look -check -boards overview -moments half", "tools/check", "tools/fuzz 2s", "vulnerabilities", "tools/bazel-check", "tools/nix-check",
		"go run ./tools/attack -short", "go run ./tools/soak -duration 2m",
		"go run ./tools/bench -quick", "go run ./tools/bench -edge -quick", "go run ./tools/bench -generators -quick", "go run ./tools/bench -features -quick",
	}
	const unknown = `.ci/run: there is no part "bogus"; the parts are `
	for name, tt := range map[string]struct {
		args  []string
		bazel string
		want  []string // steps, or what is said instead
	}{
		"everything":              {nil, "bazel", all},
		"everything by its names": {parts, "bazel", all},
		"some":                    {[]string{"tests", "check"}, "", []string{"readme_tests", "tools/check"}},
		"of several steps":        {[]string{"bench"}, "", all[len(all)-4:]},
		"everything needs Bazel":  {nil, "", []string{".ci/run: no Bazel"}},
		"a part that needs Bazel": {[]string{"tests", "bazel"}, "", []string{".ci/run: no Bazel"}},
		"an unknown one":          {[]string{"tests", "bogus"}, "bazel", []string{unknown + strings.Join(parts, " ")}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "bash", append([]string{filepath.Join(dir, ".ci/run")}, tt.args...)...)
			cmd.Env = append(os.Environ(), "BAZEL="+tt.bazel)
			out, err := cmd.CombinedOutput()
			ended := regexp.MustCompile(`^=== .*: \d+ s$`)
			var got []string
			for line := range strings.Lines(string(out)) {
				if line = strings.TrimSuffix(line, "\n"); !ended.MatchString(line) {
					got = append(got, strings.TrimPrefix(line, "=== "))
				}
			}
			if refused := strings.HasPrefix(tt.want[0], ".ci/run: "); !slices.Equal(got, tt.want) || (err != nil) != refused {
				t.Errorf("%q (%v), want %q\n%s", got, err, tt.want, out)
			}
		})
	}
}

// TestWorkflow: hosted runners do every part of .ci/run, with the Go of go.mod.
func TestWorkflow(t *testing.T) {
	testkit.NeedTree(t)
	text, err := os.ReadFile("../.github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Strategy struct{ Matrix struct{ Part []string } }
			Steps    []struct {
				Run  string
				With map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	var done []string
	for name, job := range workflow.Jobs {
		fromMod := false
		for _, step := range job.Steps {
			fromMod = fromMod || step.With["go-version-file"] == "go.mod"
			if args, ok := strings.CutPrefix(step.Run, ".ci/run "); ok {
				args = strings.ReplaceAll(args, "${{ matrix.part }}", strings.Join(job.Strategy.Matrix.Part, " "))
				done = append(done, strings.Fields(args)...)
			}
		}
		if !fromMod {
			t.Errorf("the job %s of ci.yml does not take Go from go.mod", name)
		}
	}
	slices.Sort(done)
	_, want := ciRun(t)
	slices.Sort(want)
	if !slices.Equal(done, want) {
		t.Errorf("ci.yml runs the parts %q, .ci/run has %q", done, want)
	}
}
