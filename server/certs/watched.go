package certs

import (
	"crypto/tls"
	"io/fs"
	"os"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// watched is a pair of files, and what of it is in use.
//
// A problem counts if a second look, at files that have not changed since the
// first, finds it again: files that are being replaced do not match for a moment,
// and one that is read while it is written may end with the same time.
type watched struct {
	config.Pair
	hosts  []string
	listed bool

	certificate *tls.Certificate // in use; nil: none was good yet
	problem     *config.Error    // that was reported; nil: none
	files       [2]fs.FileInfo   // as they were before they were read; nil for one that is not there
	confirm     bool             // to be read once more, at the next look
	missing     bool             // both were not there at the last look
	warned      config.Standing  // that the log has a warning of
}

func usable(w *watched) bool { return w.certificate != nil }

// renewed is a pair for another configuration, with what w, which may be nil, has
// of it.
func (w *watched) renewed(l Listed, listed bool) *watched {
	var n watched
	if w != nil {
		n = *w
	}
	n.Pair, n.hosts, n.listed = l.Pair, l.Hosts, listed
	return &n
}

// load reads the files, unless they are in use as they are. What is wrong with
// them is known at once.
func (w *watched) load() *config.Error {
	files := w.stat()
	if usable(w) && w.problem == nil && !w.confirm && unchanged(files, w.files) {
		return nil
	}
	w.files = files
	certificate, problem := config.LoadPair(w.Cert, w.Key)
	if problem == nil {
		w.certificate = &certificate
	}
	w.problem, w.confirm = problem, false
	return problem
}

// look reads the files if they have changed. It reports whether another
// certificate is in use now, and whether there is a problem that is new.
func (w *watched) look() (swapped, broke bool) {
	files := w.stat()
	again := unchanged(files, w.files)
	if again && !w.confirm {
		return false, false
	}
	w.files, w.confirm = files, !again
	certificate, problem := config.LoadPair(w.Cert, w.Key)
	switch {
	case problem == nil:
		swapped = !usable(w) || w.problem != nil || !w.certificate.Leaf.Equal(certificate.Leaf)
		w.certificate, w.problem = &certificate, nil
	case again && (w.problem == nil || w.problem.Error() != problem.Error()):
		w.problem, broke = problem, true
	}
	return swapped, broke
}

// gone reports whether neither file was there at two looks in a row.
func (w *watched) gone() bool {
	before := w.missing
	files := w.stat()
	w.missing = files[0] == nil && files[1] == nil
	return before && w.missing
}

// stat looks at the files. One that cannot be looked at is as good as missing: to
// read it says why.
func (w *watched) stat() (files [2]fs.FileInfo) {
	for i, name := range [...]string{w.Cert, w.Key} {
		if info, err := os.Stat(name); err == nil {
			files[i] = info
		}
	}
	return files
}

// unchanged reports whether files are the same, as far as can be seen without
// reading them: device and inode, size and time.
func unchanged(a, b [2]fs.FileInfo) bool {
	for i := range a {
		switch {
		case a[i] == nil || b[i] == nil:
			if a[i] != b[i] {
				return false
			}
		case !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()):
			return false
		}
	}
	return true
}
