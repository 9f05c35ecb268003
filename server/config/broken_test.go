package config

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// brokenFiles makes what the files of testdata/broken.txt name, and returns what
// stands there for what.
func brokenFiles(t *testing.T) (dir string, read *strings.Replacer) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"a", "b"} {
		if _, _, err := testkit.NewIdentity(name+".example").Write(dir, name); err != nil {
			t.Fatal(err)
		}
	}
	writePairFor(t, dir, "old", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC))
	hash, err := bcrypt.GenerateFromPassword([]byte("password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"text": "text\n", "short": "secret\n", "token": strings.Repeat("t", minToken) + "\n",
		"plain": "user:password\n", "users": "user:" + string(hash) + "\n",
	} {
		writeFile(t, filepath.Join(dir, name), []byte(text))
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	const utf16 = "\xff\xfer\x00o\x00o\x00t\x00\x00\xd8" // root, and half of a pair
	return dir, strings.NewReplacer("DIR", dir, "<TAB>", "\t", "<NUL>", "\x00", "<FF>", "\xff", "<UTF16>", utf16)
}

// TestBrokenFiles: testdata/broken.txt has files, each behind a line with === and
// what is wrong, and before the lines, with >>>, that the check has to write: of each file that
// an operator gets wrong it says where, about which key, with which value, what is
// wrong, and what is allowed.
func TestBrokenFiles(t *testing.T) {
	text, err := os.ReadFile("testdata/broken.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir, read := brokenFiles(t)
	// Of YAML itself there is the line in place of a key.
	form := regexp.MustCompile(`^(warning: )?DIR/f\.yaml:\d+(: \S.*)? "`)
	seen := make(map[string]bool)
	cases := strings.Split(string(text), "=== ")[1:]
	for _, c := range cases {
		why, rest, _ := strings.Cut(c, "\n")
		file, want, _ := strings.Cut(rest, ">>> ")
		want = strings.TrimSuffix(strings.ReplaceAll(want, "\n>>> ", "\n"), "\n")
		if seen[why] {
			t.Errorf("%s: is there twice", why)
		}
		seen[why] = true
		name := filepath.Join(dir, "f.yaml")
		writeFile(t, name, []byte(read.Replace(file)))
		var stdout, stderr bytes.Buffer
		status := Check([]string{"-config", name}, nil, &stdout, &stderr)
		got := strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(stderr.String(), dir, "DIR"), "hotpath: ", ""), "\n")
		if got != want {
			t.Errorf("%s:\n%s\nsays\n%s\nwant\n%s", why, file, got, want)
			continue
		}
		for line := range strings.SplitSeq(got, "\n") {
			warning := strings.HasPrefix(line, "warning: ")
			if !form.MatchString(line) || !warning && !strings.Contains(line, "; allowed: ") {
				t.Errorf("%s: %s\nhas no place, or nothing that is allowed", why, line)
			}
			if wantStatus := map[bool]int{true: 0, false: 2}[warning]; status != wantStatus {
				t.Errorf("%s: exit status %d, want %d", why, status, wantStatus)
			}
		}
	}
	if len(cases) < 100 {
		t.Errorf("%d files, want a hundred at least", len(cases))
	}
}
