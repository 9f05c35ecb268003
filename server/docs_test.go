package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/config"
)

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// example is the block of code in docs/operations.md that begins with a line.
func example(t *testing.T, first string) string {
	t.Helper()
	_, rest, ok := strings.Cut(document(t, "docs/operations.md"), "\n"+first+"\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatalf("docs/operations.md has no block that begins with %q", first)
	}
	return first + "\n" + code + "\n"
}

// TestDocumentsNameMetrics: operations.md has every metric and no other,
// security.md every limit.
func TestDocumentsNameMetrics(t *testing.T) {
	var families []*dto.MetricFamily
	server := metrics.NewHotpath(metrics.Options{
		Upstreams:   func() []metrics.UpstreamStats { return make([]metrics.UpstreamStats, 1) },
		MissedPaths: func() []metrics.MissedPath { return make([]metrics.MissedPath, 1) },
	})
	server.CertificateNames.Set(map[string]int64{"a.example": 0}) // else it has no series
	for _, program := range []prometheus.Collector{server, metrics.NewLoadgen([]string{"kind"}, []string{"end"}, "")} {
		registry := prometheus.NewRegistry()
		registry.MustRegister(program)
		own, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		families = append(families, own...)
	}
	operations, security := document(t, "docs/operations.md"), document(t, "docs/security.md")
	exists := make(map[string]bool)
	for _, family := range families {
		name := family.GetName()
		exists[name] = true
		if !strings.Contains(operations, "`"+name+"`") {
			t.Errorf("docs/operations.md does not have %s", name)
		}
		if name != "hotpath_limit_breaches_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if limit := m.GetLabel()[0].GetValue(); !strings.Contains(security, "`"+limit+"`") {
				t.Errorf("docs/security.md does not have the limit %s", limit)
			}
		}
	}
	for _, text := range []string{operations, security} {
		for _, name := range regexp.MustCompile(`\bhotpath_[a-z0-9_]+`).FindAllString(text, -1) {
			if !exists[name] {
				t.Errorf("a document names %s, which is no metric", name)
			}
		}
	}
}

// TestDocumentsNameWhatExists follows what the documents say of the tree: names
// of tests, paths and links.
func TestDocumentsNameWhatExists(t *testing.T) {
	testkit.NeedTree(t)
	tests := make(map[string]bool)
	err := filepath.WalkDir("..", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := os.ReadFile(name)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+)\(`).FindAllSubmatch(source, -1) {
			tests[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/building.md", "docs/caching.md", "docs/loadgen.md", "docs/operations.md", "docs/security.md", "docs/walk.md"} {
		text := document(t, name)
		for _, test := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(text, -1) {
			if !tests[test] {
				t.Errorf("%s names %s, which does not exist", name, test)
			}
		}
		for _, path := range regexp.MustCompile("`((?:server|loadgen|cache|metrics|internal|dashboards|tools|docs)/[\\w./]+)`").FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", path[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, link := range regexp.MustCompile(`\]\(([\w./-]+)\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(name), link[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestPackageCommentsNameFiles: each file that a package's comment names exists,
// in its own folder or below one of those that such names are relative to.
func TestPackageCommentsNameFiles(t *testing.T) {
	testkit.NeedTree(t)
	file := regexp.MustCompile(`[a-z0-9_./*-]*[a-z0-9_]\.go\b`)
	packages, names := 0, 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if path == "../vendor" {
			return filepath.SkipDir // what others say of their files
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		if source.Doc == nil {
			return nil
		}
		packages++
		own := filepath.Dir(path)
	name:
		for _, name := range file.FindAllString(source.Doc.Text(), -1) {
			names++
			for _, folder := range []string{own, "../server", "../internal", ".."} {
				if found, err := filepath.Glob(filepath.Join(folder, name)); err == nil && len(found) > 0 {
					continue name
				}
			}
			t.Errorf("%s: the package comment names %s, which does not exist", path, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if packages < 30 || names < 100 {
		t.Errorf("%d package comments with %d names of files were found; do the patterns still fit?", packages, names)
	}
}

// TestArchitectureNamesFiles: each file that docs/architecture.md names in short,
// such as `tls.go`, is in a folder that the same line names in full.
func TestArchitectureNamesFiles(t *testing.T) {
	testkit.NeedTree(t)
	name := regexp.MustCompile("`([a-z0-9_./]+)`")
	for line := range strings.Lines(document(t, "docs/architecture.md")) {
		folder := ""
		for _, match := range name.FindAllStringSubmatch(line, -1) {
			path := match[1]
			switch {
			case strings.Contains(path, "/"):
				folder = filepath.Dir(path)
			case strings.HasSuffix(path, ".go"):
				if _, err := os.Stat(filepath.Join("..", folder, path)); folder == "" || err != nil {
					t.Errorf("docs/architecture.md names %s, which is not in %q", path, folder)
				}
			}
		}
	}
}

// TestReadmeNamesRivals: when README.md says that others are ahead, its figures
// and their versions are those of docs/benchmarks.md.
func TestReadmeNamesRivals(t *testing.T) {
	benchmarks := document(t, "docs/benchmarks.md")
	_, said, ok := strings.Cut(document(t, "README.md"), "\nOthers are ahead")
	if !ok {
		t.Fatal("README.md does not say where others are ahead")
	}
	said, _, _ = strings.Cut(said, "\n")
	figures := regexp.MustCompile(`\d+,\d{3}|\d+\.\d+\.\d+`).FindAllString(said, -1)
	if len(figures) < 4 {
		t.Errorf("figures and versions are %q", figures)
	}
	for _, figure := range figures {
		if !strings.Contains(benchmarks, figure) {
			t.Errorf("README.md says %s, which is not in docs/benchmarks.md", figure)
		}
	}
}

// TestAnswersNameSettings: what looks like a setting in the answers and errors of the
// parts that a client talks to is one.
func TestAnswersNameSettings(t *testing.T) {
	testkit.NeedTree(t)
	exists := make(map[string]bool)
	for _, line := range config.Default().Lines() {
		exists[line.Key] = true
	}
	word := regexp.MustCompile(`\b(?:max|min|cache|limit|control|reset|idle|head|hello|handshake|write|drain)-[a-z-]+`)
	named := 0
	for _, part := range []string{"h1", "h2", "edge", "listen", "stream", "message"} {
		files, err := filepath.Glob(filepath.Join(part, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			source, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(source, func(n ast.Node) bool {
				text, ok := n.(*ast.BasicLit)
				if !ok || text.Kind != token.STRING || !strings.Contains(text.Value, " ") {
					return true // no sentence: a field or a directive may have such a name
				}
				for _, setting := range word.FindAllString(text.Value, -1) {
					named++
					if !exists[setting] {
						t.Errorf("%s says %s, which names %s: that is no setting", name, text.Value, setting)
					}
				}
				return true
			})
		}
	}
	if named < 5 {
		t.Errorf("%d settings are named; does the pattern still fit?", named)
	}
}
