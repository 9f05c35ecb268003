package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// write makes a directory of these files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// packageIn is a package of a module, by the directories of both.
func packageIn(module, root, dir string) pkg {
	p := pkg{Dir: filepath.Join(root, dir)}
	p.Module = &struct {
		Path, Dir string
		Main      bool
	}{Path: module, Dir: root}
	return p
}

func TestCollect(t *testing.T) {
	goroot := write(t, map[string]string{"LICENSE": "go", "src/net/net.go": "", "src/vendor/x/LICENSE": "x", "src/vendor/x/a/a.go": ""})
	one := write(t, map[string]string{
		"LICENSE.md": "one", "NOTICE": "made by one", "license.go": "package one", "licenses/of/others.txt": "no",
		"copied/COPYING": "of another", "copied/deep/b.go": "", "unused/LICENSE": "of nothing here",
	})
	own := packageIn("own", write(t, map[string]string{"main.go": ""}), ".")
	own.Module.Main = true

	got, err := collect(goroot, []pkg{
		{Dir: filepath.Join(goroot, "src/net"), Standard: true},
		{Dir: filepath.Join(goroot, "src/vendor/x/a"), Standard: true},
		packageIn("example.org/one", one, "copied/deep"),
		packageIn("example.org/one", one, "."),
		packageIn("example.org/one", one, "."), // on another platform
		own,
	})
	want := []notice{
		{"Go's standard library", "go"},
		{"Go's standard library, src/vendor/x", "x"},
		{"example.org/one", "made by one"},
		{"example.org/one", "one"},
		{"example.org/one, copied", "of another"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

func TestNobodyMayUseIt(t *testing.T) {
	dir := write(t, map[string]string{"sub/LICENSE": "of that only", "sub/a.go": ""})
	_, err := collect("", []pkg{packageIn("example.org/free", dir, "sub")})
	if err == nil || !strings.Contains(err.Error(), "example.org/free has no licence in "+dir) {
		t.Errorf("without a licence: %v", err)
	}
}

func TestDocument(t *testing.T) {
	got := document([]notice{{"a", "\n  one\nand more\n\n"}, {"b", "two\n"}, {"c", "  one\r\nand more\r\n"}})
	line := strings.Repeat("=", 80)
	want := preface + "\n" + line + "\na\nc\n\n  one\nand more\n\n" + line + "\nb\n\ntwo\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRun writes the notices of a module without dependencies, finds them up to
// date, and then stale.
func TestRun(t *testing.T) {
	testkit.NeedTree(t)
	dir := write(t, map[string]string{
		"go.mod":          "module example.org/m\n\ngo 1.26\n",
		"server/main.go":  "package main\n\nfunc main() {}\n",
		"loadgen/main.go": "package main\n\nimport _ \"net/http\"\n\nfunc main() {}\n",
	})
	if err := run(t.Context(), dir, false); err == nil || !strings.Contains(err.Error(), file+" is stale") {
		t.Errorf("before there is one: %v", err)
	}
	if err := run(t.Context(), dir, true); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), dir, false); err != nil {
		t.Errorf("what was just written: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil || !strings.Contains(string(text), "\nGo's standard library\n") || !strings.Contains(string(text), "\nuPlot\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if err := os.WriteFile(filepath.Join(dir, file), append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), dir, false); err == nil || !strings.Contains(err.Error(), "-write mends it") {
		t.Errorf("with a line more: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "loadgen")); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), dir, true); err == nil || !strings.Contains(err.Error(), "listing what the programs are built from: go list:") {
		t.Errorf("without loadgen: %v", err)
	}
}
