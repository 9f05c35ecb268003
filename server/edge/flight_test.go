package edge

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

func TestMissesOfOneKeyAreFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e, o := newStubRig(t, Config{}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			<-release
			return stored("body"), nil
		})
		const callers = 100
		responses := make([]*message.Response, callers)
		var wait sync.WaitGroup
		for i := range callers {
			wait.Go(func() {
				resp, _, err := e.Get(t.Context(), "/a")
				if err != nil {
					t.Error(err)
				}
				responses[i] = resp
			})
		}
		synctest.Wait()
		close(release)
		wait.Wait()
		for _, resp := range responses {
			if resp == nil || resp != responses[0] {
				t.Fatal("not all have the same response")
			}
		}
		if n := o.fetches.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		if n := e.metrics.CoalescedMisses.Value(); n != callers-1 {
			t.Errorf("%d coalesced", n)
		}
		if resp, _, _ := e.Get(t.Context(), "/a"); resp != responses[0] || o.fetches.Load() != 1 {
			t.Error("fetched again, though it is stored")
		}
		if n := e.metrics.OriginFetches.Value(metrics.FetchOK); n != 1 {
			t.Errorf("%d fetches counted", n)
		}
		if len(e.flights) != 0 {
			t.Errorf("%d flights left", len(e.flights))
		}
	})
}

func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e, o := newStubRig(t, Config{}, func(ctx context.Context, _ string, _ *origin.Answer) (origin.Answer, error) {
			select {
			case <-release:
				return stored("body"), nil
			case <-ctx.Done():
				return origin.Answer{}, context.Cause(ctx)
			}
		})
		get := func() (leave context.CancelFunc, result chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			result = make(chan error, 1)
			go func() {
				_, _, err := e.Get(ctx, "/a")
				result <- err
			}()
			synctest.Wait()
			return cancel, result
		}
		leaveFirst, first := get()
		leaveSecond, second := get()
		leaveFirst()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who left has %v", err)
		}
		release <- struct{}{}
		if err := <-second; err != nil {
			t.Errorf("who stayed has %v", err)
		}
		leaveSecond()

		e.cache.Purge()
		leaveThird, third := get()
		leaveThird()
		<-third
		synctest.Wait()
		if n := e.metrics.OriginFetches.Value(metrics.FetchCanceled); n != 1 {
			t.Errorf("%d fetches canceled after the last one left", n)
		}
		leaveFourth, fourth := get()
		release <- struct{}{}
		if err := <-fourth; err != nil {
			t.Errorf("after a canceled fetch: %v", err)
		}
		leaveFourth()
		if n := o.fetches.Load(); n != 3 {
			t.Errorf("%d fetches", n)
		}
		if e.log.Len() != 0 {
			t.Errorf("log %q", e.log)
		}
	})
}

func TestFetchTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		e, o := newStubRig(t, Config{FetchTimeout: 10 * time.Second}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			<-stuck // deaf to its context, as a read from a dead disk is
			return stored("body"), nil
		})
		start := time.Now()
		if _, _, err := e.Get(t.Context(), "/a"); !errors.Is(err, ErrTimeout) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if _, _, err := e.Get(t.Context(), "/a"); !errors.Is(err, ErrTimeout) || time.Since(start) != 10*time.Second {
			t.Errorf("the next one: %v after %v", err, time.Since(start))
		}
		if n := o.fetches.Load(); n != 1 {
			t.Errorf("%d fetches of a key that is stuck", n)
		}
		close(stuck)
		synctest.Wait()
		if _, _, err := e.Get(t.Context(), "/a"); err != nil {
			t.Errorf("after it got loose: %v", err)
		}
	})
}

func TestBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e, o := newStubRig(t, Config{Fetches: 2, Queue: 1}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
			<-release
			return stored("body"), nil
		})
		results := make(chan error, 4)
		get := func(ctx context.Context, key string) {
			go func() {
				_, _, err := e.Get(ctx, key)
				results <- err
			}()
			synctest.Wait()
		}
		get(t.Context(), "/1")
		get(t.Context(), "/2")
		waiting, leave := context.WithCancel(t.Context())
		get(waiting, "/3")
		if n := o.fetches.Load(); n != 2 {
			t.Errorf("%d fetches at once", n)
		}
		get(t.Context(), "/4")
		if err := <-results; !errors.Is(err, ErrOverloaded) {
			t.Errorf("beyond the queue: %v", err)
		}
		leave()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("left the queue: %v", err)
		}
		synctest.Wait()
		get(t.Context(), "/5") // has the place that became free
		close(release)
		for range 3 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if n := o.fetches.Load(); n != 3 {
			t.Errorf("%d fetches in all", n)
		}
		if n := e.metrics.OriginFetches.Value(metrics.FetchRefused); n != 1 {
			t.Errorf("%d refused", n)
		}
	})
}

// TestOriginBreaks: whatever an origin does, those who wait get an error, and
// the next fetch works.
func TestOriginBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		fetch  func() (origin.Answer, error)
		panics uint64
		log    string
	}{
		"error":  {func() (origin.Answer, error) { return origin.Answer{}, errors.New("disk on fire") }, 0, "disk on fire"},
		"panic":  {func() (origin.Answer, error) { panic("out of cheese") }, 1, "out of cheese"},
		"nil":    {func() (origin.Answer, error) { var a *origin.Answer; return *a, nil }, 1, "nil pointer"},
		"goexit": {func() (origin.Answer, error) { runtime.Goexit(); return origin.Answer{}, nil }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release, broken := make(chan struct{}), true
				e, _ := newStubRig(t, Config{Fetches: 1}, func(context.Context, string, *origin.Answer) (origin.Answer, error) {
					<-release
					if broken {
						return c.fetch()
					}
					return stored("body"), nil
				})
				var wait sync.WaitGroup
				for range 3 {
					wait.Go(func() {
						if _, _, err := e.Get(t.Context(), "/a"); err == nil || failure(err).Status != http.StatusInternalServerError {
							t.Errorf("error %v", err)
						}
					})
				}
				synctest.Wait()
				close(release)
				wait.Wait()
				if n := e.metrics.Panics.Value(); n != c.panics {
					t.Errorf("%d panics counted", n)
				}
				if n := strings.Count(e.log.String(), "level=ERROR"); c.log != "" && n != 1 || !strings.Contains(e.log.String(), c.log) {
					t.Errorf("log %q", e.log)
				}
				synctest.Wait()
				broken = false
				if _, _, err := e.Get(t.Context(), "/a"); err != nil {
					t.Errorf("the next fetch: %v", err)
				}
			})
		})
	}
}

// TestGetRace lets many goroutines miss, leave and hit at once.
func TestGetRace(t *testing.T) {
	e, _ := newStubRig(t, Config{Fetches: 4, Queue: 1000}, func(_ context.Context, key string, _ *origin.Answer) (origin.Answer, error) {
		runtime.Gosched()
		a := stored(key)
		a.Fresh, a.Stale = time.Nanosecond, time.Hour // every hit revalidates
		return a, nil
	})
	keys := []string{"/a", "/b", "/c"}
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 300 {
				key := keys[(g+i)%len(keys)]
				ctx, cancel := context.WithCancel(context.Background())
				if i%7 == 0 {
					cancel()
				}
				if resp, _, err := e.Get(ctx, key); err == nil && string(resp.Body) != key {
					t.Errorf("%s: body %q", key, resp.Body)
				} else if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if resp := e.Find(key, time.Now()); resp != nil && string(resp.Body) != key {
					t.Errorf("%s: found %q", key, resp.Body)
				}
				if i%11 == 0 {
					e.cache.Remove(key)
				}
				cancel()
			}
		})
	}
	wait.Wait()
}
