package origin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestOpenFilesAreShared: any number of streams of one file need one
// descriptor, until another file takes its name.
func TestOpenFilesAreShared(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{MaxOpen: 2})
	write(t, root+"/a", "first a", long)
	open := func(name string) *openFile {
		t.Helper()
		f, err := d.files.open(context.Background(), d.root.tree, name)
		try(t, err)
		return f
	}
	one, two := open("a"), open("a")
	if one != two {
		t.Error("one file is open twice")
	}
	write(t, root+"/new", "second a", long)
	try(t, os.Rename(root+"/new", root+"/a"))
	other := open("a")
	if other == one {
		t.Error("the file that was replaced is opened for a new stream")
	}
	read := func(f *openFile) string {
		b := make([]byte, 10)
		n, _ := f.ReadAt(b, 0)
		return string(b[:n])
	}
	d.files.close(one)
	if got := read(two); got != "first a" {
		t.Errorf("the replaced file, which is still read: %q", got)
	}
	d.files.close(two)
	if _, err := two.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after its last reader left: %v", err)
	}
	if got := read(other); got != "second a" || open("a") != other {
		t.Errorf("the file that replaced it: %q", got)
	}
	d.files.close(other)
	d.files.close(other)
	if len(d.files.byName) != 0 || !d.files.slots.TryAcquire(2) {
		t.Error("something is still open")
	}
}

// TestOpenFilesAreSharedAtOnce: nor does a burst open more than MaxOpen.
func TestOpenFilesAreSharedAtOnce(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{MaxOpen: 3})
	write(t, root+"/a", "content", long)
	var streams sync.WaitGroup
	var open atomic.Int64
	for range 200 {
		streams.Go(func() {
			f, err := d.files.open(context.Background(), d.root.tree, "a")
			if err != nil {
				t.Error(err)
				return
			}
			open.Add(1)
			for open.Load() < 200 { // all have it at the same time
				time.Sleep(time.Millisecond)
			}
			d.files.close(f)
		})
	}
	streams.Wait()
	if !d.files.slots.TryAcquire(3) {
		t.Error("something is still open")
	}
}

// stalled is a client that reads nothing until it is released.
type stalled struct {
	*httptest.ResponseRecorder
	begun, released chan struct{}
}

func (s stalled) Write(p []byte) (int, error) {
	close(s.begun)
	<-s.released
	return 0, io.ErrClosedPipe
}

// TestStreamsAreBounded: what would open one file more than MaxOpen waits for a
// second, then is answered with 503, and the log has one line a second.
func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		d, root := newDirectory(t, DirectoryConfig{MaxStored: 1, MaxOpen: 2, Log: slog.New(slog.NewTextHandler(&log, nil))})
		released := make(chan struct{})
		for i := range 3 {
			write(t, fmt.Sprint(root, "/", i), "content", long)
		}
		for i := range 2 {
			begun := make(chan struct{})
			go d.stream(fmt.Sprint(i)).Stream.ServeHTTP(stalled{httptest.NewRecorder(), begun, released}, httptest.NewRequest("GET", "/", nil))
			<-begun
		}
		third := d.stream("2").Stream

		start := time.Now()
		for range 3 {
			resp := get(third, "GET")
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
				t.Errorf("with all descriptors in use: %d, %v", resp.StatusCode, resp.Header)
			}
		}
		if waited := time.Since(start); waited != 3*maxOpenWait {
			t.Errorf("three waited for %v", waited)
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { get(third, "GET") })
		}
		all.Wait()
		if n := strings.Count(log.String(), "\n"); n > 4 {
			t.Errorf("%d lines in the log in 4 s: %s", n, log.String())
		}
		if !strings.Contains(log.String(), "all 2 descriptors for them are in use") {
			t.Errorf("log %s", log.String())
		}

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		third.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		if waited := time.Since(start); waited != 4*maxOpenWait {
			t.Errorf("a client that has left waited until %v", waited)
		}
		if resp := get(d.stream("1").Stream, "HEAD"); resp.StatusCode != 200 {
			t.Errorf("a file that is open anyway: %d", resp.StatusCode)
		}

		done := make(chan int)
		go func() { done <- get(third, "GET").StatusCode }()
		synctest.Wait()
		close(released)
		if status := <-done; status != 200 {
			t.Errorf("a descriptor was given back while it waited: %d", status)
		}
	})
}

// TestStreamsWithoutDescriptors: a process that has no descriptor left answers
// 503, not 500, and says so once a second.
func TestStreamsWithoutDescriptors(t *testing.T) {
	var log bytes.Buffer
	d, root := newDirectory(t, DirectoryConfig{MaxStored: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	write(t, root+"/file", "content", long)
	s := d.stream("file").Stream.(*stream)
	for range 100 {
		w := httptest.NewRecorder()
		s.fail(w, httptest.NewRequest("GET", "/", nil), "opening", &os.PathError{Op: "openat", Path: "file", Err: syscall.EMFILE})
		if w.Code != http.StatusServiceUnavailable {
			t.Fatalf("status %d", w.Code)
		}
	}
	if n := strings.Count(log.String(), "\n"); n > 2 {
		t.Errorf("%d lines in the log for 100 requests", n)
	}
}
