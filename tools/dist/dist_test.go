package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// What the tests' releases are called, and their time: 2026-01-02 03:04:05 UTC.
const (
	testVersion  = "v1.2.3-test"
	testRevision = "0123456789abcdef0123456789abcdef01234567"
	testEpoch    = "1767323045"
)

// scratch is a directory for the whole run.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "hotpath-dist-test"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// command builds the command, once. It is not the test binary: compressing
// takes ten times as long with the race detector, and nothing here is
// concurrent.
var command = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "dist")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the command: %w\n%s", err, out)
	}
	return path, nil
})

// dist runs the command in a directory, with a umask and more of an environment.
func dist(dir, umask string, env []string, args ...string) (stdout, stderr string, err error) {
	path, err := command()
	if err != nil {
		return "", "", err
	}
	cmd := exec.Command("sh", append([]string{"-c", `umask "$0" && exec "$@"`, umask, path}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out, text strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &text
	err = cmd.Run()
	return out.String(), text.String(), err
}

// root is the repository's.
var root = filepath.Join("..", "..")

// testPlatforms are those of the image, or with -short one of them, and this
// machine's.
func testPlatforms() []platform {
	linux := []platform{{"linux", "amd64"}, {"linux", "arm64"}}
	here := platform{runtime.GOOS, runtime.GOARCH}
	switch {
	case here.os != "linux":
		return append(linux, here)
	case testing.Short():
		return []platform{here}
	}
	return linux
}

func testFlags(out string) []string {
	var names []string
	for _, p := range testPlatforms() {
		names = append(names, p.String())
	}
	return []string{"-o", out, "-version", testVersion, "-revision", testRevision, "-platforms", strings.Join(names, ",")}
}

// made makes a release of this tree, once, and returns its directory.
var made = sync.OnceValues(func() (string, error) {
	out := filepath.Join(scratch, "made")
	_, stderr, err := dist(root, "022", []string{epochVariable + "=" + testEpoch}, testFlags(out)...)
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr)
	}
	return out, err
})

// madeRelease is the directory of a release of this tree. It is not to be
// changed.
func madeRelease(t *testing.T) string {
	t.Helper()
	testkit.NeedTree(t)
	dir, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// archived is the content of an archive, by name.
type archived map[string]struct {
	header  *tar.Header
	content []byte
}

func readTar(t *testing.T, r io.Reader) archived {
	t.Helper()
	files := make(archived)
	for all := tar.NewReader(r); ; {
		h, err := all.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(all)
		if err != nil {
			t.Fatal(err)
		}
		file := files[h.Name]
		file.header, file.content = h, content
		files[h.Name] = file
	}
}

func readArchive(t *testing.T, name string) archived {
	t.Helper()
	return readTar(t, bytes.NewReader(unzip(t, readFile(t, name))))
}

func unzip(t *testing.T, content []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if z.Name != "" || !z.ModTime.IsZero() {
		t.Errorf("the compressed stream has a name (%q) or a time (%v)", z.Name, z.ModTime)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// write writes a program to be run, and returns its name.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}
