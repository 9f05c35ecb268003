package origin

import (
	"errors"
	"io"
)

// readAttempts is how often a file that changes under the reader is tried
// before it is streamed instead: a deploy needs a second try, a log that is
// written to all the time never settles.
const readAttempts = 3

var errUnsettled = errors.New("the file changes while it is read")

// read returns the content of a file that has at most size bytes, and what the
// file was when it had that content.
func (d *Directory) read(t *tree, name string, size int64) ([]byte, *sighting, error) {
	for range readAttempts {
		file, seen, err := openRegular(t, name)
		if err != nil {
			return nil, nil, err
		}
		if seen.info.Size() > size {
			file.Close()
			return nil, nil, errUnsettled
		}
		d.future.remember(name, seen)
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
	statter
}

// readSettled reads a file that was just opened and seen. The error is
// errUnsettled if the file was changed meanwhile: then what was read may be
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
