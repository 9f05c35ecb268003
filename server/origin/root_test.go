package origin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// releases makes two releases of a site and a symbolic link to the first, and
// serves the link.
func releases(t *testing.T, log *bytes.Buffer) (d *Directory, base string) {
	t.Helper()
	base = t.TempDir()
	write(t, base+"/one/file", "one", long)
	write(t, base+"/two/file", "two", long)
	if err := os.Symlink("one", base+"/current"); err != nil {
		t.Fatal(err)
	}
	c := filled(DirectoryConfig{MaxStored: 10})
	if log != nil {
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	d, err := NewDirectory(base+"/current", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, base
}

func try(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestRootIsReplaced: what the root's path names now is served after
// rootInterval, however it came there.
func TestRootIsReplaced(t *testing.T) {
	for name, replace := range map[string]func(base string) error{
		"the link is swapped": func(base string) error {
			return errors.Join(os.Symlink("two", base+"/next"), os.Rename(base+"/next", base+"/current"))
		},
		"the link is swapped, and the release from before removed": func(base string) error {
			return errors.Join(os.Symlink("two", base+"/next"), os.Rename(base+"/next", base+"/current"), os.RemoveAll(base+"/one"))
		},
		"the directory behind the link is renamed": func(base string) error {
			return errors.Join(os.Rename(base+"/one", base+"/old"), os.Rename(base+"/two", base+"/one"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, base := releases(t, nil)
			first := fetchKey(t, d, "/file", nil)
			try(t, replace(base))
			time.Sleep(rootInterval + 10*time.Millisecond)
			if a := fetchKey(t, d, "/file", &first); string(a.Response.Body) != "two" {
				t.Errorf("%d, %q", a.Response.Status, a.Response.Body)
			}
		})
	}
	if total := rootInterval + fileFresh + fileStale; total >= 2*time.Second {
		t.Errorf("a change is served after %v, want less than 2 s", total)
	}
}

// TestRootIsReplacedAndRemoved: a file that is gone with the release from
// before is looked for in the new one at once, without a 404 in between.
func TestRootIsReplacedAndRemoved(t *testing.T) {
	d, base := releases(t, nil)
	write(t, base+"/one/large", "large one, streamed", long)
	write(t, base+"/two/large", "large two, streamed", long)
	large := fetchKey(t, d, "/large", nil)
	d.root.next.Store(int64(time.Hour)) // no look at the path but for a file that is absent
	try(t, os.Symlink("two", base+"/next"), os.Rename(base+"/next", base+"/current"), os.RemoveAll(base+"/one"))
	if resp := get(large.Stream, "GET"); resp.StatusCode != 200 {
		t.Errorf("streamed: %d", resp.StatusCode)
	}
	if a := fetchKey(t, d, "/file", nil); a.Response.Status != 200 || string(a.Response.Body) != "two" {
		t.Errorf("stored: %d", a.Response.Status)
	}
	if a := fetchKey(t, d, "/none", nil); a.Response.Status != 404 {
		t.Errorf("in neither: %d", a.Response.Status)
	}
}

// TestRootIsMissing: while nothing can be opened at the root's path, the
// directory from before is served, and the log has one line a second.
func TestRootIsMissing(t *testing.T) {
	var log bytes.Buffer
	d, base := releases(t, &log)
	look := func() string {
		d.root.next.Store(0)
		return string(fetchKey(t, d, "/file", nil).Response.Body)
	}
	try(t, os.Remove(base+"/current"))
	for range 5 {
		if got := look(); got != "one" {
			t.Errorf("without a root: %q", got)
		}
	}
	if n := strings.Count(log.String(), "opening the root directory"); n != 1 {
		t.Errorf("%d lines in the log, want 1: %s", n, log.String())
	}
	if _, err := fetch(context.Background(), d, "/none", nil); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is absent, without a root: %v, want an error and no 404", err)
	}
	write(t, base+"/current", "a file", long)
	if got := look(); got != "one" {
		t.Errorf("with a file as the root: %q", got)
	}
	try(t, os.Remove(base+"/current"), os.Symlink("two", base+"/current"))
	if got := look(); got != "two" {
		t.Errorf("with a root again: %q", got)
	}
}

// TestRootIsClosed: a tree that was replaced is closed when its last use ends,
// and not before.
func TestRootIsClosed(t *testing.T) {
	d, base := releases(t, nil)
	before, err := d.root.use()
	try(t, err, os.Remove(base+"/current"), os.Symlink("two", base+"/current"))
	after, err := d.root.renew(mustUse(t, d))
	if err != nil || after == before {
		t.Fatalf("the same tree: %v", err)
	}
	if _, err := before.Stat("file"); err != nil {
		t.Errorf("while it is in use: %v", err)
	}
	d.root.release(before)
	if _, err := before.Stat("file"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after its last use: %v", err)
	}
	d.Close()
	if _, err := after.Stat("file"); err != nil {
		t.Errorf("in use while the Directory is closed: %v", err)
	}
	d.root.release(after)
	if _, err := after.Stat("file"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close and its last use: %v", err)
	}
}

func mustUse(t *testing.T, d *Directory) *tree {
	t.Helper()
	tree, err := d.root.use()
	try(t, err)
	return tree
}

// TestRootIsReplacedUnderLoad: each fetch finds the file, in one release or the
// other, while releases are swapped and the one from before is removed.
func TestRootIsReplacedUnderLoad(t *testing.T) {
	d, base := releases(t, nil)
	done := make(chan struct{})
	var fetching sync.WaitGroup
	for range 4 {
		fetching.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				a, err := fetch(context.Background(), d, "/file", nil)
				if err != nil || a.Response == nil || a.Response.Status != 200 {
					t.Errorf("%v, %v", a.Response, err)
					return
				}
			}
		})
	}
	for i := range 100 {
		name := base + "/" + strings.Repeat("r", i+1)
		write(t, name+"/file", "new", long)
		before, _ := os.Readlink(base + "/current")
		try(t, os.Symlink(name, base+"/next"), os.Rename(base+"/next", base+"/current"))
		if i > 0 {
			try(t, os.RemoveAll(before))
		}
	}
	close(done)
	fetching.Wait()
}

// TestRootIsNeverAbsent: a look that follows the link to a release which is
// then swapped and removed is not taken for a root that is not there.
func TestRootIsNeverAbsent(t *testing.T) {
	d, base := releases(t, nil)
	done := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := d.root.check(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 3000 { // 16 of 415,000 looks met it before a second one was taken
		name := fmt.Sprintf("%s/r%d", base, i)
		before, _ := os.Readlink(base + "/current")
		try(t, os.Mkdir(name, 0o755), os.Symlink(name, base+"/next"), os.Rename(base+"/next", base+"/current"))
		if i > 0 {
			try(t, os.RemoveAll(before))
		}
	}
	close(done)
	looking.Wait()
}
