package pattern

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// template is one target with keys.
func template(url string) []vegeta.Target {
	return []vegeta.Target{{Method: "GET", URL: url, Header: http.Header{"X-A": {"1"}, "accept-Language": {"replaced"}}}}
}

func book(tb testing.TB, targets []vegeta.Target, spec Spec) *Book {
	tb.Helper()
	b, err := New(targets, spec)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// field is a field of a request, as HTTP/2 has it.
func field(r *exchange.Request, name string) string {
	for _, f := range r.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// TestPopularity: each key is drawn as often as its law says, with exponents below
// and above 1.
func TestPopularity(t *testing.T) {
	const n, keys = 1_000_000, 1000
	for _, text := range []string{"uniform", "zipf:0", "zipf:0.8", "zipf:1", "zipf:1.1", "zipf:2"} {
		p, err := ParsePopularity(text)
		if err != nil {
			t.Fatal(err)
		}
		b := book(t, template("http://127.0.0.1/{n}"), Spec{Keys: keys, Popularity: p, Seed: 1})
		counts := make([]int, keys)
		for i := range uint64(n) {
			counts[b.Request(i).Target]++
		}
		sum := 0.0
		for k := range keys {
			sum += math.Pow(float64(k+1), -p.Exponent)
		}
		chi := 0.0
		for k, got := range counts {
			want := n * math.Pow(float64(k+1), -p.Exponent) / sum
			chi += (float64(got) - want) * (float64(got) - want) / want
		}
		// Pearson's statistic has the mean keys-1 and the deviation √(2(keys-1)): six
		// of them are no chance.
		if limit := keys + 6*math.Sqrt(2*keys); chi > limit {
			t.Errorf("%s: χ² is %.0f, at most %.0f is by chance: %v…", text, chi, limit, counts[:10])
		}
	}
}

// TestRequestsAreTheSame: the n-th request is the same in each book of a spec, and
// another one with another seed.
func TestRequestsAreTheSame(t *testing.T) {
	spec := Spec{
		Keys: 100, Popularity: Popularity{zipf, 0.9}, Seed: 5, Ranges: 0.2,
		Vary: []Vary{{"Accept-Language", []string{"de", "en", "fr"}}, {"X-Tenant", []string{"a", "b"}}},
	}
	one, two := book(t, template("https://127.0.0.1/item/{n}?n={n}"), spec), book(t, template("https://127.0.0.1/item/{n}?n={n}"), spec)
	spec.Seed++
	other := book(t, template("https://127.0.0.1/item/{n}?n={n}"), spec)
	const n = 20_000
	differ, ranges := 0, 0
	variants := make(map[string]int)
	for i := n - 1; i >= 0; i-- {
		_ = two.Request(uint64(i)) // in another order
	}
	for i := range uint64(n) {
		a, b := one.Request(i), two.Request(i)
		if string(a.Head) != string(b.Head) || a.Target != b.Target {
			t.Fatalf("request %d is %q and %q", i, a.Head, b.Head)
		}
		if string(a.Head) != string(other.Request(i).Head) {
			differ++
		}
		if field(a, "range") != "" {
			ranges++
		}
		key := a.Target / 6
		if want := fmt.Sprintf("/item/%d?n=%d", key, key); field(a, ":path") != want || a.URL != "https://127.0.0.1"+want {
			t.Fatalf("request %d, of key %d, is for %s", i, key, a.URL)
		}
		if strings.Count(strings.ToLower(string(a.Head)), "accept-language") != 1 || field(a, "x-a") != "1" {
			t.Fatalf("request %d is %q", i, a.Head)
		}
		variants[field(a, "accept-language")+field(a, "x-tenant")]++
	}
	if differ < n/2 {
		t.Errorf("another seed changes %d of %d", differ, n)
	}
	if share := float64(ranges) / n; math.Abs(share-0.2) > 0.02 {
		t.Errorf("%v of the requests are ranges, want 0.2", share)
	}
	if len(variants) != 6 {
		t.Errorf("the variants %v, want 6", variants)
	}
	for v, count := range variants {
		if share := float64(count) / n; math.Abs(share-1.0/6) > 0.02 {
			t.Errorf("%v of the requests are %s, want a sixth", share, v)
		}
	}
}

// TestTurns: targets that are not drawn take turns, in their forms.
func TestTurns(t *testing.T) {
	targets := []vegeta.Target{{Method: "GET", URL: "http://127.0.0.1/a"}, {Method: "GET", URL: "http://127.0.0.1/b"}}
	b := book(t, targets, Spec{Vary: []Vary{{"X", []string{"1", "2"}}}})
	for n := range uint64(10) {
		if got, want := field(b.Request(n), ":path"), []string{"/a", "/b"}[n%2]; got != want {
			t.Errorf("request %d is for %s, want %s", n, got, want)
		}
	}
}

// TestConditional: the share of requests has the ETag that was seen last of the
// same key and variant.
func TestConditional(t *testing.T) {
	b := book(t, template("http://127.0.0.1/{n}"), Spec{Keys: 4, Conditional: 0.5})
	seen := b.Seen()
	count := func() map[string]int {
		tags := make(map[string]int)
		for n := range uint64(1000) {
			r := b.Request(n)
			tags[field(r, "if-none-match")]++
			if tag := field(r, "if-none-match"); tag != "" && !strings.HasPrefix(tag, fmt.Sprintf(`"%d-`, r.Target)) {
				t.Fatalf("request %d, of key %d, has the ETag %s", n, r.Target, tag)
			}
		}
		return tags
	}
	if tags := count(); tags[""] != 1000 {
		t.Errorf("before an ETag was seen: %v", tags)
	}
	for key := range 4 {
		seen(b.Plain(key), fmt.Appendf(nil, `"%d-1"`, key))
	}
	if tags := count(); len(tags) != 5 || tags[""] < 450 || tags[""] > 550 {
		t.Errorf("of four ETags: %v", tags)
	}
	seen(b.Plain(1), []byte(`"1-2"`))
	seen(b.Plain(2), []byte("no\nvalue"))
	seen(b.Plain(3), []byte(strings.Repeat("x", maxTag+1)))
	if tags := count(); tags[`"1-1"`] != 0 || tags[`"1-2"`] == 0 || tags[`"2-1"`] == 0 || tags[`"3-1"`] == 0 {
		t.Errorf("after a change, and what cannot be sent: %v", tags)
	}
	if book(t, template("http://127.0.0.1/{n}"), Spec{Keys: 4}).Seen() != nil {
		t.Error("ETags are looked at though none is sent")
	}
}

// TestRanges: each range is satisfiable whatever the size, of a content that is not
// empty.
func TestRanges(t *testing.T) {
	b := book(t, template("http://127.0.0.1/{n}"), Spec{Keys: 50, Ranges: 1})
	different := make(map[string]bool)
	for n := range uint64(5000) {
		text := field(b.Request(n), "range")
		different[text] = true
		var length int
		if _, err := fmt.Sscanf(text, "bytes=0-%d", &length); err == nil {
			length++
		} else if _, err := fmt.Sscanf(text, "bytes=-%d", &length); err != nil {
			t.Fatalf("the range %q", text)
		}
		if length < 1 || length > longestRange {
			t.Fatalf("the range %q", text)
		}
	}
	if len(different) < 100 {
		t.Errorf("%d ranges of 50 keys", len(different))
	}
}

// TestDrawingDoesNotAllocate, once a request was drawn for the first time.
func TestDrawingDoesNotAllocate(t *testing.T) {
	b := book(t, template("http://127.0.0.1/{n}"), Spec{
		Keys: 10, Popularity: Popularity{zipf, 1.1}, Vary: []Vary{{"X", []string{"1", "2"}}}, Ranges: 0.3, Conditional: 0.3,
	})
	seen, tag := b.Seen(), []byte(`"tag"`)
	use := func() {
		for n := range uint64(10_000) {
			seen(b.Request(n), tag)
		}
	}
	use()
	if n := testing.AllocsPerRun(10, use); n != 0 {
		t.Errorf("%v allocations in 10,000 requests", n)
	}
}

// TestConcurrent: goroutines that draw the same requests first get the same ones.
func TestConcurrent(t *testing.T) {
	b := book(t, template("http://127.0.0.1/{n}"), Spec{Keys: 1000, Ranges: 0.3, Conditional: 0.3})
	seen := b.Seen()
	var wg sync.WaitGroup
	all := make([][]*exchange.Request, 4)
	for g := range all {
		wg.Go(func() {
			for n := range uint64(5000) {
				r := b.Request(n)
				seen(r, []byte(`"tag"`))
				all[g] = append(all[g], b.Plain(r.Target))
			}
		})
	}
	wg.Wait()
	for g := range all {
		for n, r := range all[g] {
			if r != all[0][n] {
				t.Fatalf("request %d was prepared twice", n)
			}
		}
	}
}

// TestRefuses: what is wrong is named, with what is allowed.
func TestRefuses(t *testing.T) {
	two := []vegeta.Target{{Method: "GET", URL: "http://127.0.0.1/a"}, {Method: "GET", URL: "http://127.0.0.2/b"}}
	post := []vegeta.Target{{Method: "POST", URL: "http://127.0.0.1/{n}"}}
	item := template("http://127.0.0.1/{n}")
	values := make([]string, 1000)
	for i := range values {
		values[i] = "x"
	}
	for want, tt := range map[string]struct {
		targets []vegeta.Target
		spec    Spec
	}{
		"whose URL has {n}":                {template("http://127.0.0.1/"), Spec{Keys: 5}},
		"one target whose URL":             {two, Spec{Keys: 5}},
		"how many keys it stands for":      {item, Spec{Ranges: 0.5}},
		"allowed are 1 to 1000000":         {item, Spec{Keys: MaxRequests + 1}},
		"-1 keys":                          {item, Spec{Keys: -1}},
		"up to 1000000 together":           {item, Spec{Keys: 2000, Vary: []Vary{{"X", values}}}},
		"2 keys or targets in 1000000 var": {two, Spec{Vary: []Vary{{"X", values}, {"Y", values}}}},
		"up to 1 together":                 {item, Spec{Keys: 5, Ranges: 0.6, Conditional: 0.6}},
		"shares from 0 to 1":               {item, Spec{Keys: 5, Ranges: math.NaN()}},
		"are of GET":                       {post, Spec{Keys: 5, Conditional: 0.1}},
		"the path and the query alone":     {template("http://{n}.example/{n}"), Spec{Keys: 5}},
		"and the query alone":              {template("http://127.0.0.1/{n}#{n}"), Spec{Keys: 5}},
		"of two origins":                   {two, Spec{Popularity: Popularity{Kind: uniform}}},
		"the field x varies twice":         {item, Spec{Keys: 5, Vary: []Vary{{"X", []string{"1"}}, {"x", []string{"2"}}}}},
		"is no value of the field X":       {item, Spec{Keys: 5, Vary: []Vary{{"X", []string{"a\n"}}}}},
		"a name and a value":               {item, Spec{Keys: 5, Vary: []Vary{{"X Y", []string{"a"}}}}},
		"the connection's":                 {item, Spec{Keys: 5, Vary: []Vary{{"Connection", []string{"a"}}}}},
		"zipf with an exponent":            {item, Spec{Keys: 5, Popularity: Popularity{zipf, 11}}},
		"a popularity is uniform":          {item, Spec{Keys: 5, Popularity: Popularity{"normal", 0}}},
	} {
		if _, err := New(tt.targets, tt.spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want something with %q", err, want)
		}
	}
	for _, text := range []string{"", "zipf", "zipf:", "zipf:x", "zipf:-1", "zipf:NaN", "uniform:1", "normal"} {
		if p, err := ParsePopularity(text); err == nil {
			t.Errorf("the popularity %q is %+v", text, p)
		}
	}
	for _, text := range []string{"", "0.1", "x%", "101%", "-1%", "NaN%", "%"} {
		if v, err := ParseShare(text); err == nil {
			t.Errorf("the share %q is %v", text, v)
		}
	}
	for _, text := range []string{"", "a", ": b", "a b: c", "a: b\x00"} {
		if v, err := ParseVary(text); err == nil {
			t.Errorf("%q is %+v", text, v)
		}
	}
}

func TestWords(t *testing.T) {
	v, err := ParseVary("accept-language: de, en,")
	if err != nil || len(v.Values) != 3 || v.Values[2] != "" {
		t.Fatal(v, err)
	}
	for want, spec := range map[string]Spec{
		"": {},
		"100,000 keys, zipf:1.1, 3 variants, 10% ranges, 50% conditional": {Keys: 100_000, Popularity: Popularity{zipf, 1.1}, Vary: []Vary{v}, Ranges: 0.1, Conditional: 0.5},
		"1 keys, uniform": {Keys: 1},
		"targets uniform": {Popularity: Popularity{Kind: uniform}},
	} {
		if got := spec.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, text := range []string{"uniform", "zipf:1.1"} {
		p, _ := ParsePopularity(text)
		b.Run(text, func(b *testing.B) {
			drawn := book(b, template("http://127.0.0.1/{n}"), Spec{Keys: 10_000, Popularity: p})
			n := uint64(0)
			for range 200_000 {
				_ = drawn.Request(n)
				n++
			}
			for b.Loop() {
				_ = drawn.Request(n)
				n++
			}
		})
	}
}
