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
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/server/message"
)

const (
	// fileFresh and fileStale together are how old what a file's entry
	// says may be. A changed file must be served new within 2 s: the rest
	// is left for the answer's way through a busy server.
	fileFresh = time.Second
	fileStale = 750 * time.Millisecond

	// indexName is what a path that ends in a slash names.
	indexName = "index.html"
)

// DirectoryConfig is what a Directory may do. All but Precompressed and Log is
// required.
type DirectoryConfig struct {
	// MaxStored is the largest file, in bytes, that is read whole and
	// stored; a larger one is streamed. At least 1. It
	// should be well below the cache's budget.
	MaxStored int64

	// MaxReading is how many bytes may be on their way into memory at once,
	// so that many misses for large files wait instead of exhausting it. One
	// file may be in any case.
	MaxReading int64

	// MaxOpen is how many files may be open for streams at once, each
	// counted once however many requests read it. A stream that needs one
	// more waits for a second and is then answered with 503. At least 1.
	MaxOpen int

	// Precompressed is whether the codings of files that stand beside them are
	// part of the answers: see [Answer.Coded].
	Precompressed bool

	// Log gets the errors of streams and of the root's path, which have no
	// caller to go to: one of each cause in a second.
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
// without a change of it, or in the future and not seen for long enough.
//
// A file counts as unchanged while size, modification time and identity are
// those that were seen when it was read.
//
// The root may be replaced while it is served, as a deploy does that swaps a
// symbolic link or renames directories: its path is looked at again, several
// times a second while there are fetches. While nothing can be opened there,
// the directory from before is served.
type Directory struct {
	root      *rootPath
	files     *openFiles
	future    future
	log       *slog.Logger
	logged    limit.PerSecond
	maxStored int64
	coded     bool // as DirectoryConfig.Precompressed
	reading   *semaphore.Weighted

	// escapes is the error that root answers for a path that leads out. The
	// os package has it, but does not export it.
	escapes error
}

// NewDirectory opens a directory as an origin.
func NewDirectory(path string, c DirectoryConfig) (*Directory, error) {
	if c.MaxStored < 1 {
		return nil, fmt.Errorf("origin: MaxStored is %d: allowed is 1 or more", c.MaxStored)
	}
	if c.MaxOpen < 1 {
		return nil, fmt.Errorf("origin: MaxOpen is %d: allowed is 1 or more", c.MaxOpen)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	d := &Directory{
		files:     newOpenFiles(int64(c.MaxOpen)),
		log:       c.Log,
		maxStored: c.MaxStored,
		coded:     c.Precompressed,
		reading:   semaphore.NewWeighted(max(c.MaxReading, c.MaxStored)),
	}
	root, err := newRootPath(path, func(err error) { d.report("the root directory from before is served", err) })
	if err != nil {
		return nil, fmt.Errorf("opening the root directory: %w", err)
	}
	_, err = root.tree.Lstat("..")
	d.root, d.escapes = root, errors.Unwrap(err)
	return d, nil
}

// Close gives the directory back. Fetches and streams that have begun go on.
func (d *Directory) Close() error {
	d.root.close()
	return nil
}

// Fetch implements [Origin].
func (d *Directory) Fetch(ctx context.Context, r *Request, sink Sink) error {
	answer, err := d.Get(ctx, r.Cleaned, r.Stored)
	if err != nil {
		return err
	}
	return sink.Answer(answer)
}

// Get gets the file behind key, a cleaned path. stale is the answer that is
// stored, nil if there is none.
func (d *Directory) Get(ctx context.Context, key string, stale *Answer) (answer Answer, err error) {
	name, ok := fileName(key)
	if !ok {
		return notFound, nil
	}
	err = d.in(func(t *tree) (err error) {
		answer, err = d.fetch(ctx, t, key, name, stale)
		return err
	})
	switch {
	case err == nil:
		return answer, nil
	case d.absent(err):
		return notFound, nil
	}
	return Answer{}, err
}

func (d *Directory) fetch(ctx context.Context, t *tree, key, name string, stale *Answer) (Answer, error) {
	seen, err := d.sight(t, name)
	switch {
	case errors.Is(err, errDirectory) && !strings.HasSuffix(key, "/"): // else index.html itself is one
		// The key is a cleaned path: it begins with exactly one slash,
		// so that no target is taken for another host's.
		return redirectTo(key + "/"), nil
	case err != nil:
		return Answer{}, err
	case seen.info.Size() > d.maxStored:
		return d.stream(name), nil
	case stale != nil && stale.seen.current(seen.info) && d.besideCurrent(t, name, seen, stale):
		return *stale, nil
	}

	size := seen.info.Size()
	beside := d.lookBeside(t, name, seen)
	all := size + beside.size() // at once: what waits for more holds nothing
	if err := d.reading.Acquire(ctx, all); err != nil {
		return Answer{}, fmt.Errorf("waiting to read %q: %w", name, err)
	}
	defer d.reading.Release(all)
	body, seen, err := d.read(t, name, size)
	switch {
	case errors.Is(err, errUnsettled):
		return d.stream(name), nil
	case err != nil:
		return Answer{}, fmt.Errorf("reading %q: %w", name, err)
	}
	beside = d.readBeside(t, name, seen, beside)
	if stale != nil && !sameBeside(beside, stale) {
		stale = nil // with its Response, what was stored beside it would stay
	}
	return beside.add(fileAnswer(name, body, seen, stale)), nil
}

// fileName is the name below the root that a key stands for; ok is false if
// it has a segment that is not served.
func fileName(key string) (name string, ok bool) {
	name = key[1:]
	if name == "" || name[len(name)-1] == '/' {
		name += indexName
	}
	visible := strings.TrimPrefix(name, ".well-known/")
	return name, visible[0] != '.' && !strings.Contains(visible, "/.")
}

// absent distinguishes an error that means that there is no such file from one
// that has to be looked at. What may not be read does not exist either: the
// difference is for no client to see.
func (d *Directory) absent(err error) bool {
	for _, absent := range []error{
		fs.ErrNotExist, fs.ErrPermission, d.escapes, errNotRegular, errDirectory,
		syscall.ENOTDIR,      // a segment before the last is a file
		syscall.ELOOP,        // links in a circle
		syscall.ENAMETOOLONG, // longer than any file's
		syscall.EINVAL,       // bytes that this file system has no names of
		syscall.ENXIO,        // a socket, put there after it was looked at
	} {
		if errors.Is(err, absent) {
			return true
		}
	}
	return false
}

// report logs an error, unless another with the same cause was logged within
// the second. The cause is the system's: names would make causes without end.
func (d *Directory) report(what string, err error) {
	cause := what
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		cause += ": " + errno.Error()
	} else if errors.Is(err, errBusy) {
		cause += ": " + errBusy.Error()
	}
	if withheld, ok := d.logged.Allow(cause, time.Now()); ok {
		d.log.Error(what, "err", err, "withheld", withheld)
	}
}

// redirectTo answers with a 301 to a path on this site.
func redirectTo(path string) Answer {
	target := url.URL{Path: path}
	return Answer{Response: Page(http.StatusMovedPermanently, hpack.Field{Name: "location", Value: target.EscapedPath()})}
}

// fileAnswer makes the answer for a file that was read. If stale already
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
// far more than chance or an attacker that may choose files can make collide
// into a wrong 304 that matters.
func contentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
