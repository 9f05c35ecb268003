package purge

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func add(r *Rules, soft bool, at int, rules ...Rule) uint64 {
	n, _ := r.Add(soft, noon.Add(time.Duration(at)*time.Second), rules...)
	return n
}

// key is that of a path of site 1.
func key(path string) string { return "\x00\x00\x00\x01" + path }

func TestJudge(t *testing.T) {
	r := New()
	if v := r.Judge(key("/a"), nil, 0); v.Effect != None || v.UpTo != 0 {
		t.Errorf("without any purge: %+v", v)
	}
	tags, _ := r.Tags("a.com", []hpack.Field{{Name: "surrogate-key", Value: "shop item"}})
	add(r, false, 1, Prefix(key("/a")))        // 1
	add(r, true, 2, Prefix(key("/b")))         // 2
	add(r, true, 3, r.TagRules("shop", 0)...)  // 3
	add(r, false, 4, r.TagRules("item", 2)...) // 4, of another site
	add(r, false, 5, Prefix(key("/c")))        // 5
	add(r, true, 6, Prefix(key("/c")))         // 6
	add(r, false, 7, r.TagRules("none", 0)...) // 7
	for _, tt := range []struct {
		about  string
		path   string
		tags   []Tag
		since  uint64
		effect Effect
		at     int
	}{
		{"a prefix", "/abc", nil, 0, Gone, 1},
		{"it is the purge itself that it has seen", "/abc", nil, 1, None, 0},
		{"a shorter key", "/", nil, 0, None, 0},
		{"soft", "/b", nil, 1, Stale, 2},
		{"a tag", "/x", tags, 2, Stale, 3},
		{"and it is younger", "/x", tags, 3, None, 0},
		{"gone is more than stale", "/a", tags, 0, Gone, 3},
		{"which it was before", "/c", nil, 4, Gone, 6},
		{"and not since", "/c", nil, 5, Stale, 6},
	} {
		v := r.Judge(key(tt.path), tt.tags, tt.since)
		if v.Effect != tt.effect || v.UpTo != 7 || tt.effect != None && !v.At.Equal(noon.Add(time.Duration(tt.at)*time.Second)) {
			t.Errorf("%s: %+v, want %v at %d", tt.about, v, tt.effect, tt.at)
		}
	}
	if v := r.Judge("\x00\x00\x00\x02/x", tags, 3); v.Effect != Gone {
		t.Errorf("the tag of site 2: %+v", v)
	}
	if n, at, ok := r.Touched(key("/c"), nil); !ok || n != 6 || !at.Equal(noon.Add(6*time.Second)) {
		t.Errorf("touched by %d at %v, %t", n, at, ok)
	}
	if _, _, ok := r.Touched(key("/x"), nil); ok {
		t.Error("touched by none")
	}
}

// TestFold: rules that everything was compared with are dropped, and are in force until
// then; what is older, and was not compared, is taken for purged.
func TestFold(t *testing.T) {
	r := New()
	_, bytes := r.Add(false, noon, Prefix(key("/old")), Prefix("all"))
	if n := r.Bytes(); n != bytes || bytes != 2*ruleBytes || r.Len() != 2 {
		t.Errorf("%d bytes in %d rules, %d of them of the last purge", n, r.Len(), bytes)
	}
	freed := r.Fold(func() {
		add(r, false, 1, Prefix(key("/a")), Prefix(key("/old")))
		for path, want := range map[string]Effect{"/a": Gone, "/old": Gone, "/b": None} {
			if v := r.Judge(key(path), nil, 0); v.Effect != want || v.UpTo != 2 {
				t.Errorf("%s is %+v while rules are folded, want %v", path, v, want)
			}
		}
	})
	if n := r.Bytes(); freed != bytes || n != 2*ruleBytes || r.Len() != 2 {
		t.Errorf("%d bytes in %d rules after %d of %d were freed", n, r.Len(), freed, bytes)
	}
	for since, want := range []Effect{Gone, None, None} {
		if v := r.Judge(key("/b"), nil, uint64(since)); v.Effect != want {
			t.Errorf("since %d: %v, want %v", since, v.Effect, want)
		}
	}
	if v := r.Judge(key("/a"), nil, 1); v.Effect != Gone {
		t.Error("a rule that is younger was dropped")
	}
	if r.Fold(func() {}); r.Bytes() != 0 || r.Len() != 0 {
		t.Errorf("%d bytes in %d rules, want none", r.Bytes(), r.Len())
	}
}

// TestNothingWaitsForPurges: what compares takes no lock, so that it waits neither for a
// purge nor for a fold, however long they take.
func TestNothingWaitsForPurges(t *testing.T) {
	r := New()
	add(r, false, 1, Prefix(key("/a")))
	r.folding.Lock()
	r.changing.Lock()
	defer r.folding.Unlock()
	defer r.changing.Unlock()
	done := make(chan Effect)
	go func() {
		r.Last()
		r.Touched(key("/a"), nil)
		done <- r.Judge(key("/a"), nil, 0).Effect
	}()
	select {
	case e := <-done:
		if e != Gone {
			t.Errorf("it is %v", e)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits")
	}
}

// TestManyRules: each of many is found, and nothing else; a node takes what is counted.
func TestManyRules(t *testing.T) {
	if n := unsafe.Sizeof(node{}); n != ruleBytes {
		t.Errorf("a rule takes %d bytes, and counts as %d", n, ruleBytes)
	}
	r := New()
	const many = 20_000
	for i := range many {
		add(r, i%2 == 0, 1, r.TagRules(fmt.Sprint(i), 0)[0])
	}
	for i := range 2 * many {
		want := [...]Effect{Stale, Gone}[i%2]
		if i >= many {
			want = None
		}
		if v := r.Judge("", []Tag{r.TagRules(fmt.Sprint(i), 0)[0].tag}, 0); v.Effect != want {
			t.Fatalf("tag %d: %v, want %v", i, v.Effect, want)
		}
	}
	if r.Len() != many {
		t.Errorf("%d rules, want %d", r.Len(), many)
	}
}

func TestTags(t *testing.T) {
	field := func(name, value string) hpack.Field { return hpack.Field{Name: name, Value: value} }
	for _, tt := range []struct {
		fields []hpack.Field
		want   string
	}{
		{nil, ""},
		{[]hpack.Field{field("surrogate-key", "a  b\tc")}, "a b c"},
		{[]hpack.Field{field("cache-tag", "a, b ,,c")}, "a b c"},
		{[]hpack.Field{field("cache-groups", `"a", "b";x=1, c, 5`)}, "a b"},
		{[]hpack.Field{field("cache-groups", `"a`)}, ""},
		{[]hpack.Field{field("cache-tag", "a"), field("surrogate-key", "b"), field("cache-tag", "c")}, "a b c"},
	} {
		if got := strings.Join(Names(tt.fields, 100), " "); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.fields, got, tt.want)
		}
	}
	r := New()
	tags, ok := r.Tags("a.com", []hpack.Field{field("surrogate-key", strings.Repeat("t ", MaxTags))})
	if !ok || len(tags) != MaxTags {
		t.Errorf("%d tags, %t, want as many as are told apart", len(tags), ok)
	}
	tags, ok = r.Tags("a.com", []hpack.Field{field("surrogate-key", strings.Repeat("t ", MaxTags+1))})
	if ok || len(tags) != 2 {
		t.Errorf("%d tags, %t, want one for any, and one for any group", len(tags), ok)
	}
	for host, want := range map[string]Effect{"a.com": Gone, "b.com": None} {
		r := r.Alone(r.GroupRules(host, []hpack.Field{field("cache-group-invalidation", `"whatever"`)})...)
		if v := r.Judge(key("/"), tags, 0); v.Effect != want {
			t.Errorf("a group of %s: a response of a.com with too many tags has effect %v", host, v.Effect)
		}
	}
	for _, site := range []uint32{0, 1} {
		r := r.Alone(r.TagRules("whatever", site)...)
		if v := r.Judge(key("/"), tags, 0); v.Effect != Gone {
			t.Errorf("site %d: a response with too many tags stays", site)
		}
	}
}

// TestConcurrentPurges: what is added is in force when Add returns, whatever else
// happens.
func TestConcurrentPurges(t *testing.T) {
	r := New()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 1000 {
				path := fmt.Sprintf("/%d/%d", w, i)
				since := r.Last()
				if r.Judge(key(path), nil, since).Effect == Stale {
					t.Errorf("%s is stale", path)
				}
				add(r, false, 0, Prefix(key(path)))
				if r.Judge(key(path), nil, since).Effect != Gone {
					t.Errorf("%s stays", path)
				}
				if i%100 == 0 {
					r.Fold(func() {})
				}
			}
		})
	}
	all.Wait()
}

// FuzzTags reads whatever an origin sends: no tag is empty, and all that are named are
// found by their name.
func FuzzTags(f *testing.F) {
	for _, v := range []string{"a b", "a,b", `"a", "b"`, `("a" "b")`, `"a`, ",,", "\x00"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := New()
		for _, name := range []string{"surrogate-key", "cache-tag", "cache-groups"} {
			fields := []hpack.Field{{Name: name, Value: value}}
			tags, ok := r.Tags("a.com", fields)
			for _, tag := range Names(fields, MaxTags) {
				if v := r.Alone(r.TagRules(tag, 0)...).Judge(key("/"), tags, 0); v.Effect != Gone {
					t.Errorf("%s: %q: %q is not found", name, value, tag)
				}
			}
			if ok && len(tags) > MaxTags {
				t.Errorf("%d tags", len(tags))
			}
		}
	})
}

// BenchmarkLongestJudge is a comparison beside 10,000 purges and a fold of 100,000
// rules, and the longest one, which is the scheduler's and the collector's as well.
func BenchmarkLongestJudge(b *testing.B) {
	r := New()
	for i := range 100_000 {
		add(r, false, 1, r.TagRules(fmt.Sprint(i), 0)[0])
	}
	tags := []Tag{r.TagRules("none", 0)[0].tag}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 10_000 {
			add(r, false, 1, r.TagRules(fmt.Sprint("new", i), 0)[0])
			if i == 5000 {
				r.Fold(func() {})
			}
		}
	}()
	var longest time.Duration
	count, start := 0, time.Now()
	for before := start; ; count++ {
		r.Judge(key("/a"), tags, 0)
		now := time.Now()
		longest, before = max(longest, now.Sub(before)), now
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	b.ReportMetric(float64(longest.Nanoseconds()), "longest-ns")
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(count), "ns/judge")
}
