package access

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (h *hot) ask(path string, weight float64, now time.Time) { h.add([]byte(path), weight, now) }

// TestHottestOfZipf: of requests whose popularity is a Zipf law over far more
// keys than are kept, sampled as the engines do, the hottest are named in their
// order, with a share that is no more than they had.
func TestHottestOfZipf(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.3, 1, 1_000_000)
	now := began
	h := newHot(now)
	const perSecond, seconds = 2000, 120
	asked := make(map[string]float64)
	for range seconds {
		for range perSecond {
			path := fmt.Sprintf("/%d", zipf.Uint64())
			asked[path]++
			h.ask(path+"?"+path, 100, now)
		}
		now = now.Add(time.Second)
	}
	if len(h.counts) != hotKeys || len(h.index) != hotKeys {
		t.Errorf("%d keys and an index of %d, want %d", len(h.counts), len(h.index), hotKeys)
	}
	for i, k := range h.top(10, now) {
		if want := fmt.Sprintf("/%d", i); k.Key != want {
			t.Errorf("place %d has %s, want %s", i, k.Key, want)
		}
		if share := asked[k.Key] / (perSecond * seconds); math.Abs(k.Share-share) > 0.15*share {
			t.Errorf("%s has %.4f; it was %.4f", k.Key, k.Share, share)
		}
	}
}

// TestHotKeysFade: what is a minute old counts half, and what is no longer asked
// for is forgotten.
func TestHotKeysFade(t *testing.T) {
	now := began
	h := newHot(now)
	for second := range 660 {
		path := "/old"
		if second >= 600 {
			path = "/new"
		}
		h.ask(path, 50, now)
		now = now.Add(time.Second)
		if second == 599 {
			if top := h.top(5, now); len(top) != 1 || top[0].Share != 1 {
				t.Errorf("after ten minutes of /old: %+v", top)
			}
		}
	}
	if top := h.top(5, now); len(top) != 2 || math.Abs(top[0].Share-0.5) > 0.01 || math.Abs(top[1].Share-0.5) > 0.01 {
		t.Errorf("after a minute of /new: %+v, want a half each", top)
	}
	if top := h.top(5, now.Add(30*time.Minute)); len(top) != 0 {
		t.Errorf("half an hour later: %+v, want nothing", top)
	}
}

// TestHotKeysAreBounded: a client that asks for something else each time
// neither makes more of them nor drives out what is asked for often.
func TestHotKeysAreBounded(t *testing.T) {
	h := newHot(began)
	for i := range 10_000 {
		if i%10 == 0 {
			h.ask("/often", 1, began)
		}
		h.ask(fmt.Sprintf("/%d/%s", i, strings.Repeat("x", 1<<10)), 1, began)
	}
	if len(h.counts) != hotKeys || len(h.index) != hotKeys {
		t.Errorf("%d keys, an index of %d", len(h.counts), len(h.index))
	}
	top := h.top(math.MaxInt, began)
	if len(top) != 1 || top[0].Key != "/often" || math.Abs(top[0].Share-1./11) > 0.001 {
		t.Errorf("%d keys are hot, first %+v, want /often with one of eleven requests", len(top), top[:min(2, len(top))])
	}
	for key := range h.index {
		if len(key) > maxHotKey {
			t.Fatalf("a key of %d octets", len(key))
		}
	}
}

// TestNothingIsHot: if no key is asked for twice, none is called hot.
func TestNothingIsHot(t *testing.T) {
	h := newHot(began)
	now := began
	for i := range 300 {
		for j := range 100 {
			h.ask(fmt.Sprintf("/%d/%d", i, j), 1, now)
		}
		now = now.Add(time.Second)
	}
	if top := h.top(5, now); len(top) != 0 {
		t.Errorf("hot are %+v", top)
	}
}

func TestHotKeyIsPrintable(t *testing.T) {
	h := newHot(began)
	h.ask("/<a>\"\n\xff?query", 1, began)
	h.ask("", 1, began) // a request that could not be read
	if top := h.top(9, began); len(top) != 1 || top[0].Key != `/<a>\"\x0a\xff` {
		t.Errorf("%+v", top)
	}
}

// TestTop: the keys are known from a share of the requests, with a log or
// without.
func TestTop(t *testing.T) {
	for _, mode := range []Mode{Off, Errors, Sampled, All} {
		t.Run(string(mode), func(t *testing.T) { topOf(t, mode) })
	}
}

func topOf(t *testing.T, mode Mode) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Mode: mode, Sample: 100, File: os.DevNull})
		tap := s.Tap(HTTP2, 0, nil)
		one, two := get("/1"), get("/2")
		for i := range 300 * hotEvery {
			request := one
			if i%3 == 0 {
				request = two
			}
			if tap.Due(200) {
				tap.Hit(request, ok(200))
			}
			if i%4096 == 0 {
				tap.Flush(time.Millisecond)
				time.Sleep(linger) // else the writer is behind
			}
		}
		tap.Flush(time.Millisecond)
		time.Sleep(linger)
		synctest.Wait()
		top := s.Top(2)
		if len(top) != 2 || top[0].Key != "/1" || top[0].Share < 0.55 || top[0].Share > 0.78 || math.Abs(top[0].Share+top[1].Share-1) > 1e-9 {
			t.Errorf("%+v, want /1 twice as often as /2", top)
		}
	})
}
