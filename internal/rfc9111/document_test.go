package rfc9111

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

//go:generate go test -run ^TestDocumentedReasons$ -update .

var update = flag.Bool("update", false, "write the table of reasons into docs/caching.md instead of comparing with it")

const document = "../../docs/caching.md"

func readDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reasonTable is the table of all reasons but None, in the order of the
// enumeration.
func reasonTable() string {
	var b strings.Builder
	b.WriteString("\n| reason | in Cache-Status | means |\n|---|---|---|\n")
	for r := None + 1; r < Reasons; r++ {
		status := CacheStatus{Cache: "hotpath", Served: r}
		if !r.Hit() && r.Forward() == "" && r != OnlyIfCached {
			status = CacheStatus{Cache: "hotpath", Kept: r} // of what becomes of an answer
		}
		shown := strings.TrimPrefix(string(AppendCacheStatus(nil, &status)), "hotpath; ")
		if r == Stored {
			shown = "stored"
		}
		fmt.Fprintf(&b, "| `%v` | `%s` | %s |\n", r, shown, r.Sentence())
	}
	return b.String() + "\n"
}

// TestDocumentedReasons: docs/caching.md has each reason as the code has it.
func TestDocumentedReasons(t *testing.T) {
	const end = "<!-- /reasons -->"
	text := readDocument(t)
	begin := regexp.MustCompile(`<!-- reasons: .* -->\n`).FindStringIndex(text)
	if begin == nil {
		t.Fatalf("%s has no place for the table of reasons", document)
	}
	before, rest := text[:begin[1]], text[begin[1]:]
	table, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s: the table of reasons has no end", document)
	}
	want := reasonTable()
	if *update {
		if err := os.WriteFile(document, []byte(before+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the table of reasons in %s is stale; run: go generate ./internal/rfc9111", document)
	}
}

// TestDocumentedDirectives: docs/caching.md has each directive that the code
// reads.
func TestDocumentedDirectives(t *testing.T) {
	text := readDocument(t)
	ofResponse, ofRequest, ok := strings.Cut(text, "\nOf a request:\n")
	if !ok {
		t.Fatalf("%s has no directives of requests", document)
	}
	directive := regexp.MustCompile(`strings\.EqualFold\((?:n|s\.name), "([a-z-]+)"\)`)
	for file, documented := range map[string]string{"directives.go": ofResponse, "asked.go": ofRequest} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := directive.FindAllSubmatch(source, -1)
		if len(found) < 5 {
			t.Errorf("%s: %d directives were found; does the pattern still fit?", file, len(found))
		}
		for _, match := range found {
			if name := string(match[1]); !regexp.MustCompile("`" + name + "(=[^`]*)?`").MatchString(documented) {
				t.Errorf("%s reads %s, which %s does not explain", file, name, document)
			}
		}
	}
}
