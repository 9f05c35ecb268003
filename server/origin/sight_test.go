package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSight(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{})
	write(t, root+"/file", "content", long)
	write(t, root+"/docs/index.html", "docs", long)
	write(t, root+"/bare/file", "content", long)
	write(t, root+"/odd/index.html/x", "content", long)
	for _, c := range []struct {
		name string
		want error
	}{
		{"file", nil},
		{"docs", errDirectory},
		{"docs/index.html", nil},
		{"bare", fs.ErrNotExist},
		{"odd", errNotRegular},
		{"none", fs.ErrNotExist},
	} {
		seen, err := d.sight(d.root.tree, c.name)
		if !errors.Is(err, c.want) || (err == nil) != (seen != nil) {
			t.Errorf("%s: %v, %v, want %v", c.name, seen, err, c.want)
		}
	}
}

// TestStreamFromTheFuture: a file that is dated in the future gets a strong tag
// once it has rested by our clock, so that a download can be resumed.
func TestStreamFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, root := newDirectory(t, DirectoryConfig{MaxStored: 1})
		ahead := time.Now().Add(1000 * time.Hour)
		write(t, root+"/file", "content", ahead)
		s := d.stream("file").Stream
		tag := func() string {
			t.Helper()
			resp := get(s, "GET")
			if got := resp.Header.Get("Last-Modified"); got != "" {
				t.Errorf("Last-Modified %s is after Date", got)
			}
			return resp.Header.Get("Etag")
		}
		if got := tag(); !strings.HasPrefix(got, `W/"`) {
			t.Errorf("when it is first seen: %s", got)
		}
		time.Sleep(timeGranularity)
		if got := tag(); !strings.HasPrefix(got, `W/"`) {
			t.Errorf("after no more than a step of its time: %s", got)
		}
		time.Sleep(time.Second)
		strong := tag()
		if !strings.HasPrefix(strong, `"`) {
			t.Fatalf("after it has rested: %s", strong)
		}
		if resp := get(s, "GET", "Range", "bytes=3-", "If-Range", strong); resp.StatusCode != 206 {
			t.Errorf("resumed: status %d", resp.StatusCode)
		}

		write(t, root+"/file", "CONTENT", ahead.Add(time.Second))
		if got := tag(); !strings.HasPrefix(got, `W/"`) {
			t.Errorf("changed: %s", got)
		}
	})
}

// TestStoredFromTheFuture: a small one is read again when it has been unchanged
// long enough, and then no more.
func TestStoredFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, root := newDirectory(t, DirectoryConfig{})
		write(t, root+"/file", "content", time.Now().Add(1000*time.Hour))
		a := fetchKey(t, d, "/file", nil)
		for i := range 10 {
			time.Sleep(time.Second)
			at := a.seen.at
			a = fetchKey(t, d, "/file", &a)
			if again := !a.seen.at.Equal(at); again != (i < 3) {
				t.Errorf("%d s after it was first seen: read again %v", i+1, again)
			}
		}
	})
}

// TestLastModifiedIsBeforeDate: RFC 9110 §8.8.2.1. Date is the second in which
// the connection's turn began, which may be the one before.
func TestLastModifiedIsBeforeDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, root := newDirectory(t, DirectoryConfig{MaxStored: 10})
		time.Sleep(time.Millisecond)
		modified := time.Now()
		write(t, root+"/small", "small", modified)
		write(t, root+"/larger", "larger than ten bytes", modified)
		small, larger := fetchKey(t, d, "/small", nil), fetchKey(t, d, "/larger", nil).Stream
		if !small.Response.LastModified.IsZero() || get(larger, "GET").Header.Get("Last-Modified") != "" {
			t.Errorf("seen in the second of its modification: stored %v, streamed %s",
				small.Response.LastModified, get(larger, "GET").Header.Get("Last-Modified"))
		}

		time.Sleep(time.Second)
		small = fetchKey(t, d, "/small", &small)
		if !small.Response.LastModified.Equal(modified.Truncate(time.Second)) || get(larger, "GET").Header.Get("Last-Modified") == "" {
			t.Errorf("a second later: stored %v, streamed %s", small.Response.LastModified, get(larger, "GET").Header.Get("Last-Modified"))
		}
		if date := modified.Format(http.TimeFormat); get(larger, "GET", "Range", "bytes=1-", "If-Range", date).StatusCode != 200 || small.Response.StrongDate {
			t.Error("If-Range accepts a time that may not change with the content")
		}

		time.Sleep(2 * time.Second)
		small = fetchKey(t, d, "/small", &small)
		if date := modified.UTC().Format(http.TimeFormat); get(larger, "GET", "Range", "bytes=1-", "If-Range", date).StatusCode != 206 || !small.Response.StrongDate {
			t.Error("If-Range does not accept the time of a file that rests")
		}
	})
}

// TestFutureIsBounded: what is remembered about files does not grow without end.
func TestFutureIsBounded(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{})
	write(t, root+"/file", "content", time.Now().Add(time.Hour))
	seen, err := d.sight(d.root.tree, "file")
	try(t, err)
	for i := range maxFuture + 100 {
		d.future.remember(fmt.Sprint(i), &sighting{info: seen.info, at: seen.at})
	}
	if n := len(d.future.byName); n != maxFuture {
		t.Errorf("%d files are remembered, want %d", n, maxFuture)
	}
	write(t, root+"/1", "content", long)
	if _, err := d.sight(d.root.tree, "1"); err != nil || len(d.future.byName) > maxFuture {
		t.Error(err)
	}
	if _, known := d.future.byName["1"]; known {
		t.Error("a file that is no longer dated in the future is remembered")
	}
}
