package site

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestRetire: a site ends once, when its last user has left, and none may come
// after it was retired.
func TestRetire(t *testing.T) {
	ended := 0
	end := func() { ended++ }
	unused := new(Site)
	if unused.Retire(end); ended != 1 {
		t.Errorf("a site without users has ended %d times", ended)
	}
	ended = 0
	s := new(Site)
	if !s.Enter() {
		t.Fatal("a site that is in use cannot be entered")
	}
	s.Stay()
	s.Retire(end)
	if s.Enter() {
		t.Error("a retired site can be entered")
	}
	s.Stay()
	for left := range 3 {
		if ended != 0 {
			t.Errorf("it has ended before its last user has left, after %d", left)
		}
		s.Leave()
	}
	if s.Enter() || ended != 1 {
		t.Errorf("it has ended %d times", ended)
	}
}

// TestRetireRace: no user is in a site that has ended.
func TestRetireRace(t *testing.T) {
	for range 200 {
		s := new(Site)
		var ended atomic.Bool
		var ends atomic.Int32
		var users sync.WaitGroup
		for range 4 {
			users.Go(func() {
				for s.Enter() {
					if ended.Load() {
						t.Error("a user is in a site that has ended")
					}
					s.Leave()
				}
			})
		}
		s.Retire(func() { ended.Store(true); ends.Add(1) })
		users.Wait()
		if ends.Load() != 1 {
			t.Fatalf("it has ended %d times", ends.Load())
		}
	}
}

// TestInherit: a site that inherits has the keys of the one before, any other has
// keys that no site has had.
func TestInherit(t *testing.T) {
	a, b := &Site{Name: "a"}, &Site{Name: "b"}
	first, err := NewTable(a, b)
	if err != nil {
		t.Fatal(err)
	}
	heir, other := &Site{Name: "heir"}, &Site{Name: "other"}
	heir.Inherit(b)
	second, err := NewTable(heir, other)
	if err != nil {
		t.Fatal(err)
	}
	key := func(s *Site) string { return keyOf(t, s, "h/x") }
	if key(heir) != key(b) {
		t.Error("the heir's keys are not those of the site before")
	}
	for _, s := range []*Site{a, b} {
		if key(other) == key(s) {
			t.Errorf("a new site has the keys of %s", s.Name)
		}
	}
	if first.Epoch() == second.Epoch() {
		t.Error("two tables have the same epoch")
	}
}
