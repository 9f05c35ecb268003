package tools

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// oldWords are words that comments and documents do not use, with the ones that
// they use instead.
var oldWords = map[*regexp.Regexp]string{
	regexp.MustCompile(`(?i)\b(first|second|both|two|other|either|neither|which|no) doors?\b`):                                                         "fast path, slow path",
	regexp.MustCompile(`(?i)\bmail ?box(es)?\b|\bmail\.go\b`):                                                                                          "inbox",
	regexp.MustCompile(`\b(stream|relay)\.Letter\b|\b[Ll]etters? (of|for) (it|an? (exchange|stream))\b`):                                               "message",
	regexp.MustCompile(`(?i)\b(somebody|nobody)\b`):                                                                                                    "the peer, the client, an operator",
	regexp.MustCompile(`(?i)\b(server|program|package|engine|handler|cache|connection|proxy|peer|balancer|field) (hears|wants|wishes|knows|thinks)\b`): "gets, needs, has, reports",
}

// TestWords: words that were replaced by the common ones stay away.
func TestWords(t *testing.T) {
	testkit.NeedTree(t)
	files := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() != ".." && strings.HasPrefix(d.Name(), ".") || name == "../vendor") {
			return filepath.SkipDir
		}
		mark, ok := map[string]string{".md": "", ".go": "//", ".bash": "#", ".yml": "#", ".nix": "#", ".bazel": "#"}[filepath.Ext(name)]
		if !ok || d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			_, comment, ok := strings.Cut(line, mark)
			if !ok {
				continue
			}
			for old, instead := range oldWords {
				if found := old.FindString(comment); found != "" {
					t.Errorf("%s:%d: %q: the words for it are: %s", name, number, found, instead)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 500 {
		t.Errorf("%d files: is this the tree?", files)
	}
}

// TestOldWords: the expressions find what they are for, and leave the rest alone.
func TestOldWords(t *testing.T) {
	for _, tt := range []struct {
		text string
		old  bool
	}{
		{"the first door: what is in memory", true},
		{"c posts to its mailbox", true},
		{"a Letter of an exchange", true},
		{"somebody else sent one", true},
		{"what the server knows of it", true},
		{"goes to the next door", false},
		{"a name of many letters", false},
		{"a host that the server has", false},
	} {
		found := false
		for old := range oldWords {
			found = found || old.MatchString(tt.text)
		}
		if found != tt.old {
			t.Errorf("%q: found %t", tt.text, found)
		}
	}
}
