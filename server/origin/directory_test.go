package origin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func field(fields []hpack.Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// long is so long ago that a modification time proves that a file is as it was.
var long = time.Now().Add(-time.Hour).Truncate(time.Second)

// write writes a file with a modification time.
func write(t *testing.T, path, content string, modified time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

// maxReading is what a test's directory may read at once.
const maxReading = 64 << 20

// filled is a configuration with what a test does not care about.
func filled(c DirectoryConfig) DirectoryConfig {
	c.MaxStored = cmp.Or(c.MaxStored, 8<<20)
	c.MaxOpen = cmp.Or(c.MaxOpen, 100)
	c.MaxReading = cmp.Or(c.MaxReading, maxReading)
	return c
}

func newDirectory(t *testing.T, config DirectoryConfig) (*Directory, string) {
	t.Helper()
	path := t.TempDir()
	d, err := NewDirectory(path, filled(config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, path
}

func TestNewDirectory(t *testing.T) {
	if _, err := NewDirectory(filepath.Join(t.TempDir(), "none"), filled(DirectoryConfig{})); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := NewDirectory(t.TempDir(), filled(DirectoryConfig{MaxStored: -1})); err == nil || !strings.Contains(err.Error(), "MaxStored is -1") {
		t.Errorf("MaxStored -1: %v", err)
	}
	if _, err := NewDirectory(t.TempDir(), filled(DirectoryConfig{MaxOpen: -1})); err == nil || !strings.Contains(err.Error(), "MaxOpen is -1") {
		t.Errorf("MaxOpen -1: %v", err)
	}
	file := t.TempDir() + "/file"
	write(t, file, "", long)
	if _, err := NewDirectory(file, filled(DirectoryConfig{})); err == nil || !strings.Contains(err.Error(), "is a regular file, not a directory") {
		t.Errorf("a file: %v", err)
	}
}

func TestDirectoryFetch(t *testing.T) {
	d, root := newDirectory(t, filled(DirectoryConfig{}))
	outside := t.TempDir()
	write(t, outside+"/secret", "secret", long)
	for name, content := range map[string]string{
		"index.html":              "top",
		"plain.txt":               "plain",
		"empty":                   "",
		"a b+c%41.txt":            "strange",
		"docs/index.html":         "docs",
		"docs/grün/index.html":    "green",
		"bare/file":               "file",
		"odd/index.html/x":        "x",
		".env":                    "hidden",
		".git/config":             "hidden",
		"docs/.draft":             "hidden",
		".well-known/acme":        "acme",
		".well-known/.hidden":     "hidden",
		"docs/.well-known/nested": "hidden",
	} {
		write(t, filepath.Join(root, name), content, long)
	}
	for link, to := range map[string]string{
		"in":           "plain.txt",
		"docs/up":      "../plain.txt",
		"docsdir":      "docs",
		"out":          filepath.Join(outside, "secret"),
		"outdir":       outside,
		"outrelative":  "../" + filepath.Base(outside) + "/secret",
		"absolute-in":  filepath.Join(root, "plain.txt"),
		"throughandin": "../" + filepath.Base(root) + "/plain.txt",
		"dangling":     "nothing",
		"loop":         "loop",
		"fd":           "/proc/self/fd/0",
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}

	for _, c := range []struct {
		path   string
		status int
		want   string // body, or the target of a 301
	}{
		{"/", 200, "top"},
		{"/?q", 200, "top"},
		{"/index.html", 200, "top"},
		{"/plain.txt", 200, "plain"},
		{"/plain.txt?v=2", 200, "plain"},
		{"//./docs//..//plain.txt", 200, "plain"},
		{"/empty", 200, ""},
		{"/a%20b+c%2541.txt", 200, "strange"},
		{"/docs/", 200, "docs"},
		{"/docs/gr%C3%BCn/", 200, "green"},
		{"/docs", 301, "/docs/"},
		{"//docs", 301, "/docs/"},
		{"/docs/gr%C3%BCn", 301, "/docs/gr%C3%BCn/"},
		{"/bare/file", 200, "file"},
		{"/bare", 404, ""},
		{"/bare/", 404, ""},
		{"/odd", 404, ""},
		{"/odd/", 404, ""},
		{"/odd/index.html/", 404, ""},
		{"/plain.txt/", 404, ""},
		{"/plain.txt/x", 404, ""},
		{"/none", 404, ""},
		{"/none/none", 404, ""},
		{"/" + strings.Repeat("n", 300), 404, ""},
		{"/" + strings.Repeat("n/", 3000), 404, ""},

		{"/.env", 404, ""},
		{"/%2eenv", 404, ""},
		{"/.git/config", 404, ""},
		{"/docs/.draft", 404, ""},
		{"/.well-known/acme", 200, "acme"},
		{"/.well-known/.hidden", 404, ""},
		{"/.well-known", 404, ""},
		{"/docs/.well-known/nested", 404, ""},

		{"/in", 200, "plain"},
		{"/docs/up", 200, "plain"},
		{"/docsdir/", 200, "docs"},
		{"/docsdir", 301, "/docsdir/"},
		{"/out", 404, ""},
		{"/outdir", 404, ""},
		{"/outdir/", 404, ""},
		{"/outdir/secret", 404, ""},
		{"/outrelative", 404, ""},
		{"/absolute-in", 404, ""},
		{"/throughandin", 404, ""},
		{"/dangling", 404, ""},
		{"/loop", 404, ""},
		{"/loop/x", 404, ""},
		{"/fd", 404, ""},
		{"/%252e%252e/secret", 404, ""},
	} {
		a := fetchKey(t, d, c.path, nil)
		if a.Response.Status != c.status || a.Store != (c.status == 200) || a.Stream != nil {
			t.Errorf("%s: status %d, store %v, want %d", c.path, a.Response.Status, a.Store, c.status)
			continue
		}
		switch c.status {
		case 200:
			if string(a.Response.Body) != c.want {
				t.Errorf("%s: body %q, want %q", c.path, a.Response.Body, c.want)
			}
			if !a.Response.LastModified.Equal(long) || a.Fresh+a.Stale >= 2*time.Second {
				t.Errorf("%s: modified %v, fresh %v, stale %v", c.path, a.Response.LastModified, a.Fresh, a.Stale)
			}
		case 301:
			if got := field(a.Response.Fields, "location"); got != c.want {
				t.Errorf("%s: location %q, want %q", c.path, got, c.want)
			}
		case 404:
			if bytes.Contains(a.Response.Body, []byte("secret")) || bytes.Contains(a.Response.Body, []byte("hidden")) {
				t.Errorf("%s: the page gives it away", c.path)
			}
		}
	}
}

// TestDirectoryTags: one content has one tag, whatever its name and time.
func TestDirectoryTags(t *testing.T) {
	d, root := newDirectory(t, filled(DirectoryConfig{}))
	write(t, root+"/a.txt", "one", long)
	write(t, root+"/b.html", "one", long.Add(time.Minute))
	write(t, root+"/c.txt", "two", long)
	a, b, c := fetchKey(t, d, "/a.txt", nil), fetchKey(t, d, "/b.html", nil), fetchKey(t, d, "/c.txt", nil)
	if a.Response.ETag != b.Response.ETag || a.Response.ETag == c.Response.ETag {
		t.Errorf("tags %s, %s, %s", a.Response.ETag, b.Response.ETag, c.Response.ETag)
	}
}

func TestDirectoryModifiedTimes(t *testing.T) {
	d, root := newDirectory(t, filled(DirectoryConfig{}))
	for name, modified := range map[string]time.Time{
		"future": time.Now().Add(time.Hour),
		"epoch":  time.Unix(0, 0),
		"nix":    time.Unix(1, 0),
	} {
		write(t, filepath.Join(root, name), name, modified)
		a := fetchKey(t, d, "/"+name, nil)
		if !a.Response.LastModified.IsZero() || field(a.Response.Fields, "last-modified") != "" {
			t.Errorf("%s: Last-Modified %v", name, a.Response.LastModified)
		}
	}
}

func TestDirectoryRevalidates(t *testing.T) {
	type change func(path string)
	rewrite := func(content string, modified time.Time) change {
		return func(path string) { write(t, path, content, modified) }
	}
	for _, c := range []struct {
		name     string
		modified time.Time // at first
		change   change
		same     bool // the Response is the one from before
		body     string
	}{
		{"untouched", long, func(string) {}, true, "one"},
		{"other content", long, rewrite("two", long.Add(time.Minute)), false, "two"},
		{"other size, same time", long, rewrite("three", long), false, "three"},
		{"other time, same content", long, rewrite("one", long.Add(time.Minute)), false, "one"},
		{"young, same time and size", time.Now(), nil, false, "two"},
		{"young, untouched", time.Now(), func(string) {}, true, "one"},
		{"replaced, same time and size", long, func(path string) {
			write(t, path+".new", "two", long)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, false, "two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, root := newDirectory(t, filled(DirectoryConfig{}))
			path := root + "/file"
			write(t, path, "one", c.modified)
			before := fetchKey(t, d, "/file", nil)
			if c.change == nil {
				c.change = rewrite("two", c.modified)
			}
			c.change(path)
			after := fetchKey(t, d, "/file", &before)
			if (after.Response == before.Response) != c.same || string(after.Response.Body) != c.body || !after.Store {
				t.Errorf("same Response %v, body %q, store %v", after.Response == before.Response, after.Response.Body, after.Store)
			}
		})
	}

	d, root := newDirectory(t, filled(DirectoryConfig{}))
	write(t, root+"/file", "one", long)
	before := fetchKey(t, d, "/file", nil)
	if err := os.Remove(root + "/file"); err != nil {
		t.Fatal(err)
	}
	if after := fetchKey(t, d, "/file", &before); after.Response.Status != 404 || after.Store {
		t.Errorf("removed: status %d, store %v", after.Response.Status, after.Store)
	}
}

// TestDirectoryDoesNotReadAgain: an unchanged file is looked at, not read. It
// is proved by a file that can no longer be opened: its semaphore is taken.
func TestDirectoryDoesNotReadAgain(t *testing.T) {
	d, root := newDirectory(t, filled(DirectoryConfig{}))
	write(t, root+"/file", "one", long)
	before := fetchKey(t, d, "/file", nil)
	if err := d.reading.Acquire(context.Background(), maxReading); err != nil {
		t.Fatal(err)
	}
	if after := fetchKey(t, d, "/file", &before); after.Response != before.Response {
		t.Error("another Response")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := fetch(ctx, d, "/file", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("reading without a permit: %v", err)
	}
}

func TestDirectoryFailure(t *testing.T) {
	d, _ := newDirectory(t, filled(DirectoryConfig{}))
	for _, err := range []error{fs.ErrNotExist, fs.ErrPermission, errNotRegular, syscall.ENOTDIR} {
		if !d.absent(fmt.Errorf("opening: %w", &fs.PathError{Op: "open", Path: "name", Err: err})) {
			t.Errorf("%v: does not count as absent", err)
		}
	}
	for _, err := range []error{syscall.EIO, syscall.EMFILE, fs.ErrClosed} {
		if d.absent(&fs.PathError{Op: "open", Path: "name", Err: err}) {
			t.Errorf("%v: counts as absent", err)
		}
	}
	d.Close()
	if _, err := fetch(context.Background(), d, "/name", nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("fetching from what is closed: %v", err)
	}
}
