package origin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
)

// maxOpenWait is how long a stream waits for a descriptor. Files that are
// streamed are large: what is not closed within a second will not be soon.
const maxOpenWait = time.Second

// maxLooks is how many streams look for their file at once: on a disk that does not
// answer, each holds descriptors while it waits.
const maxLooks = 8

// LookDescriptors are what these take: a directory on the way and the next one, or
// the file.
const LookDescriptors = 2 * maxLooks

// errBusy means that as many files are open, or being looked for, as may be.
var errBusy = errors.New("no more files can be opened now")

// openFiles are the files that are being streamed, each open once however many
// streams read it.
type openFiles struct {
	limit int64
	slots *semaphore.Weighted // a slot is a descriptor
	looks *semaphore.Weighted // of maxLooks

	mu     sync.Mutex
	byName map[string]*openFile
}

// openFile is a file and its readers, which use ReadAt alone.
type openFile struct {
	*os.File
	name string
	info fs.FileInfo // when it was opened: which file it is
	uses int         // guarded by openFiles.mu
}

func newOpenFiles(limit int64) *openFiles {
	return &openFiles{
		limit: limit, slots: semaphore.NewWeighted(limit), looks: semaphore.NewWeighted(maxLooks),
		byName: make(map[string]*openFile),
	}
}

// open returns the regular file that name stands for now, for a call of close.
// It is errBusy, after a wait, if the file is not open yet and no further one
// may be.
func (o *openFiles) open(ctx context.Context, t *tree, name string) (*openFile, error) {
	waiting, cancel := context.WithTimeout(ctx, maxOpenWait)
	defer cancel()
	if err := o.wait(waiting, ctx, o.looks); err != nil {
		return nil, err
	}
	info, err := t.Stat(name)
	o.looks.Release(1)
	if err != nil {
		return nil, err
	}
	if f := o.share(name, info); f != nil {
		return f, nil
	}
	if err := o.wait(waiting, ctx, o.slots); err != nil {
		return nil, err
	}
	if f := o.share(name, info); f != nil { // opened while this one waited
		o.slots.Release(1)
		return f, nil
	}
	if err := o.wait(waiting, ctx, o.looks); err != nil {
		o.slots.Release(1)
		return nil, err
	}
	file, seen, err := openRegular(t, name)
	o.looks.Release(1)
	if err != nil {
		o.slots.Release(1)
		return nil, err
	}
	return o.add(&openFile{File: file, name: name, info: seen.info, uses: 1}), nil
}

// wait takes one of s until waiting ends, which is part of ctx.
func (o *openFiles) wait(waiting, ctx context.Context, s *semaphore.Weighted) error {
	if err := s.Acquire(waiting, 1); err != nil {
		if ctx.Err() != nil {
			return err
		}
		if s == o.looks {
			return fmt.Errorf("%w: %d look for theirs, and have found none in %v", errBusy, maxLooks, maxOpenWait)
		}
		return fmt.Errorf("%w: all %d descriptors for them are in use", errBusy, o.limit)
	}
	return nil
}

// share returns the open file of that name if it is the one that info is of.
func (o *openFiles) share(name string, info fs.FileInfo) *openFile {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.byName[name]
	if f == nil || !os.SameFile(f.info, info) {
		return nil
	}
	f.uses++
	return f
}

// add lets others share f, or gives it up for the same file, opened by another
// meanwhile.
func (o *openFiles) add(f *openFile) *openFile {
	if other := o.share(f.name, f.info); other != nil {
		o.close(f)
		return other
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.byName[f.name] = f // a file that it replaces is closed by its readers
	return f
}

// close ends one use of f.
func (o *openFiles) close(f *openFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.uses--; f.uses > 0 {
		return
	}
	if o.byName[f.name] == f {
		delete(o.byName, f.name)
	}
	_ = f.Close() // nothing was written
	o.slots.Release(1)
}

// outOfFiles reports whether err means that a descriptor is missing: ours, the
// process's or the system's.
func outOfFiles(err error) bool {
	return errors.Is(err, errBusy) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// openRegular opens a regular file for reading. It never waits for the other
// end of a pipe that took the file's place.
func openRegular(t *tree, name string) (*os.File, *sighting, error) {
	file, err := t.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
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
