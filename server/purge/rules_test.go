package purge

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

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

// TestFold: rules that everything was compared with are dropped; what is older, and
// was not, is taken for purged.
func TestFold(t *testing.T) {
	r := New()
	add(r, false, 1, Prefix(key("/old")), Prefix(""))
	_, bytes := r.Add(false, noon, Prefix(key("/a")))
	if n := r.Bytes(); n <= bytes || bytes != prefixBytes+6 {
		t.Errorf("%d bytes, %d of them of the last", n, bytes)
	}
	before := r.Bytes()
	freed := r.Fold(1)
	if n := r.Bytes(); n != bytes || before-freed != n || r.Len() != 1 {
		t.Errorf("%d bytes in %d rules after %d of %d were freed", n, r.Len(), freed, before)
	}
	for since, want := range []Effect{Gone, None, None} {
		if v := r.Judge(key("/b"), nil, uint64(since)); v.Effect != want {
			t.Errorf("since %d: %v, want %v", since, v.Effect, want)
		}
	}
	if v := r.Judge(key("/a"), nil, 1); v.Effect != Gone {
		t.Error("a rule that is younger was dropped")
	}
	if r.Fold(2); r.Bytes() != 0 || r.Len() != 0 {
		t.Errorf("%d bytes in %d rules, want none", r.Bytes(), r.Len())
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
	if ok || len(tags) != 1 {
		t.Errorf("%d tags, %t, want one for any", len(tags), ok)
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
					r.Fold(r.Last() - 1)
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
