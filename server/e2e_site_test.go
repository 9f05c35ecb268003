package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// What the site of real files holds at most: a few thousand files that a
// client fetches in some seconds.
const (
	siteFiles     = 3000
	siteBytes     = 24 << 20
	largestCopied = 256 << 10
)

// resource is what a client must get for a path.
type resource struct {
	path string // escaped, as a client sends it
	file string // where its content lies on disk
	size int64
	sum  [sha256.Size]byte
}

func (r resource) hex() string { return hex.EncodeToString(r.sum[:]) }

// fileSite is a directory to be served.
type fileSite struct {
	root      string
	resources []resource
}

// realSite has files of this machine's documentation, filled up with made
// ones, and files whose names and sizes are as awkward as any.
var realSite = sync.OnceValues(func() (fileSite, error) {
	s := fileSite{root: filepath.Join(scratch, "site")}
	if err := s.addOdd(); err != nil {
		return s, err
	}
	if err := s.copyFrom("/usr/share/doc"); err != nil {
		return s, err
	}
	random := rand.NewChaCha8([32]byte{1})
	for i := len(s.resources); i < siteFiles; i++ {
		body := make([]byte, random.Uint64()%8192)
		if _, err := random.Read(body); err != nil {
			return s, err
		}
		if err := s.add(fmt.Sprintf("made/%d/%d.bin", i%40, i), body); err != nil {
			return s, err
		}
	}
	return s, nil
})

func testSite(t *testing.T) fileSite {
	t.Helper()
	s, err := realSite()
	return must(t, s, err)
}

// streamed is the size of a file that is too large to be stored by default,
// and larger than what a client takes before it is read from.
const streamed = 9<<20 + 1

// stored is that of one that is not.
const stored = 7 << 20

// addOdd adds names that need escaping, and sizes next to every border: of a
// record, a frame, a window, the cache.
func (s *fileSite) addOdd() error {
	for _, name := range []string{
		"with space.txt", "percent%41.txt", "question?.txt", "hash#.txt", "plus+and&equals=.html",
		"semi;colon:at@.txt", `quote'".txt`, "brackets[1]{2}(3).txt", "ünïcödé-名前.txt", "tilde~^|`.txt",
		"no-extension", "two.dots.tar.gz", "a/b/c/d/e/f/deep.txt", "sub/index.html", strings.Repeat("n", 250) + ".txt",
	} {
		if err := s.add(name, []byte("the content of "+name)); err != nil {
			return err
		}
	}
	s.resources = append(s.resources, s.named("/sub/index.html"))
	s.resources[len(s.resources)-1].path = "/sub/"
	random := rand.NewChaCha8([32]byte{2})
	for _, size := range []int{
		0, 1, 4095, 16374, 16375, 16376, 16383, 16384, 16385, 65534, 65535, 65536, 65537,
		128 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1 << 20, stored, streamed,
	} {
		body := make([]byte, size)
		if _, err := random.Read(body); err != nil {
			return err
		}
		if err := s.add(fmt.Sprintf("size/%d", size), body); err != nil {
			return err
		}
	}
	return nil
}

// copyFrom adds the regular files below a directory, if there is one, until
// the site is full.
func (s *fileSite) copyFrom(root string) error {
	left := siteBytes
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || len(s.resources) >= siteFiles {
			return fs.SkipAll // made files take the place of what cannot be read
		}
		relative, err := filepath.Rel(root, name)
		if err != nil || !entry.Type().IsRegular() || !servable(relative) {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Size() > largestCopied || int(info.Size()) > left {
			return err
		}
		body, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		left -= len(body)
		return s.add("doc/"+filepath.ToSlash(relative), body)
	})
}

// servable reports whether a name is one that the server hands out: see
// origin.Directory.
func servable(name string) bool {
	name = "/" + filepath.ToSlash(name)
	return !strings.Contains(name, "/.") && !strings.ContainsAny(name, "\\\n")
}

func (s *fileSite) add(name string, body []byte) error {
	file := filepath.Join(s.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	path := (&url.URL{Path: "/" + name}).EscapedPath()
	s.resources = append(s.resources, resource{path, file, int64(len(body)), sha256.Sum256(body)})
	return os.WriteFile(file, body, 0o644)
}

// named is the resource of a path.
func (s *fileSite) named(path string) resource {
	for _, r := range s.resources {
		if r.path == path {
			return r
		}
	}
	panic("no such resource: " + path)
}

// sized is a resource of random content.
func (s *fileSite) sized(size int) resource { return s.named(fmt.Sprintf("/size/%d", size)) }

// demoSite is the built-in site, from its sources.
func demoSite(t *testing.T) []resource {
	t.Helper()
	const root = "origin/site"
	var all []resource
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		body, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		path := filepath.ToSlash(strings.TrimPrefix(name, filepath.FromSlash(root)))
		all = append(all, resource{path, file, int64(len(body)), sha256.Sum256(body)})
		if directory, ok := strings.CutSuffix(path, "index.html"); ok {
			all = append(all, resource{directory, file, int64(len(body)), sha256.Sum256(body)})
		}
		return nil
	})
	if err != nil || len(all) < 8 {
		t.Fatalf("reading the demo site: %d resources, %v", len(all), err)
	}
	return all
}

// differs reports how a body is not a resource's, or nil.
func (r resource) differs(body io.Reader) error {
	sum := sha256.New()
	n, err := io.Copy(sum, body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: after %d of %d bytes: %w", r.path, n, r.size, err)
	case n != r.size || !bytes.Equal(sum.Sum(nil), r.sum[:]):
		return fmt.Errorf("%s: got %d bytes that are not the file's %d", r.path, n, r.size)
	}
	return nil
}
