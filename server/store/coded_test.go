package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

func codable(body string) *message.Response {
	return message.Stored(200, fields("etag", `"`+body[:1]+`"`), []byte(body), time.Now().Unix()).Codable()
}

// freshened is r as a 304 makes it anew: the same content under other fields.
func freshened(r *message.Response) *message.Response {
	f := message.Stored(200, fields("etag", r.ETag, "x-new", "1"), r.Body, time.Now().Unix()).Codable()
	f.Whole = r.Root()
	return f
}

func (s *Store) coding(key string, c encode.Coding) *message.Response {
	e := s.Codable(key, time.Now())
	if e == nil || !e.Coded.Set().There.Has(c) {
		return nil
	}
	return e.Coded.Set().Of(c, nil)
}

// TestAddCoded: a representation counts in the memory of its entry, is found
// there, and leaves with it.
func TestAddCoded(t *testing.T) {
	s := newStore(t, Config{})
	r := codable("content")
	s.Put(&Arrival{Key: "k", Response: r, Policy: lasting()})
	before := s.cache.Used()
	if !s.AddCoded("k", r, encode.Gzip, []byte("gz"), time.Now()) {
		t.Fatal("not added")
	}
	gz := s.coding("k", encode.Gzip)
	if gz == nil || string(gz.Body) != "gz" || s.coding("k", encode.Brotli) != nil {
		t.Fatalf("%+v", gz)
	}
	if n := s.cache.Used() - before; n != gz.Size() {
		t.Errorf("%d bytes more are counted for %d", n, gz.Size())
	}
	if s.AddCoded("k", codable("content"), encode.Brotli, []byte("br"), time.Now()) {
		t.Error("the coding of another response is added")
	}
	if s.AddCoded("none", r, encode.Brotli, []byte("br"), time.Now()) {
		t.Error("a coding of what is not stored is added")
	}
	ticket := s.Ledger().Join(nil, gz.Pinned(), time.Now())
	s.Remove("k")
	if n := s.Ledger().Stats().Lingering; n != gz.Size() {
		t.Errorf("%d bytes linger while a coding of %d is being sent", n, gz.Size())
	}
	ticket.Leave()
	if s.cache.Used() != 0 {
		t.Errorf("%d bytes are counted when all has left", s.cache.Used())
	}
	s.Put(&Arrival{Key: "k", Response: message.Stored(200, nil, []byte("x"), 1), Policy: lasting()})
	if s.Codable("k", time.Now()) != nil {
		t.Error("what may not be coded has codings")
	}
}

// TestCodedLater: what follows an entry has its codings if it has its content, and
// else none of them.
func TestCodedLater(t *testing.T) {
	s := newStore(t, Config{})
	r := codable("content")
	s.Put(&Arrival{Key: "k", Response: r, Policy: lasting()})
	s.AddCoded("k", r, encode.Gzip, []byte("gz"), time.Now())
	e := s.Codable("k", time.Now())
	if !e.Coded.Claim(encode.Brotli, time.Now()) || e.Coded.Claim(encode.Brotli, time.Now()) {
		t.Error("a coding is not claimed once")
	}
	f := freshened(r)
	s.Put(&Arrival{Key: "k", Response: f, Policy: lasting()})
	gz := s.coding("k", encode.Gzip)
	if gz == nil || string(gz.Body) != "gz" || !strings.Contains(string(gz.Head), "x-new: 1") {
		t.Fatalf("after a 304: %+v", gz)
	}
	if s.Codable("k", time.Now()).Coded.Claim(encode.Brotli, time.Now()) {
		t.Error("what is being made is made once more after a 304")
	}
	if !s.AddCoded("k", r, encode.Brotli, []byte("br"), time.Now()) || s.coding("k", encode.Brotli) == nil {
		t.Error("what was made of the entry before is not added to the one that has its content")
	}
	s.Put(&Arrival{Key: "k", Response: freshened(f), Policy: lasting()})
	if gz := s.coding("k", encode.Gzip); gz == nil || string(gz.Body) != "gz" {
		t.Error("after another 304 it is gone")
	}
	// What was looked up before the entry was replaced is not added to it.
	old := s.Codable("k", time.Now())
	s.Put(&Arrival{Key: "k", Response: freshened(f), Policy: lasting()})
	if s.add("k", old, encode.Zstd, old.Response.Coded("zstd", []byte("z"))) || s.coding("k", encode.Zstd) != nil {
		t.Error("a coding is added to an entry that has left")
	}
	next := codable("next content")
	s.Put(&Arrival{Key: "k", Response: next, Policy: lasting()})
	if s.coding("k", encode.Gzip) != nil || s.AddCoded("k", r, encode.Zstd, []byte("z"), time.Now()) {
		t.Error("another content has the codings of the one before")
	}
	if !s.Codable("k", time.Now()).Coded.Claim(encode.Brotli, time.Now()) {
		t.Error("another content is not coded")
	}
}

// TestCodedFile: a file has the codings that stand beside it, and keeps those that
// were made as long as it is the same.
func TestCodedFile(t *testing.T) {
	s := newStore(t, Config{})
	a := origin.Answer{Response: message.New(200, nil, []byte("file"), `"x"`, time.Time{}).Codable(), Fresh: time.Second, Stale: time.Second}
	a.Coded = make([][]byte, encode.Codings)
	a.Coded[encode.Brotli] = []byte("br")
	s.PutAnswer("f", &a, time.Now(), 0)
	s.AddCoded("f", a.Response, encode.Gzip, []byte("gz"), time.Now())
	used := s.cache.Used()
	again := a
	s.PutAnswer("f", &again, time.Now(), 0)
	for c, want := range map[encode.Coding]string{encode.Brotli: "br", encode.Gzip: "gz"} {
		if r := s.coding("f", c); r == nil || string(r.Body) != want {
			t.Errorf("%v: %+v", c, r)
		}
	}
	if n := s.cache.Used(); n != used {
		t.Errorf("%d bytes are counted for a file that was looked at again, and %d before", n, used)
	}
}

// TestBefore: an entry has the content in whose place it came, and that alone, in
// its own memory, as long as it stays.
func TestBefore(t *testing.T) {
	s := newStore(t, Config{})
	before := func() string {
		e := s.Codable("k", time.Now())
		if e == nil || e.Coded.Before() == nil {
			return ""
		}
		if want := encode.NewDictionary(e.Coded.Before().Response.Body).Available(); e.Coded.Before().Available != want {
			t.Errorf("it is named %s, want %s", e.Coded.Before().Available, want)
		}
		return string(e.Coded.Before().Response.Body)
	}
	put := func(r *message.Response) *message.Response {
		s.Put(&Arrival{Key: "k", Response: r, Policy: lasting()})
		return r
	}
	kept := func(body string) *message.Response { return codable(body).AsDictionary("/k") }
	put(kept("first"))
	if before() != "" {
		t.Error("the first one has one before")
	}
	second := put(kept("second"))
	if before() != "first" {
		t.Errorf("before the second is %q", before())
	}
	if n, least := s.cache.Used(), 2*second.Size(); n < least {
		t.Errorf("%d bytes are counted for two contents of %d", n, least)
	}
	s.AddCoded("k", second, encode.Dcz, []byte("delta"), time.Now())
	f := freshened(second).AsDictionary("/k")
	f.Whole = second
	put(f)
	if before() != "first" || s.coding("k", encode.Dcz) == nil {
		t.Errorf("after a 304, before the second is %q", before())
	}
	put(kept("second"))
	if before() != "first" || s.coding("k", encode.Dcz) != nil {
		t.Errorf("after the same once more, before it is %q", before())
	}
	put(kept("third"))
	if before() != "second" {
		t.Errorf("before the third is %q", before())
	}
	put(codable("without"))
	if before() != "" {
		t.Error("what is no dictionary has one")
	}
	put(kept("fifth"))
	if before() != "" {
		t.Error("what was no dictionary is one")
	}
	put(kept(strings.Repeat("x", encode.MaxDelta+1)))
	put(kept("after what is too large"))
	if before() != "" {
		t.Error("what is too large is a dictionary")
	}
	s.Invalidate("k")
	if n := s.cache.Used(); n != 0 {
		t.Errorf("%d bytes are counted when all has left", n)
	}
}

// TestCodedRace: codings are added while entries are freshened, replaced and
// evicted: nothing is counted twice or not at all.
func TestCodedRace(t *testing.T) {
	s := newStore(t, Config{Bytes: 60_000})
	var wait sync.WaitGroup
	for g := range 6 {
		random := rand.New(rand.NewPCG(uint64(g), 3))
		wait.Go(func() {
			for range 2000 {
				key := fmt.Sprint("k", random.IntN(6))
				e := s.Codable(key, time.Now())
				switch random.IntN(6) {
				case 0:
					s.Put(&Arrival{Key: key, Response: codable(strings.Repeat("x", 1+random.IntN(5000))).AsDictionary("/k"), Policy: lasting()})
				case 1:
					s.Invalidate(key)
				case 2:
					if e != nil {
						f := freshened(e.Response).AsDictionary("/k")
						f.Whole = e.Response.Root()
						s.Put(&Arrival{Key: key, Response: f, Policy: lasting()})
					}
				case 3:
					if e != nil {
						e.Coded.each(func(r *message.Response) {
							ticket := s.Ledger().Join(nil, r.Pinned(), time.Now())
							ticket.Leave()
						})
					}
				default:
					if e != nil {
						s.AddCoded(key, e.Response, encode.Coding(random.IntN(encode.Codings)), make([]byte, random.IntN(2000)), time.Now())
					}
				}
			}
		})
	}
	wait.Wait()
}
