package origin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

const (
	// DefaultMaxStored holds any page, script, font and most images, and
	// is 1/32 of the default cache.
	DefaultMaxStored = 8 << 20

	// fileFresh and fileStale together are how old what a file's entry
	// says may be. A changed file must be served new within 2 s: the rest
	// is left for the answer's way through a busy server.
	fileFresh = time.Second
	fileStale = 750 * time.Millisecond

	// maxReading is how many bytes may be on their way into memory at
	// once, so that many misses for large files wait instead of exhausting
	// it.
	maxReading = 64 << 20

	// indexName is what a path that ends in a slash names.
	indexName = "index.html"
)

// DirectoryConfig is what a Directory may do. The zero value is valid.
type DirectoryConfig struct {
	// MaxStored is the largest file, in bytes, that is read whole and
	// stored; a larger one is streamed. Zero means DefaultMaxStored. It
	// should be well below the cache's budget.
	MaxStored int64

	// Log gets the errors of streams, which have nobody to return them to.
	// Nil means slog.Default().
	Log *slog.Logger
}

// Directory is an origin of the regular files in and below a directory.
//
// A path that ends in a slash names the index.html there; one that names a
// directory with an index.html is redirected to the path with a slash. There
// are no listings. Symbolic links are followed while they stay inside
// ([os.Root]); an absolute one counts as leading out. A name that begins with a
// dot is not served (.git, .env, .htpasswd), but for what lies in .well-known
// at the top (RFC 8615). Whatever may not be served does not exist: 404.
//
// The ETag of a stored file is a hash of its content, equal on every machine
// that serves it. That of a streamed file is made of its size and modification
// time, and weak while that time is so recent that the file may change again
// without a change of it.
//
// A file counts as unchanged while size, modification time and identity are
// those that were seen when it was read.
type Directory struct {
	root      *os.Root
	log       *slog.Logger
	maxStored int64
	reading   *semaphore.Weighted

	// escapes is the error that root answers for a path that leads out. The
	// os package has it, but does not export it.
	escapes error
}

// NewDirectory opens a directory as an origin.
func NewDirectory(path string, c DirectoryConfig) (*Directory, error) {
	if c.MaxStored < 0 {
		return nil, fmt.Errorf("origin: MaxStored is %d: allowed is 1 or more, or 0 for %d", c.MaxStored, DefaultMaxStored)
	}
	if c.MaxStored == 0 {
		c.MaxStored = DefaultMaxStored
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the root directory: %w", err)
	}
	_, err = root.Lstat("..")
	return &Directory{
		root:      root,
		log:       c.Log,
		maxStored: c.MaxStored,
		reading:   semaphore.NewWeighted(max(maxReading, c.MaxStored)),
		escapes:   errors.Unwrap(err),
	}, nil
}

// Close gives the directory back. Streams that have begun go on.
func (d *Directory) Close() error { return d.root.Close() }

// Key implements [Origin]: the cleaned path.
func (d *Directory) Key(dst []byte, path string) ([]byte, bool) { return appendPathKey(dst, path) }

// Fetch implements [Origin].
func (d *Directory) Fetch(ctx context.Context, key string, stale *Answer) (Answer, error) {
	name, ok := fileName(key)
	if !ok {
		return notFound, nil
	}
	info, err := d.root.Stat(name)
	switch {
	case err != nil:
		return d.failed("looking at", name, err)
	case info.IsDir():
		return d.redirect(key, name)
	case !info.Mode().IsRegular():
		return notFound, nil
	case info.Size() > d.maxStored:
		return d.stream(name), nil
	case stale != nil && stale.seen.current(info):
		return *stale, nil
	}

	if err := d.reading.Acquire(ctx, info.Size()); err != nil {
		return Answer{}, fmt.Errorf("waiting to read %q: %w", name, err)
	}
	defer d.reading.Release(info.Size())
	body, seen, err := d.read(name, info.Size())
	switch {
	case errors.Is(err, errUnsettled):
		return d.stream(name), nil
	case err != nil:
		return d.failed("reading", name, err)
	}
	return fileAnswer(name, body, seen, stale), nil
}

// fileName is the name below the root that a key stands for; ok is false where
// it has a segment that is not served.
func fileName(key string) (name string, ok bool) {
	name = key[1:]
	if name == "" || name[len(name)-1] == '/' {
		name += indexName
	}
	visible := strings.TrimPrefix(name, ".well-known/")
	return name, visible[0] != '.' && !strings.Contains(visible, "/.")
}

// failed tells an error that means that there is no such file from one that
// has to be looked at. What may not be read does not exist either: the
// difference is nobody's business.
func (d *Directory) failed(doing, name string, err error) (Answer, error) {
	for _, absent := range []error{
		fs.ErrNotExist, fs.ErrPermission, d.escapes, errNotRegular,
		syscall.ENOTDIR,      // a segment before the last is a file
		syscall.ELOOP,        // links in a circle
		syscall.ENAMETOOLONG, // longer than any file's
		syscall.EINVAL,       // bytes that this file system has no names of
		syscall.ENXIO,        // a socket, put there after it was looked at
	} {
		if errors.Is(err, absent) {
			return notFound, nil
		}
	}
	return Answer{}, fmt.Errorf("%s %q: %w", doing, name, err)
}

// redirect answers for a directory that was asked for without the slash. The
// key is a cleaned path: it begins with exactly one slash, so that no target is
// taken for another host's.
func (d *Directory) redirect(key, name string) (Answer, error) {
	if strings.HasSuffix(key, "/") {
		return notFound, nil // index.html itself is a directory
	}
	info, err := d.root.Stat(name + "/" + indexName)
	if err != nil {
		return d.failed("looking for the index of", name, err)
	}
	if !info.Mode().IsRegular() {
		return notFound, nil
	}
	return redirectTo(key + "/"), nil
}

// redirectTo answers with a 301 to a path on this site.
func redirectTo(path string) Answer {
	target := url.URL{Path: path}
	return Answer{Response: Page(http.StatusMovedPermanently, hpack.Field{Name: "location", Value: target.EscapedPath()})}
}

// fileAnswer makes the answer for a file that was read. Where stale already
// says the same, its Response is used again.
func fileAnswer(name string, body []byte, seen *sighting, stale *Answer) Answer {
	a := Answer{Store: true, Fresh: fileFresh, Stale: fileStale, seen: seen}
	etag, modified := contentTag(body), seen.lastModified()
	if stale != nil && stale.Response.ETag == etag && stale.Response.LastModified.Equal(modified) && stale.Response.StrongDate == seen.settled() {
		a.Response = stale.Response
		return a
	}
	a.Response = message.New(http.StatusOK, fileFields(name, body), body, etag, modified)
	a.Response.StrongDate = seen.settled()
	return a
}

// fileFields are the fields of a file whose content begins with head.
func fileFields(name string, head []byte) []hpack.Field {
	return []hpack.Field{
		{Name: "content-type", Value: contentType(name, head)},
		{Name: "accept-ranges", Value: "bytes"},
	}
}

// contentTag is the strong entity tag of a content: 128 bits of its SHA-256,
// far more than chance or an attacker who may choose files can make collide
// into a wrong 304 that matters.
func contentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
