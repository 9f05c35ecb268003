package edge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

func TestRevalidation(t *testing.T) {
	gone := origin.Answer{Response: origin.Page(404)}
	for _, c := range []struct {
		name    string
		second  func(stale *origin.Answer) (origin.Answer, error)
		after   string // what a hit finds then
		outcome metrics.RevalidationOutcome
	}{
		{"same", func(stale *origin.Answer) (origin.Answer, error) { return *stale, nil }, "one", metrics.RevalidationSame},
		{"changed", func(*origin.Answer) (origin.Answer, error) { return stored("two"), nil }, "two", metrics.RevalidationChanged},
		{"gone", func(*origin.Answer) (origin.Answer, error) { return gone, nil }, "", metrics.RevalidationChanged},
		{"failed", func(*origin.Answer) (origin.Answer, error) { return origin.Answer{}, errors.New("no") }, "one", metrics.RevalidationError},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{}, 1)
				first := true
				e, o := newStubRig(t, Config{}, func(_ context.Context, _ string, stale *origin.Answer) (origin.Answer, error) {
					if first {
						first = false
						return stored("one"), nil
					}
					if stale == nil || string(stale.Response.Body) != "one" {
						t.Error("the origin was not told what is stored")
					}
					<-release
					return c.second(stale)
				})
				if _, _, err := e.Get(t.Context(), "/a"); err != nil {
					t.Fatal(err)
				}
				find := func() string {
					if resp := e.Find("/a", time.Now()); resp != nil {
						return string(resp.Body)
					}
					return ""
				}
				time.Sleep(999 * time.Millisecond)
				if find() != "one" || o.fetches.Load() != 1 {
					t.Error("fresh, and yet the origin was asked")
				}
				time.Sleep(time.Millisecond)
				for range 10 {
					if find() != "one" {
						t.Error("not served while it is stale")
					}
					synctest.Wait()
				}
				if n := o.fetches.Load(); n != 2 {
					t.Errorf("%d fetches for ten stale hits, want the first and one more", n)
				}
				release <- struct{}{}
				synctest.Wait()
				if got := find(); got != c.after {
					t.Errorf("then %q, want %q", got, c.after)
				}
				if n := e.metrics.Revalidations.Value(c.outcome); n != 1 {
					t.Errorf("%d counted", n)
				}
				if c.outcome == metrics.RevalidationError {
					time.Sleep(recheckPause)
					if find() != "one" {
						t.Error("not served after a failure")
					}
					synctest.Wait()
					if n := o.fetches.Load(); n != 3 {
						t.Errorf("%d fetches, want another try after the pause", n)
					}
					release <- struct{}{}
					time.Sleep(time.Second)
					if find() != "" {
						t.Error("served after it expired")
					}
				}
			})
		})
	}
}

// TestRevalidationsAreBounded: hits start no more goroutines than there are
// permits, and none of them waits.
func TestRevalidationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e, o := newStubRig(t, Config{}, func(_ context.Context, key string, stale *origin.Answer) (origin.Answer, error) {
			if stale != nil {
				<-release
				return *stale, nil
			}
			return stored(key), nil
		})
		const keys = maxRevalidations + 10
		for i := range keys {
			if _, _, err := e.Get(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		hitAll := func() {
			for i := range keys {
				if e.Find(fmt.Sprint(i), time.Now()) == nil {
					t.Fatalf("%d: no hit", i)
				}
			}
			synctest.Wait()
		}
		time.Sleep(time.Second)
		hitAll()
		if n := o.fetches.Load() - keys; n != maxRevalidations {
			t.Errorf("%d revalidations at once", n)
		}
		close(release)
		time.Sleep(recheckPause)
		hitAll()
		if n := o.fetches.Load() - keys; n != keys {
			t.Errorf("%d revalidations in all", n)
		}
	})
}

// TestChangedFile: a changed file is served new within 2 s, whether its key is
// hit all the time, now and then, or only at the last moment, and whenever the
// change comes.
func TestChangedFile(t *testing.T) {
	for _, every := range []time.Duration{3 * time.Millisecond, 400 * time.Millisecond, 999 * time.Millisecond, 1900 * time.Millisecond} {
		for _, change := range []string{"rewritten", "removed"} {
			t.Run(fmt.Sprint(change, " with a hit every ", every), func(t *testing.T) {
				d, root := newDirectory(t, origin.DirectoryConfig{})
				synctest.Test(t, func(t *testing.T) { changeFile(t, d, root, every, change == "removed") })
			})
		}
	}
}

func changeFile(t *testing.T, d *origin.Directory, root string, every time.Duration, remove bool) {
	e := newRig(t, d, cache.Config[*Entry]{}, Config{})
	request := func() string {
		resp := e.Find("/file", time.Now())
		if resp == nil {
			var err error
			if resp, _, err = e.Get(t.Context(), "/file"); err != nil {
				t.Fatal(err)
			}
		}
		if resp.Status != 200 {
			return ""
		}
		return string(resp.Body)
	}
	for _, offset := range []time.Duration{0, time.Millisecond, 500 * time.Millisecond, 999 * time.Millisecond, 1500 * time.Millisecond} {
		write(t, root+"/file", "old", time.Now().Add(-time.Hour))
		e.cache.Purge()
		if request() != "old" {
			t.Fatal("not the old one at first")
		}
		time.Sleep(offset)
		request()
		want := "new"
		if remove {
			want = ""
			if err := os.Remove(root + "/file"); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, root+"/file", "new", time.Now())
		}
		changed := time.Now()
		for request() != want {
			if time.Since(changed) >= 2*time.Second {
				t.Fatalf("changed %v after the fetch, still old %v later", offset, time.Since(changed))
			}
			time.Sleep(every)
		}
		synctest.Wait()
	}
}
