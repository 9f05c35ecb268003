// Package tools has tests of the tree as a whole: that go.mod is the only source
// of versions, what the server is linked with, what CI installs, how steps are
// shown, and that tests share what they need.
package tools

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// versionless are files that record what was, or lock what a tool resolved.
var versionless = []string{"go.mod", "go.sum", "flake.lock", "MODULE.bazel.lock", "LICENSE", "benchmarks.md"}

// texts calls visit with every text of the tree that a person writes, but Go
// code, which the compiler keeps right.
func texts(t *testing.T, visit func(name, text string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "site" || name == "../vendor") {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() || strings.HasSuffix(name, ".go") || slices.Contains(versionless, d.Name()) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err == nil && !strings.ContainsRune(string(text), 0) {
			visit(filepath.ToSlash(name), string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func goMod(t *testing.T) *modfile.File {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// goVersion finds versions of Go however a file writes them: go1.26, Go 1.26.3,
// golang:1.26, go_1_26, buildGo126Module.
var goVersion = regexp.MustCompile(`\b[Gg]o ?(1\.\d+)|golang:(1\.\d+)|\bgo_(1_\d+)|Go(1\d\d)Module`)

func TestGoVersion(t *testing.T) {
	testkit.NeedTree(t)
	want := strings.Join(strings.SplitN(goMod(t).Go.Version, ".", 3)[:2], ".")
	digits := strings.NewReplacer(".", "", "_", "")
	texts(t, func(name, text string) {
		for _, m := range goVersion.FindAllStringSubmatch(text, -1) {
			if got := strings.Join(m[1:], ""); digits.Replace(got) != digits.Replace(want) {
				t.Errorf("%s has %q; go.mod has Go %s", name, m[0], want)
			}
		}
	})
}

// TestModuleVersions: whoever names a module of go.mod with a version, as
// path@version, or by the name of a tool, names the one that go.mod has.
func TestModuleVersions(t *testing.T) {
	testkit.NeedTree(t)
	versions := make(map[string]string)
	for _, r := range goMod(t).Require {
		versions[r.Mod.Path] = r.Mod.Version
		prefix, _, _ := module.SplitPathVersion(r.Mod.Path)
		versions[path.Base(prefix)] = r.Mod.Version
	}
	named := regexp.MustCompile(`([\w./-]*\w)@(v\d+\.\d+\.\d+[\w.-]*)`)
	texts(t, func(name, text string) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if want, ok := versions[m[1]]; ok && m[2] != want {
				t.Errorf("%s has %s; go.mod has %s", name, m[0], want)
			}
		}
	})
}

// TestBazelVersions: what go.mod has no word for has one file, and gazelle, which
// Bazel takes from its registry and go tool from go.mod, is the same in both.
func TestBazelVersions(t *testing.T) {
	testkit.NeedTree(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	versions := map[string]string{"bazel": read(".bazelversion")}
	for _, m := range regexp.MustCompile(`bazel_dep\(name = "(\w+)", version = "([^"]+)"\)`).FindAllStringSubmatch(read("MODULE.bazel"), -1) {
		versions[m[1]] = m[2]
	}
	for _, r := range goMod(t).Require {
		if r.Mod.Path == "github.com/bazelbuild/bazel-gazelle" && r.Mod.Version != "v"+versions["gazelle"] {
			t.Errorf("MODULE.bazel has gazelle %s, go.mod %s", versions["gazelle"], r.Mod.Version)
		}
	}
	named := regexp.MustCompile(`(?i)\b(bazel|rules_go|gazelle)(?: version)? v?(\d+\.\d+[\d.]*\d)`)
	texts(t, func(name, text string) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if want := versions[strings.ToLower(m[1])]; m[2] != want {
				t.Errorf("%s has %q, which is %s", name, m[0], want)
			}
		}
	})
}

// TestRelease: the programs, the releases and CHANGELOG.md agree on the version.
func TestRelease(t *testing.T) {
	testkit.NeedTree(t)
	text, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	first := regexp.MustCompile(`(?m)^## \[([^\]]+)\](?: - (unreleased|\d{4}-\d{2}-\d{2}))?$`).FindStringSubmatch(string(text))
	if first == nil || first[1] != buildinfo.Release || first[2] == "" {
		t.Errorf("the first heading of CHANGELOG.md is %q; want [%s] with a date, or unreleased", first, buildinfo.Release)
	}
	if got := buildinfo.Version(); !strings.HasPrefix(got, "v"+buildinfo.Release) {
		t.Errorf("the programs call themselves %s, want a version that begins with v%s", got, buildinfo.Release)
	}
	status := exec.Command("sh", "workspace-status")
	status.Env = append(os.Environ(), "VERSION=", "GIT_CEILING_DIRECTORIES=")
	stamped, err := status.Output()
	if err != nil {
		t.Skipf("no clone: %v", err)
	}
	if m := regexp.MustCompile(`(?m)^STABLE_VERSION (.*)$`).FindSubmatch(stamped); m == nil || !strings.HasPrefix(string(m[1]), "v") {
		t.Errorf("Bazel stamps a release with %s, want a version that begins with v", stamped)
	}
}
