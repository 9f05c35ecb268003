package origin

import (
	"bytes"

	"github.com/e0ac7cd4/hotpath/server/encode"
)

// beside are the files that hold another one in a coding, by coding, and have the
// coding's suffix behind its name. A file that is older than the original was made
// of what that was before, and does not count.
type beside [encode.Plain]struct {
	seen *sighting // nil: there is none
	body []byte
}

// lookBeside looks for the codings of a file, which it has seen, and reads none.
// Together with the file they are no larger than what is stored of one; those that
// would be are left out.
func (d *Directory) lookBeside(t *tree, name string, seen *sighting) (b beside) {
	if !d.coded {
		return b
	}
	room := d.maxStored - seen.info.Size()
	for c := range b {
		other, err := d.sight(t, name+encode.Coding(c).Suffix())
		if err != nil || other.info.ModTime().Before(seen.info.ModTime()) {
			continue
		}
		if n := other.info.Size(); n > 0 && n <= room {
			b[c].seen = other
			room -= n
		}
	}
	return b
}

// size is how many bytes the codings have together.
func (b *beside) size() (n int64) {
	for c := range b {
		if b[c].seen != nil {
			n += b[c].seen.info.Size()
		}
	}
	return n
}

// besideCurrent reports whether the codings beside a file, which has not changed,
// are those of its stored answer.
func (d *Directory) besideCurrent(t *tree, name string, seen *sighting, stored *Answer) bool {
	before := stored.codings()
	for c, now := range d.lookBeside(t, name, seen) {
		was := before[c].seen
		if (was == nil) != (now.seen == nil) || was != nil && !was.current(now.seen.info) {
			return false
		}
	}
	return true
}

// readBeside reads the codings of a file that was seen. One that cannot be read, or
// is another by now, is left out: the file is there without it.
func (d *Directory) readBeside(t *tree, name string, seen *sighting, b beside) beside {
	for c := range b {
		other := &b[c]
		if other.seen == nil {
			continue
		}
		var err error
		other.body, other.seen, err = d.read(t, name+encode.Coding(c).Suffix(), other.seen.info.Size())
		if err != nil || len(other.body) == 0 || other.seen.info.ModTime().Before(seen.info.ModTime()) {
			other.body, other.seen = nil, nil
		}
	}
	return b
}

// sameBeside reports whether the codings have the contents of those of a stored
// answer.
func sameBeside(b beside, stored *Answer) bool {
	before := stored.codings()
	for c := range b {
		was := before[c]
		if (was.seen == nil) != (b[c].seen == nil) || !bytes.Equal(was.body, b[c].body) {
			return false
		}
	}
	return true
}

// add is an answer for a file with its codings.
func (b beside) add(a Answer) Answer {
	a.Coded, a.beside = nil, nil
	for c := range b {
		if b[c].seen == nil {
			continue
		}
		if a.Coded == nil {
			a.Coded, a.beside = make([][]byte, encode.Plain), &b
		}
		a.Coded[c] = b[c].body
	}
	return a
}

// codings are the files beside the one of an answer.
func (a *Answer) codings() beside {
	if a.beside == nil {
		return beside{}
	}
	return *a.beside
}
