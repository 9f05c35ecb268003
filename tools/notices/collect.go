package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// pkg is what "go list -json" says of a package.
type pkg struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Dir string
		Main      bool
	}
}

// list is every package that the programs are built from, on any platform. One
// that several need is there as often.
func list(ctx context.Context, dir string, platforms, programs []string) ([]pkg, error) {
	var all []pkg
	for _, platform := range platforms {
		system, arch, _ := strings.Cut(platform, "/")
		out, err := goCommand(ctx, dir, []string{"GOOS=" + system, "GOARCH=" + arch, "CGO_ENABLED=0"},
			append([]string{"list", "-deps", "-json=Dir,Standard,Module"}, programs...)...)
		if err != nil {
			return nil, fmt.Errorf("listing what the programs are built from: %w", err)
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var p pkg
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("reading what go list says: %w", err)
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// goCommand runs the go command without a user's settings.
func goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off"), env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("go %s: %s", args[0], bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// notice is one text, and whose it is.
type notice struct{ of, text string }

// collect reads the terms of every module that a package is of. They are in its
// root; a package that is of another origin has its own in its directory, or
// above. The standard library's are in goroot.
func collect(goroot string, packages []pkg) ([]notice, error) {
	found := make(map[notice]bool)
	looked := make(map[string]bool)
	for _, p := range packages {
		name, root := "Go's standard library", goroot
		if !p.Standard {
			if p.Module == nil || p.Module.Main {
				continue
			}
			name, root = p.Module.Path, p.Module.Dir
		}
		for dir := p.Dir; !looked[dir]; dir = filepath.Dir(dir) {
			looked[dir] = true
			inside, err := filepath.Rel(root, dir)
			if err != nil || !filepath.IsLocal(inside) {
				return nil, fmt.Errorf("%s of %s is not in %s", p.Dir, name, root)
			}
			texts, err := terms(dir)
			if err != nil {
				return nil, err
			}
			if dir == root && len(texts) == 0 {
				return nil, fmt.Errorf("%s has no licence in %s: find out whether it may be used, and add it by hand", name, root)
			}
			of := name
			if dir != root {
				of += ", " + filepath.ToSlash(inside)
			}
			for _, text := range texts {
				found[notice{of, text}] = true
			}
			if dir == root {
				break
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b notice) int {
		return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.text, b.text))
	}), nil
}

// terms are the texts in a directory that go with what is copied, by the names
// that "go mod vendor" copies too.
func terms(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if !e.Type().IsRegular() || filepath.Ext(name) == ".GO" ||
			!slices.ContainsFunc([]string{"COPYING", "COPYRIGHT", "LEGAL", "LICENCE", "LICENSE", "NOTICE", "PATENTS"},
				func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

const preface = `The programs hotpath and loadgen have in them the work of others, on these terms.
The source is where the names lead, at the versions that go.mod, a release's
lists of components (*.cdx.json) and "go version -m" on a program tell.
`

// document has each text once, below all whose it is, in the order of the first
// of them.
func document(notices []notice) string {
	var order []string
	of := make(map[string][]string)
	for _, n := range notices {
		text := strings.Trim(strings.ReplaceAll(n.text, "\r\n", "\n"), "\n")
		if of[text] == nil {
			order = append(order, text)
		}
		of[text] = append(of[text], n.of)
	}
	var b strings.Builder
	b.WriteString(preface)
	for _, text := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(of[text], "\n"), text)
	}
	return b.String()
}
