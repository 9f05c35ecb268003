// Package filewatch sees when files change, by looking at them. It has no goroutine:
// its callers look, each as often as it needs to.
package filewatch

import (
	"io/fs"
	"os"
)

// Watch sees when files that belong together change.
//
// A problem in them counts if a second look, when they have not changed since the
// first, finds it again: files that are being replaced do not match for a moment,
// and one that is read while it is written may end with the same time.
type Watch struct {
	names   []string
	seen    []fs.FileInfo // as they were before they were read; nil for one that is not there
	confirm bool          // they are to be read again, at the next look
}

// Of watches files that were not looked at: the first look reads them.
func Of(names ...string) Watch { return Watch{names: names} }

// Begin notes how the files are, before they are read for the first time.
func (w *Watch) Begin(names ...string) { *w = Watch{names: names, seen: stat(names)} }

// Due reports whether the files are to be read: since they have changed, or,
// again, since they had at the look before.
func (w *Watch) Due() (read, again bool) {
	files := stat(w.names)
	again = unchanged(files, w.seen)
	if again && !w.confirm {
		return false, false
	}
	w.seen, w.confirm = files, !again
	return true, again
}

// Again has the files read at the next look, changed or not.
func (w *Watch) Again() { w.confirm = true }

// AsSeen reports whether the files are those that were read, and need no second
// look.
func (w *Watch) AsSeen() bool { return !w.confirm && unchanged(stat(w.names), w.seen) }

// There reports whether any of the files is there.
func (w *Watch) There() bool {
	for _, info := range stat(w.names) {
		if info != nil {
			return true
		}
	}
	return false
}

// stat looks at files. One that cannot be looked at is as good as missing: to read
// it says why.
func stat(names []string) []fs.FileInfo {
	files := make([]fs.FileInfo, len(names))
	for i, name := range names {
		if info, err := os.Stat(name); err == nil {
			files[i] = info
		}
	}
	return files
}

// unchanged reports whether files are the same, as far as can be seen without
// reading them: device and inode, size and time.
func unchanged(a, b []fs.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
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
