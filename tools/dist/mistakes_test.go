package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

func TestFlagMistakes(t *testing.T) {
	both := func(platform string) []string {
		return []string{"-binary", platform + "/hotpath=a", "-binary", platform + "/loadgen=b"}
	}
	for name, tt := range map[string]struct {
		args []string
		says []string
	}{
		"flag":                 {[]string{"-x"}, []string{"-x", "-h lists"}},
		"argument":             {[]string{"linux"}, []string{`"linux"`, "flags alone"}},
		"version":              {[]string{"-version", "v1+dirty"}, []string{`"v1+dirty"`, "letters, digits"}},
		"long version":         {[]string{"-version", strings.Repeat("1", 129)}, []string{"up to 128"}},
		"platform":             {[]string{"-platforms", "linux/amd64,plan9/arm"}, []string{`"plan9/arm"`, "linux/amd64,linux/arm64,darwin/arm64"}},
		"platform twice":       {[]string{"-platforms", "linux/amd64,linux/amd64"}, []string{"linux/amd64", "twice"}},
		"no platform":          {[]string{"-platforms", ","}, []string{`""`}},
		"binary without file":  {[]string{"-binary", "linux/amd64/hotpath"}, []string{"OS/ARCH/PROGRAM=FILE"}},
		"binary without name":  {[]string{"-binary", "linux/amd64=x"}, []string{"OS/ARCH/PROGRAM=FILE"}},
		"binary's platform":    {[]string{"-binary", "linux/mips/hotpath=x"}, []string{"linux/mips", "linux/arm64"}},
		"binary's program":     {[]string{"-binary", "linux/amd64/cache=x"}, []string{`"cache"`, "loadgen"}},
		"binary twice":         {[]string{"-binary", "linux/amd64/hotpath=x", "-binary", "linux/amd64/hotpath=y"}, []string{"linux/amd64/hotpath", "twice"}},
		"binary alone":         {[]string{"-version", "v1", "-binary", "linux/amd64/hotpath=x"}, []string{"linux/amd64/loadgen is missing"}},
		"binaries, no version": {both("linux/amd64"), []string{"-version is needed"}},
		"binaries, platforms":  {append(both("linux/amd64"), "-version", "v1", "-platforms", "linux/amd64"), []string{"those of the binaries"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tt.args, io.Discard)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// TestPlatformOrder: what comes out does not depend on the order of flags.
func TestPlatformOrder(t *testing.T) {
	for _, args := range [][]string{
		{"-platforms", "darwin/arm64,linux/amd64"},
		{"-version", "v1", "-binary", "darwin/arm64/hotpath=a", "-binary", "linux/amd64/loadgen=b", "-binary", "darwin/arm64/loadgen=c", "-binary", "linux/amd64/hotpath=d"},
	} {
		o, err := parse(args, io.Discard)
		if want := []platform{{"linux", "amd64"}, {"darwin", "arm64"}}; err != nil || !slices.Equal(o.platforms, want) {
			t.Errorf("%v: %v, %v; want %v", args, o.platforms, err, want)
		}
	}
}

// TestDescribe: if neither flags nor git say what a release is, it is said
// what is missing.
func TestDescribe(t *testing.T) {
	given := binaryFlag{target{platforms[0], server}: "x"}
	t.Chdir(t.TempDir())
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(must(os.Getwd())))
	for name, tt := range map[string]struct {
		epoch string
		o     options
		says  string // "" for none
	}{
		"no version":        {"1", options{}, "give -version"},
		"no time":           {"", options{version: "v1"}, "set SOURCE_DATE_EPOCH, or run in a clone"},
		"no time, given":    {"", options{version: "v1", binaries: given}, "with -binary, set SOURCE_DATE_EPOCH"},
		"time is a date":    {"2026-01-02", options{version: "v1"}, `SOURCE_DATE_EPOCH "2026-01-02": allowed are seconds`},
		"time before 1970":  {"-1", options{version: "v1"}, "allowed are seconds"},
		"all that it needs": {"1", options{version: "v1"}, ""},
		"the same, given":   {"0", options{version: "v1", binaries: given}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(epochVariable, tt.epoch)
			_, err := describe(t.Context(), tt.o)
			switch {
			case tt.says == "" && err != nil:
				t.Error(err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
}

// TestDescribeClone asks git.
func TestDescribeClone(t *testing.T) {
	testkit.Need(t, "git")
	t.Chdir(t.TempDir())
	t.Setenv(epochVariable, "")
	for _, variable := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		t.Setenv(variable, "a@example.com")
	}
	t.Setenv("GIT_COMMITTER_DATE", testEpoch+" +0100")
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "file"}, {"commit", "-q", "-m", "x"}} {
		output(t, "git", args...)
	}
	head := strings.TrimSpace(output(t, "git", "rev-parse", "HEAD"))
	want := func(version, revision string) {
		t.Helper()
		r, err := describe(t.Context(), options{})
		if err != nil || r.version != version || r.revision != revision || r.created.Unix() != 1767323045 {
			t.Errorf("%+v, %v; want %s, %s and the commit's time", r, err, version, revision)
		}
	}
	want("v"+buildinfo.Release+"-dev-"+strings.TrimSpace(output(t, "git", "rev-parse", "--short", "HEAD")), head)
	output(t, "git", "tag", "v1.2.3")
	want("v1.2.3", head)
	if err := os.WriteFile("file", []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	want("v1.2.3-dirty", head+"-dirty")
	output(t, "git", "commit", "-q", "-a", "-m", "y")
	output(t, "git", "tag", "v1.2.4+build")
	if _, err := describe(t.Context(), options{}); err == nil || !strings.Contains(err.Error(), `"v1.2.4+build"`) {
		t.Errorf("a tag that no image can have: %v", err)
	}
	r, err := describe(t.Context(), options{version: "v2", binaries: binaryFlag{target{platforms[0], server}: "x"}})
	if err == nil {
		t.Errorf("the time of binaries that are given is %v, of a commit that they may not be of", r.created)
	}
}

// TestInspect: a binary that is not what it is said to be is refused.
func TestInspect(t *testing.T) {
	dir := madeRelease(t)
	p := testPlatforms()[0]
	top := "hotpath-" + testVersion + "-" + p.dashed()
	files := readArchive(t, filepath.Join(dir, top+".tar.gz"))
	hotpath := write(t, "hotpath", files[top+"/hotpath"].content)
	foreign := target{platform{"darwin", "arm64"}, "hotpath"}
	for name, tt := range map[string]struct {
		as      target
		file    string
		version string
		says    string // "" for none
	}{
		"it is":           {target{p, "hotpath"}, hotpath, testVersion, ""},
		"another program": {target{p, "loadgen"}, hotpath, testVersion, "package github.com/e0ac7cd4/hotpath/server, not github.com/e0ac7cd4/hotpath/loadgen"},
		"another version": {target{p, "hotpath"}, hotpath, "v9.8.7-other", "not built as version v9.8.7-other"},
		"platform":        {foreign, hotpath, testVersion, "it is for " + p.String()},
		"text":            {target{p, "hotpath"}, "main.go", testVersion, "no binary for any of linux/amd64"},
		"no file":         {target{p, "hotpath"}, "nothing", testVersion, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inspect(tt.as, tt.file, tt.version)
			switch {
			case tt.says == "" && err != nil:
				t.Error(err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), tt.file)):
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
	if _, err := inspect(target{p, "hotpath"}, bare(t, p), testVersion); err == nil || !strings.Contains(err.Error(), "has no modules") {
		t.Errorf("a binary that does not say what is in it: %v", err)
	}
	if runtime.GOOS == "linux" {
		if _, err := inspect(target{p, "hotpath"}, "/bin/sh", testVersion); err == nil || !strings.Contains(err.Error(), "not static") {
			t.Errorf("a binary that needs a dynamic linker: %v", err)
		}
	}
}

// bare builds a program with the server's name, and nothing in it.
func bare(t *testing.T, p platform) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module " + module + "\n", "server/main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-o", "bare", "./server")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "bare")
}

// TestNotEmpty: nothing is overwritten, and nothing foreign is summed up.
func TestNotEmpty(t *testing.T) {
	testkit.NeedTree(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := dist(root, "022", nil, testFlags(dir)...)
	if err == nil || stdout != "" || !strings.HasPrefix(stderr, "dist: -o "+dir) || !strings.Contains(stderr, "not empty") {
		t.Errorf("%v, %q, %q", err, stdout, stderr)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
