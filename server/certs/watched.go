package certs

import (
	"bytes"
	"crypto/tls"
	"slices"

	"github.com/e0ac7cd4/hotpath/internal/filewatch"
	"github.com/e0ac7cd4/hotpath/internal/yield"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// watched is a pair of files, and what of it is in use.
type watched struct {
	config.Pair
	hosts  []string
	listed bool

	certificate *tls.Certificate // in use; nil: none was good yet
	problem     *config.Error    // that was reported; nil: none
	files       filewatch.Watch
	missing     bool            // neither file was there at the last look
	warned      config.Standing // that the log has a warning of
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
	yield.InLoop() // a thousand of them take a tenth of a second
	if usable(w) && w.problem == nil && w.files.AsSeen() {
		return nil
	}
	w.files.Begin(w.Cert, w.Key)
	certificate, problem := config.LoadPair(w.Cert, w.Key)
	if problem == nil {
		w.certificate = &certificate
	}
	w.problem = problem
	return problem
}

// look reads the files if they have changed. It reports whether another
// certificate is in use now, and whether there is a problem that is new.
func (w *watched) look() (swapped, broke bool) {
	yield.InLoop()
	read, again := w.files.Due()
	if !read {
		return false, false
	}
	certificate, problem := config.LoadPair(w.Cert, w.Key)
	switch {
	case problem == nil:
		swapped = !usable(w) || w.problem != nil || !slices.EqualFunc(w.certificate.Certificate, certificate.Certificate, bytes.Equal)
		w.certificate, w.problem = &certificate, nil
	case again && (w.problem == nil || w.problem.Error() != problem.Error()):
		w.problem, broke = problem, true
	}
	return swapped, broke
}

// gone reports whether neither file was there at two looks in a row.
func (w *watched) gone() bool {
	before := w.missing
	w.missing = !w.files.There()
	return before && w.missing
}
