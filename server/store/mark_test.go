package store

import (
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

// TestMarkIsRenewed expects a mark to stay for ten seconds after the last
// renewal but one second, to be written at most once a second, and at once if
// the reason is another.
func TestMarkIsRenewed(t *testing.T) {
	s, err := New(Config{Entries: 1024, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	find := func(now time.Time) *Entry {
		e, _, _, _ := s.Peek([]byte("k"), nil, now)
		return e
	}
	mark := func(why rfc9111.Reason, after time.Duration) *Entry {
		s.MarkUncacheable("k", why, now.Add(after))
		return find(now.Add(after))
	}
	first := mark(rfc9111.NoStore, 0)
	if first == nil || first.Uncacheable != rfc9111.NoStore {
		t.Fatalf("%+v, want a mark", first)
	}
	if got := mark(rfc9111.NoStore, 999*time.Millisecond); got != first {
		t.Error("it was written again within a second")
	}
	second := mark(rfc9111.NoStore, time.Second)
	if second == first {
		t.Error("it was not renewed after a second")
	}
	if find(now.Add(10900*time.Millisecond)) != second || find(now.Add(11100*time.Millisecond)) != nil {
		t.Error("it does not stay for ten seconds after it was renewed")
	}
	if got := mark(rfc9111.SetCookie, 1100*time.Millisecond); got.Uncacheable != rfc9111.SetCookie {
		t.Error("another reason did not replace it")
	}
	at := now.Add(1200 * time.Millisecond)
	if n := testing.AllocsPerRun(100, func() { s.MarkUncacheable("k", rfc9111.SetCookie, at) }); n != 0 {
		t.Errorf("%v allocations for a mark that is there", n)
	}
}
