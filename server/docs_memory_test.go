package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/config"
)

//go:generate go test -run ^TestMemoryArithmetic$ -update .

var update = flag.Bool("update", false, "write the arithmetic of memory into docs/operations.md instead of comparing with it")

// TestMemoryArithmetic: docs/operations.md adds up what connections may hold at
// the defaults as the constants in the code and the defaults have it.
func TestMemoryArithmetic(t *testing.T) {
	testkit.NeedTree(t)
	const file, end = "../docs/operations.md", "<!-- /memory -->"
	text := document(t, "docs/operations.md")
	begin := regexp.MustCompile(`<!-- memory: .* -->\n`).FindStringIndex(text)
	if begin == nil {
		t.Fatalf("%s has no place for the arithmetic", file)
	}
	before, rest := text[:begin[1]], text[begin[1]:]
	got, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s: the arithmetic has no end", file)
	}
	want := memoryArithmetic(t)
	if *update {
		if err := os.WriteFile(file, []byte(before+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the arithmetic in %s is stale; run: go generate ./server", file)
	}
}

// idleConnection is what an idle connection takes: the goal of the row "idle" in
// docs/benchmarks.md, which measures 11 to 12.6 KiB.
const idleConnection = 14 << 10

// handlerStack is the stack of a handler's goroutine: Go doubles it from 2 KiB,
// and 8 KiB hold the calls to an upstream or a file.
const handlerStack = 8 << 10

// emptyProcess is what a server holds before its first connection: 15 MiB,
// measured as resident, half of it the program.
const emptyProcess = 15 << 20

// memoryArithmetic is the arithmetic at the defaults.
func memoryArithmetic(t *testing.T) string {
	c := config.Default()
	number := func(path, name string) int64 { return constantOf(t, path, name) }
	record := int64(16<<10 + 256 + 5) // RFC 8446 §5.2, with its head
	frame := int64(16<<10 + 9)        // RFC 9113 §4.2, SETTINGS_MAX_FRAME_SIZE as we leave it
	batch := number("internal/wire/scratch.go", "FlushSize") + number("internal/wire/scratch.go", "sealSlack")
	perStream := int64(512) // h2.stream, its place in a map, its paces
	var b strings.Builder
	table := func(head string, rows []row) (sum int64) {
		fmt.Fprintf(&b, "\n| %s | at the defaults |\n|---|--:|\n", head)
		for _, r := range rows {
			fmt.Fprintf(&b, "| %s | %s |\n", r.what, size(r.bytes))
			sum += r.bytes
		}
		fmt.Fprintf(&b, "| **together** | **%s** |\n", size(sum))
		return sum
	}
	connection := table("an HTTP/2 connection, at most", []row{
		{"idle: TLS state, engine, goroutine", idleConnection},
		{"part of a record, part of a frame", record + frame},
		{"a header block that is not complete: 2 × `max-header-bytes`", number("server/h2/config.go", "headerBlockFactor") * c.MaxHeaderBytes},
		{"HPACK's table (RFC 9113 §6.5.2, as we leave it)", 4 << 10},
		{"output that the client does not take: `max-output` and the batch that went beyond it", c.MaxOutput + batch},
		{"content that no handler has read: the connection's window", number("server/h2/config.go", "connWindow")},
		{"answers to control frames: `max-control`", int64(c.MaxControl) * 17},
		{"requests that wait for their record in the access log", number("server/h2/count.go", "aboutBytes") + int64(c.MaxStreams)*256},
		{"streams: `max-streams`", int64(c.MaxStreams) * perStream},
	})
	request := c.MaxHeaderBytes + int64(c.MaxHeaderFields)*32
	handler := table("a handler, at most", []row{
		{"its goroutine's stack", handlerStack},
		{"its copy of the request: `max-header-bytes` of text, `max-header-fields`", request},
		{"what it has written and the client not taken", number("server/stream/output.go", "maxOutput")},
		{"what it holds back until its head goes", number("server/stream/reply.go", "smallBody")},
	})
	connections := int64(c.MaxConns) * connection
	process := table("the process, at most, but for handlers", []row{
		{fmt.Sprintf("`max-conns`: %s connections", thousands(int64(c.MaxConns))), connections},
		{"`cache-bytes`: stored and arriving", c.CacheBytes},
		{"files being read into memory", number("server/origin/directory.go", "maxReading")},
		{"an empty process", emptyProcess},
	})
	// As many again may run whose stream has ended: they have no output.
	all := int64(c.MaxStreams) * (handler + handlerStack + request)
	fmt.Fprintf(&b, `
Handlers have no limit of their own for the whole server: a connection may have `+"`max-streams`"+` of them, and as many again whose stream has ended and which have not returned yet, %s. With all of %s connections at all of that, the sum of all limits is **%s**, %s of it without handlers. An HTTP/1.1 connection has one handler and less of the rest.
`, size(all), thousands(int64(c.MaxConns)), size(process+int64(c.MaxConns)*all), size(process))
	idle := int64(c.MaxConns)*idleConnection + c.CacheBytes + emptyProcess
	fmt.Fprintf(&b, `
That is what strangers could do who own every connection and do the worst on each at once. What hits and idle connections need is another figure: %s × %s + %s + %s = **%s**.
`, thousands(int64(c.MaxConns)), size(idleConnection), size(c.CacheBytes), size(emptyProcess), size(idle))
	return b.String() + "\n"
}

// row is one part of a sum.
type row struct {
	what  string
	bytes int64
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
