package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// rootInterval is how often the root's path is compared with the directory that
// is open. With the time for which an entry may be served, it stays below the
// 2 s in which a change must be seen; a stat takes some microseconds.
const rootInterval = 100 * time.Millisecond

// rootLooks is how many times the root's path is looked at before it counts as
// absent. A link may be followed to a release that is removed before it is
// opened, because the link has been swapped in between: the next look follows
// the new one. One swap in 200 meets this if releases are swapped without a
// pause and the path is looked at all the time; four looks in a row did on a
// machine without a free processor. A look takes a microsecond.
const rootLooks = 16

// tree is the directory that the root's path named when it was opened.
type tree struct {
	*os.Root
	info fs.FileInfo // what distinguishes it from another; its inode is not given to another while it is open
	uses int         // guarded by rootPath.mu; to be rootPath.tree is a use
}

// rootPath is the path of the root and the directory behind it. A deploy that
// swaps a symbolic link or renames directories puts another there, which is
// taken as soon as it can be opened. A tree that was replaced is closed after
// its last use.
type rootPath struct {
	path  string
	born  time.Time // what next counts from, on the monotonic clock
	next  atomic.Int64
	fault func(error) // takes what keeps the path from being opened

	checking sync.Mutex // held while the path is looked at, so that a later look wins

	mu   sync.Mutex
	tree *tree // nil once closed
}

func newRootPath(path string, fault func(error)) (*rootPath, error) {
	t, err := openTree(path)
	if err != nil {
		return nil, err
	}
	r := &rootPath{path: path, born: time.Now(), fault: fault, tree: t}
	r.next.Store(int64(rootInterval))
	return r, nil
}

// openTree opens a directory. It never waits for the other end of a pipe: what
// is no directory has no "." in it.
func openTree(path string) (*tree, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%q is %s, not a directory", path, kind(info.Mode()))
	}
	root, err := os.OpenRoot(path + string(os.PathSeparator) + ".")
	if err != nil {
		return nil, err
	}
	if info, err = root.Stat("."); err != nil {
		root.Close()
		return nil, err
	}
	return &tree{Root: root, info: info, uses: 1}, nil
}

// kind is what a file is, in words.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a regular file"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// use returns the tree that the path names, for a call of release. While the
// path cannot be opened that is the tree from before.
func (r *rootPath) use() (*tree, error) {
	now, next := int64(time.Since(r.born)), r.next.Load()
	if now >= next && r.next.CompareAndSwap(next, now+int64(rootInterval)) {
		if err := r.check(); err != nil {
			r.fault(err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tree == nil {
		return nil, fmt.Errorf("the root directory: %w", fs.ErrClosed)
	}
	r.tree.uses++
	return r.tree, nil
}

// renew gives t back for the tree that the path names at this moment, which
// may be t. The error is why the path cannot be opened; then it is the tree
// from before.
func (r *rootPath) renew(t *tree) (*tree, error) {
	failure := r.check()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tree != nil && r.tree != t {
		r.drop(t)
		t = r.tree
		t.uses++
	}
	return t, failure
}

func (r *rootPath) release(t *tree) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(t)
}

// drop ends one use of t. r.mu is held.
func (r *rootPath) drop(t *tree) {
	if t.uses--; t.uses == 0 {
		_ = t.Close() // nothing was written
	}
}

// check opens the path if it names another directory than before.
func (r *rootPath) check() error {
	r.checking.Lock()
	defer r.checking.Unlock()
	r.mu.Lock()
	before := r.tree
	r.mu.Unlock()
	if before == nil {
		return nil
	}
	t, err := look(r.path, before)
	for again := 1; errors.Is(err, fs.ErrNotExist) && again < rootLooks; again++ {
		t, err = look(r.path, before)
	}
	if err != nil {
		return fmt.Errorf("opening the root directory %q: %w", r.path, err)
	}
	if t == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tree == nil { // closed meanwhile
		r.drop(t)
		return nil
	}
	r.drop(r.tree)
	r.tree = t
	return nil
}

// look opens the directory at path, and returns nil if it is before.
func look(path string, before *tree) (*tree, error) {
	info, err := os.Stat(path)
	if err == nil && os.SameFile(info, before.info) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return openTree(path)
}

// close closes the tree once nothing uses it any more.
func (r *rootPath) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tree != nil {
		r.drop(r.tree)
		r.tree = nil
	}
}

// in runs f with the tree that the root's path names. If f finds that a file is
// not there, this may be because the tree has just been replaced and removed:
// then f runs again with its successor.
func (d *Directory) in(f func(*tree) error) error {
	t, err := d.root.use()
	if err != nil {
		return err
	}
	defer func() { d.root.release(t) }()
	for { // a further round takes a further change of the root
		err := f(t)
		if err == nil || !d.absent(err) {
			return err
		}
		before, failure := t, error(nil)
		t, failure = d.root.renew(t)
		switch {
		case t != before:
		case errors.Is(failure, fs.ErrNotExist):
			// Nothing is known about any file. Without %w: it does not
			// mean that the file is absent.
			return fmt.Errorf("there is no root directory: %v", failure)
		default:
			return err
		}
	}
}
