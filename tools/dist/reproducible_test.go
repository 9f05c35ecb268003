package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReproducible makes the release again, of a copy of the tree with another
// name, under another umask, in another locale and time zone: to the last byte
// the same comes out.
func TestReproducible(t *testing.T) {
	want := readFile(t, filepath.Join(madeRelease(t), "SHA256SUMS"))
	copied := filepath.Join(t.TempDir(), "another name")
	copyTree(t, copied)
	env := []string{epochVariable + "=" + testEpoch, "LC_ALL=tr_TR.UTF-8", "TZ=Asia/Kathmandu", "HOME=" + os.Getenv("HOME"), "GOFLAGS=-tags=other", "GOAMD64=v3"}
	again := filepath.Join(t.TempDir(), "again")
	if _, stderr, err := dist(copied, "077", env, testFlags(again)...); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	wantSame(t, again, string(want))
}

// TestGivenBinaries packs the binaries of the release, as Bazel does with its
// own: what is made of them does not depend on who built them.
func TestGivenBinaries(t *testing.T) {
	dir := madeRelease(t)
	want := readFile(t, filepath.Join(dir, "SHA256SUMS"))
	out := filepath.Join(t.TempDir(), "packed")
	flags := []string{"-o", out, "-version", testVersion, "-revision", testRevision}
	for _, p := range testPlatforms() {
		name := "hotpath-" + testVersion + "-" + p.dashed()
		files := readArchive(t, filepath.Join(dir, name+".tar.gz"))
		for _, program := range programs {
			file := write(t, program.name, files[name+"/"+program.name].content)
			flags = append(flags, "-binary", target{p, program.name}.String()+"="+file)
		}
	}
	// No git and no go: nothing but what is given.
	if _, stderr, err := dist(root, "022", []string{epochVariable + "=" + testEpoch, "PATH=/nowhere"}, flags...); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	wantSame(t, out, string(want))
}

// TestSums: SHA256SUMS has every file and its sum.
func TestSums(t *testing.T) {
	dir := madeRelease(t)
	sums := make(map[string]string)
	for line := range strings.Lines(string(readFile(t, filepath.Join(dir, "SHA256SUMS")))) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || len(sum) != 64 {
			t.Errorf("%q is no line of sha256sum", line)
		}
		sums[name] = sum
	}
	walk(t, dir, func(name string) {
		if got := fmt.Sprintf("%x", sha256.Sum256(readFile(t, filepath.Join(dir, name)))); name != "SHA256SUMS" && sums[name] != got {
			t.Errorf("%s: its sum is %s, listed is %q", name, got, sums[name])
		}
		delete(sums, name)
	})
	if len(sums) > 0 {
		t.Errorf("sums of what does not exist: %v", sums)
	}
}

// wantSame compares the sums of a release with those of another.
func wantSame(t *testing.T, dir, want string) {
	t.Helper()
	got := string(readFile(t, filepath.Join(dir, "SHA256SUMS")))
	if got == want {
		return
	}
	for line := range strings.Lines(got) {
		if !strings.Contains(want, line) {
			t.Errorf("differs: %s", line)
		}
	}
	t.Errorf("another release came out:\n%swant\n%s", got, want)
}

// copyTree copies what a release is made of: Go's files and what they embed,
// documents and the licence.
func copyTree(t *testing.T, to string) {
	t.Helper()
	walk(t, root, func(name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		copied := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied, readFile(t, filepath.Join(root, name)), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

// walk calls do with every regular file below dir, but those of hidden
// directories and of out.
func walk(t *testing.T, dir string, do func(name string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "out" || len(name) > 1 && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case d.Type().IsRegular():
			do(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
