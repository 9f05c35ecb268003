package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// fileOrigin answers as a directory does, by a function.
type fileOrigin struct {
	fetches atomic.Int64
	get     func(ctx context.Context, path string, stored *origin.Answer) (origin.Answer, error)
}

func (o *fileOrigin) Fetch(ctx context.Context, r *origin.Request, sink origin.Sink) error {
	o.fetches.Add(1)
	a, err := o.get(ctx, r.Cleaned, r.Stored)
	if err != nil {
		return err
	}
	return sink.Answer(a)
}

// filed is an answer that may be served for a second, and for another one while
// it is revalidated.
func filed(body string) origin.Answer {
	return origin.Answer{
		Response: message.New(http.StatusOK, nil, []byte(body), `"`+body+`"`, time.Time{}),
		Store:    true,
		Fresh:    time.Second,
		Stale:    time.Second,
	}
}

func newFileRig(t testing.TB, config Config, get func(context.Context, string, *origin.Answer) (origin.Answer, error)) (*rig, *fileOrigin) {
	o := &fileOrigin{get: get}
	return newRig(t, knobs{files: o, config: config}, nil), o
}

func TestFilesAreFetchedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r, o := newFileRig(t, Config{}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			<-release
			return filed("body"), nil
		})
		all := make([]*client, 100)
		for i := range all {
			all[i] = r.begin([]string{"GET", "HEAD"}[i%2], "/a")
		}
		synctest.Wait()
		close(release)
		for i, c := range all {
			if c.wait(); c.status != 200 || c.text() != []string{"body", ""}[i%2] {
				t.Errorf("%d %q", c.status, c.text())
			}
		}
		if n := o.fetches.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		if n := r.metrics.CoalescedMisses.Value(); n != 99 {
			t.Errorf("%d coalesced", n)
		}
	})
}

// TestDeafDisk: a disk that does not answer holds no request longer than it may
// wait, and gets no second fetch of the same file.
func TestDeafDisk(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		stuck := make(chan struct{})
		r, o := newFileRig(t, Config{FetchTimeout: 10 * time.Second}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			<-stuck // deaf to its context
			return filed("body"), nil
		})
		began := time.Now()
		for _, which := range []string{"first", "next"} {
			if c := r.get("/a"); c.status != 504 || time.Since(began) != 10*time.Second {
				t.Errorf("the %s one has %d after %v", which, c.status, time.Since(began))
			}
		}
		if n := o.fetches.Load(); n != 1 {
			t.Errorf("%d fetches of a file that is stuck", n)
		}
		close(stuck)
		synctest.Wait()
		if c := r.get("/a"); c.text() != "body" {
			t.Errorf("after it got loose: %d %q", c.status, c.text())
		}
	})
}

func TestBulkhead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r, o := newFileRig(t, Config{Fetches: 2, Queue: 1}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			<-release
			return filed("body"), nil
		})
		get := func(path string) *client {
			c := r.begin("GET", path)
			synctest.Wait()
			return c
		}
		running := []*client{get("/1"), get("/2")}
		waiting := get("/3")
		if n := o.fetches.Load(); n != 2 {
			t.Errorf("%d fetches at once", n)
		}
		if c := get("/4").wait(); c.status != 503 || c.field("retry-after") == "" {
			t.Errorf("beyond the queue: %d", c.status)
		}
		waiting.leave()
		waiting.wait()
		synctest.Wait()
		running = append(running, get("/5")) // has the place that became free
		close(release)
		for _, c := range running {
			if c.wait(); c.text() != "body" {
				t.Errorf("%d %q", c.status, c.text())
			}
		}
		if n := o.fetches.Load(); n != 3 {
			t.Errorf("%d fetches in all", n)
		}
		if n := r.metrics.OriginFetches.Value(metrics.FetchRefused); n != 1 {
			t.Errorf("%d refused", n)
		}
		synctest.Wait() // a permit is given back once the answer is there
		if len(r.bulkhead.permits) != 0 || r.bulkhead.waiting.Load() != 0 {
			t.Error("a permit is missing")
		}
	})
}

// TestStreams: what is too large to be stored is sent by each request itself,
// without a permit and for as long as it takes.
func TestStreams(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r, o := newFileRig(t, Config{Fetches: 1, FetchTimeout: time.Second}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			return origin.Answer{Stream: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				for range 10 {
					if pause(q.Context(), time.Minute) != nil {
						return
					}
					fmt.Fprint(w, "part")
				}
			})}, nil
		})
		all := []*client{r.begin("GET", "/a"), r.begin("GET", "/a"), r.begin("GET", "/b")}
		time.Sleep(time.Second)
		left := r.begin("GET", "/a")
		time.Sleep(2 * time.Minute)
		left.leave()
		for _, c := range all {
			if c.wait(); c.text() != strings.Repeat("part", 10) || c.broken != nil {
				t.Errorf("%d bytes, %v", len(c.text()), c.broken)
			}
		}
		if left.wait(); len(left.text()) > 12 {
			t.Errorf("the one that left has %d bytes", len(left.text()))
		}
		if n := o.fetches.Load(); n < 3 {
			t.Errorf("%d fetches", n)
		}
		if len(r.bulkhead.permits) != 0 {
			t.Error("a permit is missing")
		}
	})
}

// TestFileFailures: whatever a disk does, waiting requests have an answer that
// names nothing, and the next fetch works.
func TestFileFailures(t *testing.T) {
	for _, tt := range []struct {
		about  string
		get    func() (origin.Answer, error)
		status int
		log    string
		panics uint64
	}{
		{"an error", func() (origin.Answer, error) { return origin.Answer{}, syscall.EIO }, 500, "input/output", 0},
		{"a panic", func() (origin.Answer, error) { panic("out of cheese") }, 500, "out of cheese", 1},
		{"no answer", func() (origin.Answer, error) { return origin.Answer{}, nil }, 500, "nil pointer", 1},
		{"the goroutine's end", func() (origin.Answer, error) { runtime.Goexit(); return filed(""), nil }, 500, "without an answer", 0},
		{"too many", func() (origin.Answer, error) { return origin.Answer{}, errOverloaded }, 503, "", 0},
		{"its own timeout", func() (origin.Answer, error) { return origin.Answer{}, context.DeadlineExceeded }, 504, "too long", 0},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				broken := true
				r, _ := newFileRig(t, Config{Fetches: 1}, func(ctx context.Context, _ string, _ *origin.Answer) (origin.Answer, error) {
					if broken {
						_ = pause(ctx, time.Second)
						return tt.get()
					}
					return filed("body"), nil
				})
				for _, c := range []*client{r.begin("GET", "/secret"), r.begin("GET", "/secret"), r.begin("HEAD", "/secret")} {
					if c.wait(); c.status != tt.status || c.answers != 1 || strings.Contains(c.text(), "secret") {
						t.Errorf("%d %q, %d answers", c.status, c.text(), c.answers)
					}
				}
				synctest.Wait()
				if n := r.metrics.Panics.Value(); n != tt.panics {
					t.Errorf("%d panics counted", n)
				}
				if n := strings.Count(r.log.String(), "level=ERROR"); tt.log != "" && n != 1 || !strings.Contains(r.log.String(), tt.log) {
					t.Errorf("log %q", r.log)
				}
				broken = false
				if c := r.get("/secret"); c.text() != "body" {
					t.Errorf("then: %d %q", c.status, c.text())
				}
			})
		})
	}
}

// TestFileRevalidation: a file that is stale is served while it is looked at.
func TestFileRevalidation(t *testing.T) {
	gone := origin.Answer{Response: origin.Page(404)}
	for _, tt := range []struct {
		about   string
		second  func(stored *origin.Answer) (origin.Answer, error)
		after   string // what a hit has then; "": no hit
		outcome metrics.RevalidationOutcome
	}{
		{"same", func(stored *origin.Answer) (origin.Answer, error) { return *stored, nil }, "one", metrics.RevalidationSame},
		{"changed", func(*origin.Answer) (origin.Answer, error) { return filed("two"), nil }, "two", metrics.RevalidationChanged},
		{"gone", func(*origin.Answer) (origin.Answer, error) { return gone, nil }, "", metrics.RevalidationChanged},
		{"too large now", func(*origin.Answer) (origin.Answer, error) {
			return origin.Answer{Stream: http.NotFoundHandler()}, nil
		}, "", metrics.RevalidationChanged},
		{"failed", func(*origin.Answer) (origin.Answer, error) { return origin.Answer{}, errors.New("no") }, "one", metrics.RevalidationError},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				release, first := make(chan struct{}, 1), true
				r, o := newFileRig(t, Config{}, func(_ context.Context, _ string, stored *origin.Answer) (origin.Answer, error) {
					if first {
						first = false
						return filed("one"), nil
					}
					if stored == nil || string(stored.Response.Body) != "one" {
						t.Error("the origin was not shown what is stored")
					}
					<-release
					return tt.second(stored)
				})
				hit := func() string {
					c := r.newClient("example.com", "GET", "/a")
					if !r.Look(&c.looked, &c.request, time.Now()) {
						return ""
					}
					return string(c.looked.Response.Body)
				}
				r.get("/a")
				time.Sleep(999 * time.Millisecond)
				if hit() != "one" || o.fetches.Load() != 1 {
					t.Error("fresh, and yet the origin was asked")
				}
				time.Sleep(time.Millisecond)
				for range 10 {
					if hit() != "one" {
						t.Error("not served while it is stale")
					}
					synctest.Wait()
				}
				if n := o.fetches.Load(); n != 2 {
					t.Errorf("%d fetches for ten stale hits, want the first and one more", n)
				}
				release <- struct{}{}
				synctest.Wait()
				if got := hit(); got != tt.after {
					t.Errorf("then %q, want %q", got, tt.after)
				}
				if n := r.metrics.Revalidations.Value(tt.outcome); n != 1 {
					t.Errorf("%d counted", n)
				}
				if tt.outcome == metrics.RevalidationError {
					time.Sleep(recheckPause)
					hit()
					synctest.Wait()
					if n := o.fetches.Load(); n != 3 {
						t.Errorf("%d fetches, want another try after the pause", n)
					}
					release <- struct{}{}
					time.Sleep(time.Second)
					if hit() != "" {
						t.Error("served after it expired")
					}
				}
			})
		})
	}
}

func newDirectory(t testing.TB, config origin.DirectoryConfig) (*origin.Directory, string) {
	t.Helper()
	root := t.TempDir()
	config.MaxOpen, config.MaxReading, config.MaxStored = 100, 64<<20, cmp.Or(config.MaxStored, 8<<20)
	d, err := origin.NewDirectory(root, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, root
}

func write(t testing.TB, path, content string, modified time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

// TestFileKept: a file that was not asked for while it was fresh is compared with
// its origin's, and not fetched anew if it is the same; it is no answer by itself.
func TestFileKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		body := "one"
		var compared int
		r, o := newFileRig(t, Config{}, func(_ context.Context, _ string, stored *origin.Answer) (origin.Answer, error) {
			if stored != nil && string(stored.Response.Body) == body {
				compared++
				return *stored, nil
			}
			return filed(body), nil
		})
		for i, want := range []string{"one", "one", "two", "two"} {
			body = want
			if c := r.get("/a"); c.hit || c.text() != want || o.fetches.Load() != int64(i+1) {
				t.Errorf("request %d: hit %t, %q, %d fetches", i, c.hit, c.text(), o.fetches.Load())
			}
			time.Sleep(time.Minute)
		}
		if compared != 2 {
			t.Errorf("compared %d times with what is stored", compared)
		}
	})
}
