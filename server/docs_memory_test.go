package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/config"
)

//go:generate go test -run ^TestMemoryArithmetic$ -update .

var update = flag.Bool("update", false, "write the arithmetic of memory into the documents instead of comparing with it")

// TestMemoryArithmetic: docs/operations.md adds up what connections may hold at
// the defaults as the constants in the code and the defaults have it, and the line
// of the log in README.md has the sum for the demo site.
func TestMemoryArithmetic(t *testing.T) {
	testkit.NeedTree(t)
	replace(t, "docs/operations.md", `(?s)(<!-- memory: [^\n]* -->\n).*(<!-- /memory -->)`, memoryArithmetic(t))
	c := config.Default()
	demo := boundOf(&c, &descriptors{conns: c.MaxConns}, documentedCores)
	replace(t, "README.md", `(the most that clients can make it use" bytes=)\d+( )`, fmt.Sprint(demo.total()))
}

// replace compares what stands in a document between the two groups of a pattern,
// or writes it.
func replace(t *testing.T, name, pattern, want string) {
	t.Helper()
	text := document(t, name)
	at := regexp.MustCompile(pattern).FindStringSubmatchIndex(text)
	switch {
	case at == nil:
		t.Fatalf("%s has no place for what is generated", name)
	case *update:
		text = text[:at[3]] + want + text[at[4]:]
		if err := os.WriteFile(filepath.Join("..", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	case text[at[3]:at[4]] != want:
		t.Errorf("what is generated in %s is stale; run: go generate ./server", name)
	}
}

// documentedCores are those of the machine in the document.
const documentedCores = 8

// memoryArithmetic is the arithmetic at the defaults.
func memoryArithmetic(*testing.T) string {
	c := config.Default()
	d := descriptors{conns: c.MaxConns, upstream: upstreamRequests}
	c.Sites[0].Root = "/srv" // more than the demo site needs
	bound := boundOf(&c, &d, documentedCores)
	var b strings.Builder
	table := func(head string, rows []row) {
		fmt.Fprintf(&b, "\n| %s | at the defaults, 8 cores |\n|---|--:|\n", head)
		for _, r := range rows {
			fmt.Fprintf(&b, "| %s | %s |\n", r.what, size(r.bytes))
		}
		fmt.Fprintf(&b, "| **together** | **%s** |\n", size(sum(rows)))
	}
	table("a connection, beside what counts in `cache-bytes`, at most", bound.connection)
	table("the process, at most", append(bound.base,
		row{fmt.Sprintf("`max-conns`: %s connections", thousands(int64(c.MaxConns))), int64(c.MaxConns) * sum(bound.connection)},
		row{"`cache-bytes`: all that counts, and a twentieth for what counting misses", bound.counted}))
	idle := int64(c.MaxConns)*idleConnection + c.CacheBytes + programBytes
	logged := c
	logged.AccessLog = "all"
	with := boundOf(&logged, &d, documentedCores)
	over := c
	over.HTTP3 = "on"
	quic := boundOf(&over, &d, documentedCores)
	fmt.Fprintln(&b, "\nWith `http3: on` a connection may be one of QUIC, and hold more:")
	table("a connection of HTTP/3, beside what counts in `cache-bytes`, at most", quic.quic)
	fmt.Fprintf(&b, "\nThe sum is %s then.\n", size(quic.total()))
	fmt.Fprintf(&b, `
With an access log a connection has %s more for requests that wait for their record, and the sum is %s. Each upstream adds %s.

That is what strangers could do who own every connection and do the worst on each at once. What hits and idle connections need is another figure: %s × %s + %s + %s = **%s**.
`, size(sum(with.connection)-sum(bound.connection)), size(with.total()), size(upstreamRequests*upstreamBytes),
		thousands(int64(c.MaxConns)), size(idleConnection), size(c.CacheBytes), size(programBytes), size(idle))
	return b.String() + "\n"
}

// TestBoundsAreThoseOfTheCode: the bound that is logged, and documented, is made
// of the constants of packages that do not export them.
func TestBoundsAreThoseOfTheCode(t *testing.T) {
	testkit.NeedTree(t)
	for _, tt := range []struct {
		path, name string
		want       int64
	}{
		{"server/h2/count.go", "aboutBytes", aboutBytes},
		{"server/h2/config.go", "headerBlockFactor", 2},
		{"server/h2/repeat.go", "maxRepeat", 512},
		{"server/h2/repeat.go", "repeatSlots", 4},
		{"server/access/stripes.go", "maxStripes", recordBuffers - 1},
		{"server/access/stripes.go", "stripeSize", recordBytes},
		{"server/stream/crew.go", "maxResting", 256},
	} {
		if got := constantOf(t, tt.path, tt.name); got != tt.want {
			t.Errorf("%s in %s is %d, and counts as %d", tt.name, tt.path, got, tt.want)
		}
	}
	if access.MaxShort != aboutShort {
		t.Errorf("a short text for the access log has %d bytes, and counts as %d", access.MaxShort, aboutShort)
	}
	cfg := config.Default()
	cfg.CacheBytes = math.MaxInt64
	if b := boundOf(&cfg, &descriptors{conns: math.MaxInt}, 1); b.total() != math.MaxInt64 {
		t.Errorf("with an enormous cache the bound is %d", b.total())
	}
}

// wantFits checks that what clients can make a server use fits in a container, with
// a root or with an upstream, on up to 64 cores, and that memory-limit does for it.
func wantFits(t *testing.T, cfg config.Config, container int64) {
	t.Helper()
	for _, site := range []config.Site{{Root: "/srv"}, {Upstreams: []string{"http://a"}}} {
		cfg.Sites = []config.Site{site}
		b := boundOf(&cfg, &descriptors{conns: cfg.MaxConns, upstream: upstreamRequests}, 64)
		if total := b.total(); total > container {
			t.Errorf("clients can make the example use %s of the container's %s", size(total), size(container))
		}
		if w := b.warning(&cfg); w != nil {
			t.Errorf("the example's memory-limit is too small: %v", w)
		}
	}
}

// TestComposeExample: the settings are the server's, and all that clients can make
// it use fits in the container's memory.
func TestComposeExample(t *testing.T) {
	testkit.NeedTree(t)
	var file struct {
		Services map[string]struct {
			Environment map[string]string `yaml:"environment"`
			Memory      string            `yaml:"mem_limit"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(example(t, "services:")), &file); err != nil {
		t.Fatal(err)
	}
	service := file.Services["hotpath"]
	var environ []string
	for name, value := range service.Environment {
		environ = append(environ, name+"="+value)
	}
	cfg, err := config.Load(nil, environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	if _, err := fmt.Sscanf(service.Memory, "%dm", &n); err != nil {
		t.Fatalf("mem_limit is %q: %v", service.Memory, err)
	}
	wantFits(t, cfg, n<<20)
}

// TestMemoryWarning: a memory-limit that clients could exceed is a warning of the
// check, the start and a reload, and names a number of connections that fit.
func TestMemoryWarning(t *testing.T) {
	const says = `flag -memory-limit "128MiB": is less than the `
	limit := []string{"-memory-limit", "128MiB", "-cache-bytes", "1MiB", "-max-stored", "256KiB"}
	warned := func(args ...string) (w string, status int) {
		var stdout, stderr strings.Builder
		status = dispatch(append(append([]string{"check"}, limit...), args...), nil, &stdout, &stderr)
		return stderr.String(), status
	}
	text, status := warned()
	fit := regexp.MustCompile(` or a smaller max-conns, now 25000, or cache-bytes, now 1MiB \(did you mean max-conns (\d+)\?\)\n$`).FindStringSubmatch(text)
	if status != 0 || !strings.HasPrefix(text, "hotpath: warning: "+says) || fit == nil {
		t.Fatalf("exit status %d, %q", status, text)
	}
	if text, status := warned("-max-conns", fit[1]); status != 0 || text != "" {
		t.Errorf("with the max-conns of the hint: exit status %d, %q", status, text)
	}
	if text, _ := warned("-max-handshakes", "10000"); !strings.HasPrefix(text, "hotpath: warning: "+says) || strings.Contains(text, "did you mean") {
		t.Errorf("if no number of connections fits: %q", text)
	}
	var log strings.Builder
	cfg, err := config.Load(limit, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := descriptors{conns: cfg.MaxConns}
	of := boundOf(&cfg, &d, runtime.GOMAXPROCS(0))
	b := &bounds{log: slog.New(slog.NewTextHandler(&log, nil)), total: of.total()} // as a reload finds it
	b.change(cfg, &d)
	if !strings.Contains(log.String(), `memory-limit \"128MiB\": is less than the `) {
		t.Errorf("the log of a reload is %q", log.String())
	}
}

// size writes bytes to three digits.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f := float64(n)
	for f >= 1000 && len(units) > 1 {
		f, units = f/1024, units[1:]
	}
	return fmt.Sprintf("%.3g %s", f, units[0])
}

// thousands writes a number with a comma after the thousands.
func thousands(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// constantOf evaluates a constant of a source file that depends on no other.
func constantOf(t *testing.T, path, name string) int64 {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var value ast.Expr
	ast.Inspect(source, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for i, ident := range spec.Names {
				if ident.Name == name && i < len(spec.Values) {
					value = spec.Values[i]
				}
			}
		}
		return value == nil
	})
	if value == nil {
		t.Fatalf("%s has no constant %s any more", path, name)
	}
	result, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(value))
	if err != nil {
		t.Fatalf("%s: %s: %v", path, name, err)
	}
	n, ok := constant.Int64Val(result.Value)
	if !ok {
		t.Fatalf("%s: %s is no integer", path, name)
	}
	return n
}
