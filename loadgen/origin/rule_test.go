package origin

import (
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestParse: each setting arrives.
func TestParse(t *testing.T) {
	rules, err := Parse("rules", `
# a comment
/item/* latency=normal:20ms:5ms size=uniform:1k:2M drip=10k errors=503:5%,500:0.5% break=short:1%,silent:2% hold=1m etag=weak changes=1m
/a "vary" `+"\n"+`* status=201`)
	if err == nil || err.Error() != `rules: line 4: "\"vary\"" is no setting: they are written key=value, with quotes around a value that has spaces` {
		t.Fatalf("a word without = is %v", err)
	}
	if len(rules) != 2 {
		t.Fatalf("%d rules beside the mistake, want 2", len(rules))
	}
	r := rules[0]
	if want := (distribution{normal, 0.02, 0.005, 60}); r.latency != want {
		t.Errorf("latency %+v, want %+v", r.latency, want)
	}
	if want := (distribution{uniform, 1 << 10, 2 << 20, maxSize}); r.size != want {
		t.Errorf("size %+v, want %+v", r.size, want)
	}
	if !slices.Equal(r.errors, []chance[int]{{503, 0.05}, {500, 0.005}}) || !slices.Equal(r.breaks, []chance[breakage]{{short, 0.01}, {silent, 0.02}}) {
		t.Errorf("errors %v, broken off %v", r.errors, r.breaks)
	}
	if r.drip != 10<<10 || r.hold != time.Minute || r.etag != etagWeak || r.changes != time.Minute || r.status != 200 {
		t.Errorf("%+v", r)
	}
	if rules[1].status != 201 {
		t.Errorf("status %d", rules[1].status)
	}
	r, err = parseRule(`/b vary="accept-language, X-Tenant" cache-control="max-age=60, private=\"set-cookie\"" age=30 type=image/png header="Surrogate-Key: a b" header="surrogate-key: c"`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"Vary": {"accept-language, X-Tenant"}, "Cache-Control": {`max-age=60, private="set-cookie"`}, "Age": {"30"},
		"Content-Type": {"image/png"}, "Surrogate-Key": {"a b", "c"},
	} {
		if !slices.Equal(r.fields[name], want) {
			t.Errorf("%s is %q, want %q", name, r.fields[name], want)
		}
	}
	if want := []string{"Accept-Language", "X-Tenant"}; !slices.Equal(r.vary, want) {
		t.Errorf("contents vary by %q, want %q", r.vary, want)
	}
}

// TestParseRefuses: a mistake is named in one line, with what is allowed.
func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"item":                         `"item" is no path`,
		"size=5":                       `"size=5" is no path`,
		"/a*b":                         "at the end alone",
		"/ sise=5":                     "(did you mean size?)",
		"/ size=5 size=6":              "size is set twice",
		"/ size=2G":                    "allowed are 0 to 1024M",
		"/ size=-1":                    "is no size",
		"/ size=1025M":                 "is no size",
		"/ size=uniform:5:1":           "it ends before it begins",
		"/ latency=5":                  "a duration such as 20ms",
		"/ latency=2m":                 "more than is allowed",
		"/ latency=uniform:1ms:2m":     "more than is allowed",
		"/ latency=normal:1ms":         "it is written normal:MEAN:DEVIATION",
		"/ latency=fixed:1ms:2ms":      "it is written fixed:VALUE",
		"/ latency=gauss:1ms:2ms":      `"gauss" is no distribution`,
		"/ latency=pareto:1ms:0":       "allowed are 0.1 to 100",
		"/ latency=pareto:1ms:NaN":     "is no shape",
		"/ drip=0":                     "never end",
		"/ status=99":                  "allowed are 200 to 599",
		"/ status=+20":                 "allowed are 200 to 599",
		"/ errors=200:5%":              "no error",
		"/ errors=503:5":               "WHAT:SHARE",
		"/ errors=503":                 "WHAT:SHARE",
		"/ errors=503:101%":            "WHAT:SHARE",
		"/ errors=503:60%,500:60%":     "more than 100% together",
		"/ break=none:5%":              "allowed are short, reset, endless, silent",
		"/ hold=0s":                    "1ms to 10m0s",
		"/ hold=11m":                   "1ms to 10m0s",
		"/ changes=never":              "a duration from 1ms",
		"/ etag=maybe":                 "strong, weak and off",
		`/ vary="a b"`:                 "no name of a field",
		`/ vary="a`:                    "a quote without an end",
		"/ age=-5":                     "a number of seconds",
		"/ age=007":                    "a number of seconds",
		`/ header=X`:                   `it is written "Name: value"`,
		`/ header="Content-Length: 5"`: "break makes answers that are not whole",
		`/ header="ETag: 5"`:           "a setting of its own",
		"/ type=\"a\x01b\"":            "no header field",
	} {
		_, err := Parse("rules", line)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "rules: line 1: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want a line with %q", line, err, want)
		}
	}
	if _, err := Parse("rules", "a\n/\nb"); strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes are %q", err)
	}
	if _, err := Parse("rules", strings.Repeat("/\n", maxRules+1)); err == nil || !strings.Contains(err.Error(), "more than 1000 rules") {
		t.Errorf("too many rules: %v", err)
	}
	if _, err := Parse("rules", strings.Repeat("#", maxText+1)); err == nil {
		t.Error("a text without an end passes")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`/item/* latency=pareto:10ms:1.5 errors=503:5% header="a: b"`)
	f.Add("* size=1k\n# x\n/b break=short:1%")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := Parse("rules", text)
		if err != nil {
			return
		}
		source := rand.New(rand.NewPCG(1, 2))
		for _, r := range rules {
			if size := r.size.draw(source); !(size >= 0 && size <= maxSize) {
				t.Errorf("%q: a size of %v", text, size)
			}
			if d := r.latency.duration(source); d < 0 || d > maxLatency {
				t.Errorf("%q: a latency of %v", text, d)
			}
		}
	})
}

// TestDistributions: means and medians are those of theory, and nothing is beyond
// the bound.
func TestDistributions(t *testing.T) {
	const n = 200_000
	for _, tt := range []struct {
		text         string
		mean, median float64 // ms
	}{
		{"20ms", 20, 20},
		{"fixed:20ms", 20, 20},
		{"uniform:10ms:50ms", 30, 30},
		{"normal:20ms:5ms", 20, 20},
		{"exponential:20ms", 20, 20 * math.Ln2},
		{"pareto:10ms:3", 15, 10 * math.Cbrt(2)},
	} {
		d, err := parseDistribution(tt.text, parseSeconds, maxLatency.Seconds())
		if err != nil {
			t.Fatal(err)
		}
		source := rand.New(rand.NewPCG(7, 7))
		all := make([]float64, n)
		sum := 0.0
		for i := range all {
			all[i] = d.duration(source).Seconds() * 1000
			sum += all[i]
		}
		slices.Sort(all)
		if mean := sum / n; math.Abs(mean-tt.mean) > 0.02*tt.mean {
			t.Errorf("%s: a mean of %vms, want %vms", tt.text, mean, tt.mean)
		}
		if median := all[n/2]; math.Abs(median-tt.median) > 0.02*tt.median {
			t.Errorf("%s: a median of %vms, want %vms", tt.text, median, tt.median)
		}
	}
	d, err := parseDistribution("pareto:50s:0.1", parseSeconds, maxLatency.Seconds())
	if err != nil {
		t.Fatal(err)
	}
	source := rand.New(rand.NewPCG(7, 7))
	for range 1000 {
		if got := d.duration(source); got < 50*time.Second || got > maxLatency {
			t.Fatalf("%v, want 50s to %v", got, maxLatency)
		}
	}
}

// TestFate: what the n-th request of a rule meets depends on seed, rule and n
// alone, and has the shares that were asked for.
func TestFate(t *testing.T) {
	r, err := parseRule("* latency=exponential:10ms errors=503:5%,500:10% break=short:20%")
	if err != nil {
		t.Fatal(err)
	}
	const n = 100_000
	counts := make(map[int]int)
	shorts, changed := 0, 0
	for i := range uint64(n) {
		f := r.fate(1, 0, i)
		if again := r.fate(1, 0, i); again != f {
			t.Fatalf("request %d meets %+v and %+v", i, f, again)
		}
		if r.fate(2, 0, i) != f {
			changed++
		}
		counts[f.status]++
		if f.broken {
			shorts++
		}
		if f.broken && f.status != 0 {
			t.Fatal("an error is broken off, too")
		}
	}
	for status, want := range map[int]float64{503: 0.05, 500: 0.1, 0: 0.85} {
		if got := float64(counts[status]) / n; math.Abs(got-want) > 0.005 {
			t.Errorf("status %d has a share of %v, want %v", status, got, want)
		}
	}
	if got := float64(shorts) / n; math.Abs(got-0.17) > 0.005 { // a fifth of those without an error
		t.Errorf("a share of %v is broken off, want 0.17", got)
	}
	if changed < n*9/10 {
		t.Errorf("another seed changes %d of %d", changed, n)
	}
}

// TestMatch: the first rule that matches answers, and there is always one.
func TestMatch(t *testing.T) {
	rules, err := Parse("rules", "/a\n/a/*\n/b*\n/a/c")
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHandler(rules, 0)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/a": 0, "/a/": 1, "/a/c": 1, "/b": 2, "/bc": 2, "/c": 4, "*": 4, "": 4} {
		if got := h.rules.match(path); got != want {
			t.Errorf("%q is answered by rule %d, want %d", path, got, want)
		}
	}
}

// TestResource: the same resource has the same bytes, in whatever pieces they are
// read; another path, variant, version or seed has others.
func TestResource(t *testing.T) {
	r, err := parseRule("* size=uniform:100:200k vary=accept-language changes=10s")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1000, 0)
	request := func(url, language string) *http.Request {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Language", language)
		req.Header.Set("User-Agent", url+language) // not among those that matter
		return req
	}
	first := r.resource(1, request("http://a/x", "de"), at)
	if same := r.resource(1, request("http://b/x", "de"), at.Add(9*time.Second)); same != first {
		t.Errorf("%+v and %+v", first, same)
	}
	for name, other := range map[string]resource{
		"path":    r.resource(1, request("http://a/y", "de"), at),
		"query":   r.resource(1, request("http://a/x?q", "de"), at),
		"variant": r.resource(1, request("http://a/x", "en"), at),
		"version": r.resource(1, request("http://a/x", "de"), at.Add(10*time.Second)),
		"seed":    r.resource(2, request("http://a/x", "de"), at),
	} {
		if other.id == first.id || other.tag(etagStrong) == first.tag(etagStrong) {
			t.Errorf("another %s is the same resource", name)
		}
	}
	if other := r.resource(1, request("http://a/x", "en"), at); other.size != first.size {
		t.Error("the size depends on the variant")
	}
}
