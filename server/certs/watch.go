package certs

import (
	"io/fs"
	"os"
)

// watch sees when files that belong together change.
//
// A problem in them counts if a second look, when they have not changed since the
// first, finds it again: files that are being replaced do not match for a moment,
// and one that is read while it is written may end with the same time.
type watch struct {
	names   []string
	seen    []fs.FileInfo // as they were before they were read; nil for one that is not there
	confirm bool          // they are to be read again, at the next look
}

// begin notes how the files are, before they are read for the first time.
func (w *watch) begin(names ...string) { *w = watch{names: names, seen: stat(names)} }

// due reports whether the files are to be read: since they have changed, or,
// again, since they had at the look before.
func (w *watch) due() (read, again bool) {
	files := stat(w.names)
	again = unchanged(files, w.seen)
	if again && !w.confirm {
		return false, false
	}
	w.seen, w.confirm = files, !again
	return true, again
}

// asSeen reports whether the files are those that were read, and need no second
// look.
func (w *watch) asSeen() bool { return !w.confirm && unchanged(stat(w.names), w.seen) }

// there reports whether any of the files is there.
func (w *watch) there() bool {
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
