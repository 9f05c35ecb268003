package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/purge"
)

// TestPurgesFold: rules that pile up are dropped when all that is stored has been
// compared with them, what was purged leaves, and the memory of both is counted and
// given back.
func TestPurgesFold(t *testing.T) {
	s := newStore(t, Config{Entries: 10_000})
	for i := range 1000 {
		s.putBody(fmt.Sprintf("site/%d", i), "body", "")
	}
	entries := s.cache.Used()
	s.Purge(false, purge.Prefix("site/1")) // 1, 1x, 1xx
	if n := s.cache.Used(); n <= entries {
		t.Errorf("the rules are not counted: %d bytes, %d without", n, entries)
	}
	for i := range 3 * maxRules / 64 { // a rule takes as much
		s.Purge(false, s.purges.TagRules(fmt.Sprint(i), 0)[0])
		if n := s.purges.Bytes(); n > 2*maxRules+1000 {
			t.Fatalf("%d bytes of rules", n)
		}
	}
	s.sweeping.Lock() // the one in the background ends
	s.fold()
	s.sweeping.Unlock()
	if n := s.purges.Len(); n != 0 {
		t.Errorf("%d rules are left", n)
	}
	if n := s.cache.Len(); n != 889 {
		t.Errorf("%d entries, want 1000 without the 111 that were purged", n)
	}
	if n := s.Ledger().Stats().Aside; n != 0 {
		t.Errorf("%d bytes are counted for rules that were dropped", n)
	}
	if s.find("site/2") == "" || s.find("site/1") != "" {
		t.Error("the wrong ones were purged")
	}
	// What was asked for before that, and comes now, may have missed a purge.
	if r := s.Put(&Arrival{Key: "late", Response: response("x"), Policy: lasting(), Purged: 3}); r != rfc9111.Invalidated {
		t.Errorf("an answer from before: %v", r)
	}
	if r := s.Put(&Arrival{Key: "late", Response: response("x"), Policy: lasting(), Purged: s.purges.Last()}); r != rfc9111.Stored {
		t.Errorf("one from now: %v", r)
	}
}

// TestCount: what is counted is what a purge is about, purged or not by one before it,
// and not what came since.
func TestCount(t *testing.T) {
	s := newStore(t, Config{})
	tag := []hpack.Field{{Name: "cache-tag", Value: "t"}}
	put := func(key string) {
		tags, _ := s.purges.Tags("", tag)
		s.Put(&Arrival{Key: key, Response: response("body"), Policy: lasting(), Tags: tags, Purged: s.purges.Last()})
	}
	put("a")
	put("b")
	rules := s.purges.TagRules("t", 0)
	number := s.Purge(false, rules...)
	s.find("a")
	put("c")
	if m := s.Count(number, rules...); m.Entries != 2 || m.Bytes < 8 {
		t.Errorf("%+v, want a and b", m)
	}
	if s.cache.Len() != 1 || s.find("c") == "" {
		t.Error("what was purged is still held, or more was purged")
	}
}

// TestPurgedURL: what was asked for by a URL before its purge is not stored, under
// whatever key, if its tags have it.
func TestPurgedURL(t *testing.T) {
	s := newStore(t, Config{})
	before := s.purges.Last()
	s.Purge(false, purge.Tagged(s.purges.URL("k")))
	tags := []purge.Tag{s.purges.URL("k")}
	if r := s.Put(&Arrival{Key: "other key", Response: response("x"), Policy: lasting(), Tags: tags, Purged: before}); r != rfc9111.Invalidated {
		t.Errorf("it is %v", r)
	}
	if s.PutAnswer("k", &origin.Answer{Response: response("x"), Fresh: time.Minute}, time.Now(), before) {
		t.Error("a file is stored")
	}
}

// TestPurgedIsNoDictionary: nothing is made of a response that was purged, not even
// what differs of its successor.
func TestPurgedIsNoDictionary(t *testing.T) {
	for _, soft := range []bool{false, true} {
		s := newStore(t, Config{})
		put := func(body string) *Entry {
			s.Put(&Arrival{Key: "k", Response: codable(body).AsDictionary("/k"), Policy: lasting(), Purged: s.purges.Last()})
			return s.Codable("k", time.Now())
		}
		put("first")
		if second := put("second"); second.Coded.Before() == nil {
			t.Fatal("without a purge it is one")
		}
		s.Purge(soft, purge.Prefix("k"))
		if (s.Codable("k", time.Now()) != nil) != soft {
			t.Errorf("soft=%t: it can be coded", soft)
		}
		if third := put("third"); (third.Coded.Before() != nil) != soft {
			t.Errorf("soft=%t: it is a dictionary", soft)
		}
	}
}

// BenchmarkFind is a hit beside purges that are not about it, and which it has been
// compared with.
func BenchmarkFind(b *testing.B) {
	for _, rules := range []int{0, 1000, 100_000} {
		b.Run(fmt.Sprintf("rules=%d", rules), func(b *testing.B) {
			s := newStore(b, Config{})
			s.putBody("key", "body", "")
			for i := range rules {
				s.Purge(false, purge.Prefix(fmt.Sprintf("other/%d", i)))
			}
			key, now := []byte("key"), time.Now()
			b.ReportAllocs()
			for b.Loop() {
				if e, _, _ := s.Find(key, nil, now); e == nil {
					b.Fatal("no hit")
				}
			}
		})
	}
}

// million is a store of a million responses that have a tag, and the tag's rules.
func million(b *testing.B) (*Store, []purge.Rule) {
	s, err := New(Config{Entries: 1_000_000, Bytes: 4 << 30})
	if err != nil {
		b.Fatal(err)
	}
	tags, _ := s.purges.Tags("", []hpack.Field{{Name: "cache-tag", Value: "t"}})
	r := response("body")
	for i := range 1_000_000 {
		s.Put(&Arrival{Key: fmt.Sprint("key", i), Response: r, Policy: lasting(), Tags: tags})
	}
	return s, s.purges.TagRules("t", 0)
}

// BenchmarkPurgeTag is the purge of a tag that a million entries have.
func BenchmarkPurgeTag(b *testing.B) {
	s, rules := million(b)
	for b.Loop() {
		s.Purge(false, rules...)
	}
}

// BenchmarkFindDuringCount is hits while a million entries are compared with purges and
// while they are not, how long the slowest of 1,000 took, and the slowest of all.
func BenchmarkFindDuringCount(b *testing.B) {
	for _, counting := range []bool{false, true} {
		b.Run(fmt.Sprintf("counting=%t", counting), func(b *testing.B) { findDuringCount(b, counting) })
	}
}

func findDuringCount(b *testing.B, counting bool) {
	s, _ := million(b)
	other := purge.Prefix("other")
	number := s.Purge(true, other)
	var over atomic.Bool
	var counter sync.WaitGroup
	if counting {
		counter.Go(func() {
			for !over.Load() {
				s.Count(number, other)
			}
		})
	}
	slow := make([]time.Duration, 0, 1<<22)
	key, now := []byte(nil), time.Now()
	for b.Loop() {
		key = fmt.Appendf(key[:0], "key%d", rand.IntN(1_000_000))
		begin := time.Now()
		if e, _, _ := s.Find(key, nil, now); e == nil {
			b.Fatal("no hit")
		}
		if len(slow) < cap(slow) {
			slow = append(slow, time.Since(begin))
		}
	}
	over.Store(true)
	counter.Wait()
	slices.Sort(slow)
	b.ReportMetric(float64(slow[len(slow)*999/1000].Nanoseconds())/1e3, "p99.9-µs")
	b.ReportMetric(float64(slow[len(slow)-1].Nanoseconds())/1e3, "max-µs")
}
