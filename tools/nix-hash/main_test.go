package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// tree is a directory by what is in it: a name that ends in a slash is an empty
// directory, one that ends in @ a symbolic link, one in * a program.
type tree map[string]string

func (files tree) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, strings.TrimRight(name, "@*"))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch name[len(name)-1] {
		case '/':
			err = os.MkdirAll(path, 0o755)
		case '@':
			err = os.Symlink(text, path)
		case '*':
			err = os.WriteFile(path, []byte(text), 0o755)
		default:
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The hashes are what "nix hash path" of Nix 2.8.0 printed.
func TestPathHash(t *testing.T) {
	tests := []struct {
		name  string
		files tree
		want  string
	}{
		{"empty", tree{}, "sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo="},
		{"file", tree{"f": "hello"}, "sha256-oXrRHZyHzNnIZMfEaXjY/Xck0qL62ktH+jE71iyavNc="},
		{"program", tree{"f*": "hello"}, "sha256-UGlKp8Tv210unJ2yyNKGpAsSZdclnZO4p/sI5rMeTzo="},
		{"tree", tree{"a/x": "1", "a.b/y": "2", "B": "", "link@": "a/x"}, "sha256-uQjbVKbZOyzJhr5xbBoKCSFtnVYKhOht7MrVujsXmK4="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pathHash(tt.files.write(t))
			if err != nil || got != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

// The tests below run the go command, which has no place to work in if Bazel
// runs them: as if they read the tree.

// module has a dependency that needs no network, beside what must not matter:
// a workspace, and a package that is not imported.
var module = tree{
	"go.mod":             "module example.com/m\n\ngo 1.26.0\n\nrequire example.com/d v0.0.0\n\nreplace example.com/d => ./d\n",
	"m.go":               "package m\n\nimport _ \"example.com/d\"\n",
	"go.work":            "go 1.26.0\n\nuse (\n\t.\n\t./d\n)\n",
	"d/go.mod":           "module example.com/d\n\ngo 1.26.0\n",
	"d/d.go":             "package d\n",
	"d/program.go*":      "package d\n",
	"d/unused/unused.go": "package unused\n",
	"nix/":               "",
}

func TestVendorHashIsNixs(t *testing.T) {
	testkit.NeedTree(t)
	testkit.Need(t, "nix")
	t.Setenv("GOFLAGS", "-mod=readonly")
	root := module.write(t)
	got, err := vendorHash(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	vendor := filepath.Join(t.TempDir(), "vendor")
	if _, err := goCommand(t.Context(), root, "mod", "vendor", "-o", vendor); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(vendor, "example.com/d/unused")); err == nil {
		t.Error("go mod vendor has what is not imported")
	}
	want, err := exec.CommandContext(t.Context(), "nix", "--extra-experimental-features", "nix-command", "hash", "path", vendor).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.TrimSpace(string(want)) {
		t.Errorf("got %s, Nix says %s", got, want)
	}
}

func TestRun(t *testing.T) {
	testkit.NeedTree(t)
	root := module.write(t)
	name := filepath.Join(root, file)
	check := func() error { return run(t.Context(), root, true, false, nil) }

	if err := check(); err == nil || !strings.Contains(err.Error(), "go run ./tools/nix-hash -write") {
		t.Errorf("without a file: %v, want the command that mends it", err)
	}
	// From a directory below, as from the root.
	if err := run(t.Context(), filepath.Join(root, "nix"), false, true, nil); err != nil {
		t.Fatal(err)
	}
	if err := check(); err != nil {
		t.Errorf("after -write: %v", err)
	}
	var stdout bytes.Buffer
	if err := run(t.Context(), root, false, false, &stdout); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(name)
	if err != nil || stdout.String() != string(written) || !strings.HasPrefix(string(written), "sha256-") {
		t.Errorf("printed %q, written %q, %v", &stdout, written, err)
	}
	if err := os.WriteFile(filepath.Join(root, "d/d.go"), []byte("package d // changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(string(written))) {
		t.Errorf("after a change of the dependency: %v, want that the old hash is stale", err)
	}
}

func TestRunErrors(t *testing.T) {
	testkit.NeedTree(t)
	tests := []struct {
		name  string
		files tree
		want  string
	}{
		{"no module", tree{}, "no go.mod"},
		{"no dependencies", tree{"go.mod": "module example.com/m\n", "m.go": "package m\n"}, "no dependencies"},
		{"bad go.mod", tree{"go.mod": "modul\n"}, "go mod vendor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), tt.files.write(t), false, false, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestSourceHasEveryPackage: go mod vendor in the source that Nix takes gives
// what it gives here, as long as no package is missing there.
func TestSourceHasEveryPackage(t *testing.T) {
	testkit.NeedTree(t)
	root, err := moduleRoot(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	nix, err := os.ReadFile(filepath.Join(root, "nix", "package.nix"))
	if err != nil {
		t.Fatal(err)
	}
	packages, err := goCommand(t.Context(), root, "list", "./...")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(packages)) {
		path := strings.TrimPrefix(strings.TrimSpace(name), "github.com/e0ac7cd4/hotpath/")
		top, _, _ := strings.Cut(path, "/")
		if !strings.Contains(string(nix), " ../"+top+"\n") {
			t.Errorf("nix/package.nix does not take ../%s, where %s is", top, path)
		}
	}
}
