package store

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// newStore makes a store of which, after the test, nothing may be left reserved
// or lingering once all is removed.
func newStore(t testing.TB, c Config) *Store {
	t.Helper()
	c.Entries, c.Bytes = cmp.Or(c.Entries, 1024), cmp.Or(c.Bytes, 256<<20)
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cache.Purge()
		if stats := s.Ledger().Stats(); stats.Arriving+stats.Lingering+stats.Buffered != 0 {
			t.Errorf("left in the ledger: %+v", stats)
		}
		if n := s.cache.Used() - s.purges.Bytes(); n != 0 {
			t.Errorf("%d bytes are counted in an empty cache", n)
		}
	})
	return s
}

func fields(pairs ...string) []hpack.Field {
	var all []hpack.Field
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}

func response(body string) *message.Response {
	return message.Stored(http.StatusOK, nil, []byte(body), time.Now().Unix())
}

// lasting is the policy of what is fresh for a minute.
func lasting() rfc9111.Policy { return rfc9111.Policy{Born: time.Now().Unix(), Lifetime: 60} }

// put stores body for a request with these fields.
func (s *Store) putBody(key, body string, vary rfc9111.Vary, request ...string) rfc9111.Reason {
	return s.Put(&Arrival{Key: key, Request: fields(request...), Response: response(body), Policy: lasting(), Vary: vary})
}

// find is the body that is stored for a request, "" for none.
func (s *Store) find(key string, request ...string) string {
	e, _, _ := s.Find([]byte(key), fields(request...), time.Now())
	if e == nil || e.Response == nil {
		return ""
	}
	return string(e.Response.Body)
}

func TestVariants(t *testing.T) {
	s := newStore(t, Config{})
	if r := s.putBody("k", "plain", ""); r != rfc9111.Stored || s.find("k", "a", "1") != "plain" {
		t.Errorf("without Vary: %v, %q", r, s.find("k"))
	}
	s.putBody("k", "one", "a", "a", "1")
	s.putBody("k", "two", "a", "a", "2")
	for value, want := range map[string]string{"1": "one", "2": "two", "3": ""} {
		if got := s.find("k", "a", value); got != want {
			t.Errorf("a: %s finds %q, want %q", value, got, want)
		}
	}
	e, own, variant := s.Find([]byte("k"), fields("a", "3"), time.Now())
	if e != nil || !variant || string(own) == "k" {
		t.Errorf("a variant that is not stored: %v, own key %q, variant %t", e, own, variant)
	}
	_, own, _, _ = s.Peek([]byte("k"), fields("a", "1"), time.Now())
	if e := s.Exact(own, time.Now()); e == nil || string(e.Response.Body) != "one" {
		t.Error("a variant's own key does not lead to it")
	}
	if s.Exact([]byte("k"), time.Now()) != nil {
		t.Error("the resource's key leads to a response")
	}

	// Another Vary: the former variants are found by nothing, and leave.
	s.putBody("k", "three", "a,b", "a", "1", "b", "1")
	if s.find("k", "a", "1") != "" || s.find("k", "a", "1", "b", "1") != "three" {
		t.Error("variants of another Vary are mixed up")
	}
	if s.Exact(own, time.Now()) != nil {
		t.Error("a variant outlives what leads to it")
	}
	if n := s.cache.Len(); n != 2 {
		t.Errorf("%d entries, want the resource and one variant", n)
	}

	// And none: the response takes the resource's key.
	s.putBody("k", "plain", "")
	if s.find("k", "b", "9") != "plain" || s.cache.Len() != 1 {
		t.Errorf("%q, %d entries", s.find("k"), s.cache.Len())
	}
}

func TestListVariants(t *testing.T) {
	s := newStore(t, Config{})
	now := time.Now()
	if _, all := s.Variants("k", now); all != nil {
		t.Error("variants of what is not stored")
	}
	s.putBody("k", "1", "a", "a", "1")
	s.putBody("k", "2", "a", "a", "2")
	vary, all := s.Variants("k", now)
	if vary != "a" || len(all) != 2 || string(all[0].Response.Body) != "2" || string(all[1].Response.Body) != "1" {
		t.Fatalf("vary %q, %d variants, want the last first", vary, len(all))
	}
	if e := s.Exact([]byte(all[1].Own), now); e != all[1].Entry {
		t.Error("a variant's own key does not lead to it")
	}
}

func TestMaxVariants(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStore(t, Config{})
		for i := range MaxVariants {
			if r := s.putBody("k", "x", "a", "a", fmt.Sprint(i)); r != rfc9111.Stored {
				t.Fatalf("variant %d: %v", i, r)
			}
		}
		if !s.Ledger().Take(1000) {
			t.Fatal("no room")
		}
		r := s.Put(&Arrival{Key: "k", Request: fields("a", "more"), Response: response("x"), Policy: lasting(), Vary: "a", Reserved: 1000})
		if r != rfc9111.TooManyVariants || s.find("k", "a", "more") != "" {
			t.Errorf("one more: %v", r)
		}
		if n := s.Ledger().Stats().Arriving; n != 0 {
			t.Errorf("%d bytes stay reserved for a variant that was refused", n)
		}
		if r := s.putBody("k", "new", "a", "a", "7"); r != rfc9111.Stored || s.find("k", "a", "7") != "new" {
			t.Errorf("one of them anew: %v", r)
		}
		s.Remove(string(rfc9111.Vary("a").AppendKey([]byte("k"), fields("a", "0"))))
		if r := s.putBody("k", "x", "a", "a", "more"); r != rfc9111.Stored {
			t.Errorf("after one has left: %v", r)
		}
		time.Sleep(2 * time.Minute)
		if r := s.putBody("k", "x", "a", "a", "later"); r != rfc9111.Stored {
			t.Errorf("after all have expired: %v", r)
		}
	})
}

func TestInvalidate(t *testing.T) {
	s := newStore(t, Config{})
	var owns [][]byte
	for i := range 5 {
		s.putBody("k", "x", "a", "a", fmt.Sprint(i))
		_, own, _, _ := s.Peek([]byte("k"), fields("a", fmt.Sprint(i)), time.Now())
		owns = append(owns, own)
	}
	s.putBody("other", "x", "")
	s.Invalidate("k")
	for _, own := range owns {
		if s.Exact(own, time.Now()) != nil {
			t.Error("a variant stays")
		}
	}
	if s.find("other") == "" || s.cache.Len() != 1 {
		t.Errorf("%d entries, want the other resource's alone", s.cache.Len())
	}
	s.Invalidate("none") // does nothing
}

func TestMarks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStore(t, Config{})
		s.putBody("k", "x", "")
		s.MarkUncacheable("k", rfc9111.Private, time.Now())
		e, _, _ := s.Find([]byte("k"), nil, time.Now())
		if e == nil || e.Response != nil || e.Uncacheable != rfc9111.Private || s.Exact([]byte("k"), time.Now()) != nil {
			t.Errorf("a mark is %+v", e)
		}
		time.Sleep(uncacheableFor - time.Nanosecond)
		if e, _, _ := s.Find([]byte("k"), nil, time.Now()); e == nil {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Nanosecond)
		if e, _, _ := s.Find([]byte("k"), nil, time.Now()); e != nil {
			t.Error("remembered too long")
		}
		s.MarkUncacheable("k", rfc9111.Private, time.Now())
		if s.putBody("k", "y", ""); s.find("k") != "y" {
			t.Error("what is stored does not replace a mark")
		}

		// Of one variant: the others stay.
		s.putBody("v", "1", "a", "a", "1")
		s.MarkUncacheable(string(rfc9111.Vary("a").AppendKey([]byte("v"), fields("a", "2"))), rfc9111.NoStore, time.Now())
		e, _, _ = s.Find([]byte("v"), fields("a", "2"), time.Now())
		if s.find("v", "a", "1") != "1" || e == nil || e.Uncacheable != rfc9111.NoStore {
			t.Errorf("a variant's mark is %+v", e)
		}
	})
}

// TestExpiry: an entry is there as long as it is of use, fresh or not.
func TestExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStore(t, Config{})
		born := time.Now().Unix()
		s.Put(&Arrival{Key: "k", Response: response("x"), Policy: rfc9111.Policy{Born: born, Lifetime: 10, Keep: 20}})
		e, _, _ := s.Find([]byte("k"), nil, time.Now())
		for _, at := range []struct {
			second time.Duration
			there  bool
			claims bool
		}{{9, true, false}, {10, true, true}, {10, true, false}, {29, true, false}, {30, false, false}} {
			now := time.Unix(born, 0).Add(at.second * time.Second)
			found, _, _, _ := s.Peek([]byte("k"), nil, now)
			if (found != nil) != at.there {
				t.Errorf("at %d s: there %t", at.second, found != nil)
			}
			if got := e.ClaimRecheck(now); got != at.claims {
				t.Errorf("at %d s: revalidation claimed %t", at.second, got)
			}
		}

		a := origin.Answer{Response: message.New(200, nil, []byte("file"), `"x"`, time.Time{}), Fresh: time.Second, Stale: time.Second}
		if !s.PutAnswer("f", &a, time.Now(), 0) {
			t.Fatal("not stored")
		}
		e, _, _ = s.Find([]byte("f"), nil, time.Now())
		if e.Answer != &a || e.ClaimRecheck(time.Now()) {
			t.Error("a file is to be looked at again at once")
		}
		time.Sleep(1999 * time.Millisecond)
		if !e.Serves(time.Now()) || !e.ClaimRecheck(time.Now()) {
			t.Error("a file is not served while it is looked at")
		}
		time.Sleep(time.Millisecond)
		if e.Serves(time.Now()) || s.find("f") != "file" {
			t.Error("a file is served beyond its time, or is not there to be compared")
		}
		time.Sleep(keepFile)
		if s.find("f") != "" {
			t.Error("a file outlives its time")
		}
	})
}

// TestReservations: what a body has taken becomes its entry's, and is given back
// if there is none.
func TestReservations(t *testing.T) {
	const size = 10_000
	for _, tt := range []struct {
		about    string
		vary     rfc9111.Vary
		reserved int64
		others   int64 // taken by others
		want     rfc9111.Reason
	}{
		{"all of it", "", size + 2000, 0, rfc9111.Stored},
		{"more than it needs", "", 3 * size, 0, rfc9111.Stored},
		{"less", "", size / 2, 0, rfc9111.Stored},
		{"none", "", 0, 0, rfc9111.Stored},
		{"of a variant", "a", size + 2000, 0, rfc9111.Stored},
		{"no room for what is missing", "", size / 2, 5*size - size/2 - 10, rfc9111.NoRoom},
		{"no room for the variants", "a", size / 2, 5*size - size/2 - 10, rfc9111.NoRoom},
	} {
		t.Run(tt.about, func(t *testing.T) {
			s := newStore(t, Config{Bytes: 5 * size})
			if !s.Ledger().Take(tt.reserved) || !s.Ledger().Take(tt.others) {
				t.Fatal("no room to begin with")
			}
			r := response(strings.Repeat("x", size))
			got := s.Put(&Arrival{Key: "k", Response: r, Policy: lasting(), Vary: tt.vary, Reserved: tt.reserved})
			if got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if n := s.Ledger().Stats().Arriving; n != tt.others {
				t.Errorf("%d bytes are reserved, want %d", n, tt.others)
			}
			if tt.want == rfc9111.Stored && s.cache.Used() < r.Size() {
				t.Errorf("%d bytes are counted for a response of %d", s.cache.Used(), r.Size())
			}
			s.Ledger().Give(tt.others)
		})
	}
}

// TestSharedMemory: a response that has another's content counts that once as a
// body that is being sent, and the other's fields as well.
func TestSharedMemory(t *testing.T) {
	s := newStore(t, Config{})
	first := message.Stored(200, fields("x-long", strings.Repeat("y", 3000)), []byte("content"), 1)
	s.Put(&Arrival{Key: "k", Response: first, Policy: lasting()})
	second := message.Stored(200, nil, first.Body, 2)
	second.Whole = first
	s.Put(&Arrival{Key: "k", Response: second, Policy: lasting()})
	if n := s.cache.Used(); n < second.Size()+3000 {
		t.Errorf("%d bytes are counted: the first one's fields are in memory, too", n)
	}
	ticket := s.Ledger().Join(nil, first.Pinned(), time.Now())
	if n := s.Ledger().Stats().Lingering; n != 0 {
		t.Errorf("%d bytes linger, though the second one is stored", n)
	}
	s.Remove("k")
	if n := s.Ledger().Stats().Lingering; n == 0 {
		t.Error("nothing lingers, though it is being sent")
	}
	ticket.Leave()
}

// TestRace stores, finds, marks and removes at once, in a cache that is too
// small.
func TestRace(t *testing.T) {
	s := newStore(t, Config{Bytes: 200_000})
	var wait sync.WaitGroup
	for g := range 8 {
		random := rand.New(rand.NewPCG(uint64(g), 2))
		wait.Go(func() {
			for range 2000 {
				key := fmt.Sprint("k", random.IntN(5))
				value := fmt.Sprint(random.IntN(40))
				vary := []rfc9111.Vary{"", "a", "a", "a,b"}[random.IntN(4)]
				switch random.IntN(8) {
				case 0:
					s.Invalidate(key)
				case 1:
					s.MarkUncacheable(key, rfc9111.NoStore, time.Now())
				case 2:
					s.ExpectVariants(key, "a")
				case 3, 4:
					n := int64(random.IntN(20_000))
					if s.Ledger().Take(n) {
						s.Put(&Arrival{Key: key, Request: fields("a", value), Response: response(key + value), Policy: lasting(), Vary: vary, Reserved: n})
					}
				default:
					if got := s.find(key, "a", value); got != "" && !strings.HasPrefix(got, key) {
						t.Errorf("%s finds %q", key, got)
					}
				}
			}
		})
	}
	wait.Wait()
	// No variant is there that nothing leads to.
	for i := range 5 {
		s.Invalidate(fmt.Sprint("k", i))
	}
	if n := s.cache.Len(); n != 0 {
		t.Errorf("%d entries stay when all resources are gone", n)
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	s := newStore(t, Config{})
	s.putBody("k", "x", "accept-encoding", "accept-encoding", "gzip")
	request := fields("accept", "*/*", "accept-encoding", "gzip")
	key, now := make([]byte, 0, 128), time.Now()
	if n := testing.AllocsPerRun(1000, func() {
		e, own, _ := s.Find(append(key[:0], 'k'), request, now)
		if e == nil || s.Exact(own, now) != e {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
