package origin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	// readAttempts is how often a file that changes under the reader is
	// tried before it is streamed instead: a deploy needs a second try, a
	// log that is written to all the time never settles.
	readAttempts = 3

	// timeGranularity is the coarsest step of modification times among
	// file systems in use (FAT: 2 s). Within one step a file may change
	// without a change of its time.
	timeGranularity = 2 * time.Second
)

var (
	errUnsettled  = errors.New("the file changes while it is read")
	errNotRegular = errors.New("not a regular file")
)

// sighting is what was known about a file at a time.
type sighting struct {
	info fs.FileInfo
	at   time.Time // before info was taken
}

// current reports whether a file that now looks like info still has the
// content that it had. A modification time that was young when it was seen
// proves nothing: the file may have changed once more within the same step.
func (s *sighting) current(info fs.FileInfo) bool {
	return s != nil && s.settled() && unchanged(s.info, info)
}

// settled reports whether the modification time changes with the next change.
func (s *sighting) settled() bool { return s.at.Sub(s.info.ModTime()) > timeGranularity }

// lastModified is the time for Last-Modified, in whole seconds. There is none
// where it would lie after the response (RFC 9110 §8.8.2.1), nor where it is
// the first second of Unix time, which is what reproducible builds give to all
// files.
func (s *sighting) lastModified() time.Time {
	t := s.info.ModTime().Truncate(time.Second).UTC()
	if t.Unix() <= 1 || t.After(s.at) {
		return time.Time{}
	}
	return t
}

func unchanged(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// open opens a regular file for reading. It never waits for the other end of a
// pipe that took the file's place.
func (d *Directory) open(name string) (*os.File, *sighting, error) {
	file, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	seen, err := see(file)
	if err == nil && !seen.info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, seen, nil
}

// read returns the content of a file that has at most size bytes, and what the
// file was when it had that content.
func (d *Directory) read(name string, size int64) ([]byte, *sighting, error) {
	for range readAttempts {
		file, seen, err := d.open(name)
		if err != nil {
			return nil, nil, err
		}
		if seen.info.Size() > size {
			file.Close()
			return nil, nil, errUnsettled
		}
		body, err := readSettled(file, seen)
		file.Close()
		if !errors.Is(err, errUnsettled) {
			return body, seen, err
		}
	}
	return nil, nil, errUnsettled
}

// statReader is what readSettled needs of a file.
type statReader interface {
	io.Reader
	Stat() (fs.FileInfo, error)
}

func see(file statReader) (*sighting, error) {
	at := time.Now()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("looking at the open file: %w", err)
	}
	return &sighting{info, at}, nil
}

// readSettled reads a file that was just opened and seen. The error is
// errUnsettled where the file was changed meanwhile: then what was read may be
// torn, half old and half new.
func readSettled(file statReader, before *sighting) ([]byte, error) {
	body := make([]byte, before.info.Size())
	if _, err := io.ReadFull(file, body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return nil, err
	} else if err != nil {
		return nil, errUnsettled
	}
	after, err := see(file)
	if err != nil {
		return nil, err
	}
	if !unchanged(before.info, after.info) {
		return nil, errUnsettled
	}
	return body, nil
}
