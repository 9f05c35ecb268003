package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// wholeLines reads lines, each of which is whole or is not given at all: a reader
// behind it would take what there is of a line that is too long, or that an error
// cut off, for a target.
type wholeLines struct {
	src    *bufio.Reader
	rest   []byte                  // of the line that is being given
	number int                     // of the last line
	check  func(line []byte) error // nil: each is well
	err    error                   // what was wrong; io.EOF: nothing was
}

// newWholeLines bounds lines to less than that many bytes.
func newWholeLines(r io.Reader, most int) *wholeLines {
	return &wholeLines{src: bufio.NewReaderSize(r, most)}
}

// Read implements io.Reader. The last line has an end, if it had none.
func (l *wholeLines) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		l.next()
		if len(l.rest) == 0 {
			return 0, l.err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *wholeLines) next() {
	line, err := l.src.ReadSlice('\n')
	l.number++
	if l.check != nil && (err == nil || errors.Is(err, io.EOF)) {
		if wrong := l.check(line); wrong != nil {
			err = wrong
		}
	}
	switch {
	case err == nil:
		l.rest = line
	case errors.Is(err, bufio.ErrBufferFull):
		l.err = fmt.Errorf("line %d has %d bytes or more: allowed are less", l.number, l.src.Size())
	case errors.Is(err, io.EOF):
		if l.err = io.EOF; len(line) > 0 {
			l.rest = append(line[:len(line):len(line)], '\n')
		}
	default:
		l.err = fmt.Errorf("line %d: %w", l.number, err)
	}
}

// wrong is what ended the lines before their end, nil if nothing did.
func (l *wholeLines) wrong() error {
	if errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}
