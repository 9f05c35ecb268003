package main

import (
	"context"
	"os"
	"time"
)

// watch looks at the configuration's file. It belongs to one goroutine.
type watch struct {
	source *source
	last   os.FileInfo // of the look before; nil: the file was not there
}

func newWatch(src *source) *watch { return &watch{source: src} }

// run looks at each interval until ctx ends, and calls reload if it is due.
func (w *watch) run(ctx context.Context, every time.Duration, reload func()) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if w.due() {
			reload()
		}
	}
}

// due reports whether the file is another than the one that was read, and has
// stayed as it is since the look before: one that is being written has not. A file
// that is not there is waited for, since it may be about to be replaced.
func (w *watch) due() bool {
	name, read := w.source.file()
	now, err := os.Stat(name)
	if err != nil {
		w.last = nil
		return false
	}
	due := !alike(now, read) && alike(now, w.last)
	w.last = now
	return due
}

// file returns the name of the file, and what it was when it was last read.
func (s *source) file() (name string, seen os.FileInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name, s.seen
}

// alike reports whether two looks have seen the same file with the same content,
// as far as device, inode, size and modification time tell.
func alike(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
