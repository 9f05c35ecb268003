package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	// timeGranularity is the coarsest step of modification times among
	// file systems in use (FAT: 2 s). Within one step a file may change
	// without a change of its time.
	timeGranularity = 2 * time.Second

	// dateMargin is how long before it was seen a file must have been
	// modified for its time to be given as Last-Modified. That must not be
	// later than the response's Date (RFC 9110 §8.8.2.1), which is the
	// second in which the connection's turn began: shortly before.
	dateMargin = time.Second
)

var (
	errNotRegular = errors.New("not a regular file")

	// errDirectory is what sight finds for a directory with an index.
	errDirectory = errors.New("a directory")
)

// sighting is what was known about a file at a time.
type sighting struct {
	info  fs.FileInfo
	at    time.Time // before info was taken
	since time.Time // since when info has been the same, if the file is dated in the future
}

// sight looks at the regular file that name stands for. The error is
// errDirectory if it is a directory with an index, errNotRegular if it is
// anything else. All that a Directory has of a name without opening it
// comes from here.
func (d *Directory) sight(t *tree, name string) (*sighting, error) {
	seen := &sighting{at: time.Now()}
	info, err := t.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("looking at %q: %w", name, err)
	}
	if info.IsDir() {
		index, err := t.Stat(name + "/" + indexName)
		switch {
		case err != nil:
			return nil, fmt.Errorf("looking for the index of %q: %w", name, err)
		case index.Mode().IsRegular():
			return nil, errDirectory
		}
		return nil, errNotRegular
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	seen.info = info
	d.future.remember(name, seen)
	return seen, nil
}

// statter is an open file.
type statter interface {
	Stat() (fs.FileInfo, error)
}

// see looks at an open file.
func see(file statter) (*sighting, error) {
	at := time.Now()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("looking at the open file: %w", err)
	}
	return &sighting{info: info, at: at}, nil
}

// current reports whether a file that now looks like info still has the
// content that it had. A modification time that was young when it was seen
// proves nothing: the file may have changed again within the same step.
func (s *sighting) current(info fs.FileInfo) bool {
	return s != nil && s.settled() && unchanged(s.info, info)
}

// settled reports whether the modification time changes with the next change:
// it is past, or it has been the same for long enough by our own clock.
func (s *sighting) settled() bool {
	return s.at.Sub(s.info.ModTime()) > timeGranularity ||
		!s.since.IsZero() && s.at.Sub(s.since) > timeGranularity
}

// lastModified is the time for Last-Modified, in whole seconds. There is none
// if it could lie after the response's Date, nor if it is the first second of
// Unix time, which is what reproducible builds give to all files.
func (s *sighting) lastModified() time.Time {
	t := s.info.ModTime().Truncate(time.Second).UTC()
	if t.Unix() <= 1 || s.at.Sub(t) < dateMargin {
		return time.Time{}
	}
	return t
}

// tag is the entity tag of a file whose content is not read.
func (s *sighting) tag() string {
	tag := fmt.Sprintf(`"%x-%x"`, s.info.Size(), s.info.ModTime().UnixNano())
	if !s.settled() {
		return "W/" + tag
	}
	return tag
}

func unchanged(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// maxFuture is how many files with a time in the future are remembered: some
// are a clock's or an archive's mistake, and each costs a name and 300 bytes.
// Of more than that, some keep a weak tag for longer.
const maxFuture = 1024

// future remembers since when files that are dated in the future have looked as
// they do, because their own times cannot show that they rest.
type future struct {
	mu     sync.Mutex
	byName map[string]sighting
}

// remember sets seen.since if its file is dated in the future.
func (f *future) remember(name string, seen *sighting) {
	ahead := seen.info.ModTime().After(seen.at)
	f.mu.Lock()
	defer f.mu.Unlock()
	before, known := f.byName[name]
	switch {
	case !ahead:
		delete(f.byName, name)
		return
	case known && unchanged(before.info, seen.info):
		seen.since = before.since
		return
	case f.byName == nil:
		f.byName = make(map[string]sighting)
	case !known && len(f.byName) >= maxFuture:
		for any := range f.byName {
			delete(f.byName, any)
			break
		}
	}
	seen.since = seen.at
	f.byName[name] = *seen
}
