package main

import (
	"archive/tar"
	"bytes"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// wantPlain checks what must be the same in every archive and in every layer:
// owner, modes, times, order.
func wantPlain(t *testing.T, archive []byte, files archived, executables ...string) {
	t.Helper()
	for name, file := range files {
		h := file.header
		mode := int64(0o644)
		if strings.HasSuffix(name, "/") || slices.Contains(executables, name) {
			mode = 0o755
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.Mode != mode {
			t.Errorf("%s is of %d:%d (%s:%s) with mode %o, want 0:0 and %o", name, h.Uid, h.Gid, h.Uname, h.Gname, h.Mode, mode)
		}
		if got := strconv.FormatInt(h.ModTime.Unix(), 10); got != testEpoch || h.ModTime.Nanosecond() != 0 {
			t.Errorf("%s has the time %v, want %s s", name, h.ModTime, testEpoch)
		}
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err != nil {
			break // readTar has read it to its end
		}
		names = append(names, h.Name)
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %v", names)
	}
}

// TestDocumentsAreWhole: what is added to the folders that an archive has is in it
// too.
func TestDocumentsAreWhole(t *testing.T) {
	testkit.NeedTree(t)
	for _, pattern := range []string{"docs/*", "examples/*.*", "examples/kubernetes/*", "dashboards/grafana/*.json", "dashboards/prometheus/*.yml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s is nothing: %v", pattern, err)
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			test := strings.HasSuffix(name, "_test.yml") // what promtool is given of the rules
			if name = filepath.ToSlash(name); !test && filepath.Base(name) != "BUILD.bazel" && !slices.Contains(documents, name) {
				t.Errorf("%s is not among the documents of an archive", name)
			}
		}
	}
}

// TestLinksLeadSomewhere: what a document of an archive links to in the tree is in
// the archive.
func TestLinksLeadSomewhere(t *testing.T) {
	testkit.NeedTree(t)
	link := regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)|(?:src|href)="([^"#]+)[^"]*"`)
	links := 0
	for _, name := range documents {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(readFile(t, filepath.Join(root, name))), -1) {
			to := m[1] + m[2]
			if strings.Contains(to, ":") {
				continue // elsewhere
			}
			links++
			if to = path.Join(path.Dir(name), to); !slices.Contains(documents, to) {
				t.Errorf("%s links to %s, which is not in an archive", name, to)
			}
		}
	}
	if links < 40 {
		t.Errorf("the documents have %d links: they are not found", links)
	}
}

func TestArchives(t *testing.T) {
	dir := madeRelease(t)
	for _, p := range testPlatforms() {
		t.Run(p.String(), func(t *testing.T) {
			top := "hotpath-" + testVersion + "-" + p.dashed() + "/"
			archive := unzip(t, readFile(t, filepath.Join(dir, strings.TrimSuffix(top, "/")+".tar.gz")))
			files := readTar(t, bytes.NewReader(archive))
			wantPlain(t, archive, files, top+"hotpath", top+"loadgen")

			want := []string{
				top, top + "dashboards/", top + "dashboards/grafana/", top + "dashboards/prometheus/",
				top + "docs/", top + "examples/", top + "examples/kubernetes/", top + "hotpath", top + "loadgen",
			}
			for _, name := range documents {
				want = append(want, top+name)
				if got := files[top+name].content; !bytes.Equal(got, readFile(t, filepath.Join(root, name))) {
					t.Errorf("%s is not the tree's", name)
				}
			}
			slices.Sort(want)
			var got []string
			for name := range files {
				got = append(got, name)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("it has %q, want %q", got, want)
			}

			if p != (platform{runtime.GOOS, runtime.GOARCH}) {
				return
			}
			for _, program := range programs {
				file := write(t, program.name, files[top+program.name].content)
				want := program.name + " " + testVersion + " " + runtime.Version() + " " + p.String() + "\n"
				if got := output(t, file, "version"); got != want {
					t.Errorf("%s version: %q, want %q", program.name, got, want)
				}
				if help := output(t, file, "-h"); !strings.Contains(help, "version") {
					t.Errorf("%s -h: %q", program.name, help)
				}
			}
		})
	}
}

// TestTarDirectories: each directory is there once, before what is in it.
func TestTarDirectories(t *testing.T) {
	var b bytes.Buffer
	entries := []entry{{name: "b/c/2"}, {name: "a"}, {name: "b/1"}, {name: "b/c/1"}}
	if err := writeTar(&b, entries, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		names = append(names, h.Name)
	}
	if want := []string{"a", "b/", "b/1", "b/c/", "b/c/1", "b/c/2"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}
