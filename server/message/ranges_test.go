package message

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestParseRange(t *testing.T) {
	const size, huge = 20, "99999999999999999999"
	for _, c := range []struct {
		why, field string
		verdict    Verdict
		want       []Span
	}{
		{"no field: the whole", "", Whole, nil},
		{"first and last byte", "bytes=0-4", Parts, []Span{{0, 4}}},
		{"one byte", "bytes=7-7", Parts, []Span{{7, 7}}},
		{"an open range ends with the content", "bytes=15-", Parts, []Span{{15, 19}}},
		{"a last byte beyond the end is the last one", "bytes=15-99", Parts, []Span{{15, 19}}},
		{"a suffix", "bytes=-3", Parts, []Span{{17, 19}}},
		{"a suffix longer than the content is all of it", "bytes=-99", Parts, []Span{{0, 19}}},
		{"zeros in front mean nothing", "bytes=0000000000000000000000001-02", Parts, []Span{{1, 2}}},
		{"units are case-insensitive", "Bytes=0-4", Parts, []Span{{0, 4}}},
		{"units are case-insensitive, all capitals", "BYTES=0-4", Parts, []Span{{0, 4}}},
		{"white space around elements is allowed", "bytes=0-0 ,\t2-2", Parts, []Span{{0, 0}, {2, 2}}},
		{"empty elements mean nothing", "bytes=,0-0,,", Parts, []Span{{0, 0}}},
		{"as many as are allowed, in their order", "bytes=-1,0-0,4-4,6-6,2-3", Parts, []Span{{19, 19}, {0, 0}, {4, 4}, {6, 6}, {2, 3}}},
		{"adjacent is not overlapping", "bytes=0-4,5-9", Parts, []Span{{0, 4}, {5, 9}}},
		{"what begins beyond the end is left out", "bytes=50-60,0-1", Parts, []Span{{0, 1}}},
		{"a last position above 64 bits is beyond the end", "bytes=0-" + huge, Parts, []Span{{0, 19}}},
		{"a last position of exactly 2^63", "bytes=3-9223372036854775808", Parts, []Span{{3, 19}}},
		{"a suffix above 64 bits is all", "bytes=-" + huge, Parts, []Span{{0, 19}}},
		{"a first position above 64 bits is beyond the end", "bytes=" + huge + "-", Unsatisfiable, nil},
		{"both above 64 bits, in order", "bytes=" + huge + "-1" + huge, Unsatisfiable, nil},
		{"both above 64 bits, backwards", "bytes=1" + huge + "-" + huge, Whole, nil},
		{"begins behind the last byte", "bytes=20-", Unsatisfiable, nil},
		{"all begin behind the last byte", "bytes=20-,30-40", Unsatisfiable, nil},
		{"one more than is allowed", "bytes=0-0,2-2,4-4,6-6,8-8,10-10", Whole, nil},
		{"one more than is allowed, most beyond the end", "bytes=0-0,20-,21-,22-,23-,24-", Whole, nil},
		{"overlapping", "bytes=0-5,5-9", Whole, nil},
		{"one within the other", "bytes=10-,-1", Whole, nil},
		{"the last 0 bytes", "bytes=-0", Unsatisfiable, nil},
		{"the last 0 bytes, in another form", "bytes=-000", Unsatisfiable, nil},
		{"the last 0 bytes beside a range that there is", "bytes=-0,3-4", Parts, []Span{{3, 4}}},
		{"another unit", "lines=0-4", Whole, nil},
		{"the unit alone", "bytes", Whole, nil},
		{"no unit", "0-4", Whole, nil},
		{"no range", "bytes=", Whole, nil},
		{"only commas", "bytes=,,", Whole, nil},
		{"white space before the equals sign", "bytes =0-4", Whole, nil},
		{"white space within a range", "bytes=0 -4", Whole, nil},
		{"backwards", "bytes=9-3", Whole, nil},
		{"backwards, beyond the end", "bytes=90-30", Whole, nil},
		{"a sign", "bytes=+1-3", Whole, nil},
		{"two dashes", "bytes=--3", Whole, nil},
		{"hexadecimal", "bytes=0x1-3", Whole, nil},
		{"only a dash", "bytes=-", Whole, nil},
		{"letters", "bytes=a-b", Whole, nil},
		{"a malformed one behind a good one", "bytes=0-1,x", Whole, nil},
	} {
		spans, verdict := ParseRange(c.field, size)
		if verdict != c.verdict || !slices.Equal(spans.All(), c.want) {
			t.Errorf("%s: %q: verdict %d, %v, want %d, %v", c.why, c.field, verdict, spans.All(), c.verdict, c.want)
		}
	}
	for _, field := range []string{"bytes=0-", "bytes=-5", "bytes=0-0,5-6"} {
		if _, verdict := ParseRange(field, 0); verdict != Whole {
			t.Errorf("%s of an empty content: verdict %d, want that it is ignored", field, verdict)
		}
	}
	if spans, _ := ParseRange("bytes=9223372036854775806-", 1<<63-1); !slices.Equal(spans.All(), []Span{{1<<63 - 2, 1<<63 - 2}}) {
		t.Errorf("the last byte of the largest content: %v", spans.All())
	}
}

// FuzzParseRange: spans lie within the content and do not overlap, and there
// are some exactly if the verdict says so.
func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-4", "bytes=-1", "bytes=0-0,2-2", "bytes=5-2", "bytes=,", "BYTES=1-1,1-1", "bytes=99-", "bytes=9223372036854775807-9223372036854775808", "x"} {
		f.Add(seed, int64(20))
	}
	f.Add("bytes=9223372036854775806-", int64(1<<63-1))
	f.Fuzz(func(t *testing.T, field string, size int64) {
		spans, verdict := ParseRange(field, size)
		all := spans.All()
		if (len(all) > 0) != (verdict == Parts) || size <= 0 && verdict != Whole {
			t.Errorf("%q of %d: verdict %d, %v", field, size, verdict, all)
		}
		for i, s := range all {
			if s.First < 0 || s.First > s.Last || s.Last >= size {
				t.Errorf("%q of %d: span %v", field, size, s)
			}
			for _, other := range all[:i] {
				if s.First <= other.Last && other.First <= s.Last {
					t.Errorf("%q of %d: %v and %v overlap", field, size, s, other)
				}
			}
		}
	})
}

// named returns the values of a field, joined.
func named(r *Response, name string) string {
	var values []string
	for _, f := range r.Fields {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return strings.Join(values, "|")
}

// wired is all that goes on the wire as content, as it does: Body, then More.
func wired(r *Response) []byte { return append(bytes.Clone(r.Body), bytes.Join(r.More, nil)...) }

// checkHead checks that both encodings say what Fields say.
func checkHead(t *testing.T, r *Response) {
	t.Helper()
	fresh := encode(r.Status, r.Fields, nil)
	if !bytes.Equal(fresh.Block, r.Block) || !bytes.Equal(fresh.Head, r.Head) {
		t.Errorf("%d: the encodings are not those of its fields", r.Status)
	}
	if got := named(r, "content-length"); got != fmt.Sprint(r.Length()) {
		t.Errorf("%d: content-length %s, and %d bytes", r.Status, got, r.Length())
	}
}

func TestPartial(t *testing.T) {
	whole := New(http.StatusOK, fields("content-type", "text/plain", "cache-control", "max-age=9", "x", "y"), []byte("0123456789abcdefghij"), `"tag"`, modified)
	whole.StrongDate = true
	share := func(b []byte, first int) bool { return &b[0] == &whole.Body[first] && cap(b) == len(b) }

	one := Partial(whole, Span{5, 9})
	checkHead(t, one)
	if one.Status != 206 || string(one.Body) != "56789" || one.More != nil || !share(one.Body, 5) {
		t.Errorf("one span: %d, %q, %q: want the stored bytes themselves", one.Status, one.Body, one.More)
	}
	if one.ETag != `"tag"` || !one.LastModified.Equal(modified) || !one.StrongDate || one.NotModified != nil {
		t.Errorf("one span: validators %s, %v, 304 %v", one.ETag, one.LastModified, one.NotModified)
	}
	for name, want := range map[string]string{
		"content-range": "bytes 5-9/20", "content-length": "5", "content-type": "text/plain", "server": "hotpath",
		"etag": `"tag"`, "last-modified": modified.Format(http.TimeFormat), "cache-control": "max-age=9", "x": "y",
	} {
		if got := named(one, name); got != want {
			t.Errorf("one span: %s: %q, want %q", name, got, want)
		}
	}

	several := Partial(whole, Span{18, 19}, Span{0, 0}, Span{4, 6})
	checkHead(t, several)
	if named(several, "content-range") != "" || len(several.More) != 6 || !share(several.More[0], 18) || !share(several.More[2], 0) || !share(several.More[4], 4) {
		t.Errorf("several spans: fields %v, %d more segments", several.Fields, len(several.More))
	}
	kind, params, err := mime.ParseMediaType(named(several, "content-type"))
	if kind != "multipart/byteranges" || err != nil {
		t.Fatalf("several spans: content-type %q: %v", named(several, "content-type"), err)
	}
	reader := multipart.NewReader(bytes.NewReader(wired(several)), params["boundary"])
	for _, want := range []struct{ body, contentRange string }{{"ij", "bytes 18-19/20"}, {"0", "bytes 0-0/20"}, {"456", "bytes 4-6/20"}} {
		part, err := reader.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if err != nil || string(body) != want.body || part.Header.Get("Content-Range") != want.contentRange || part.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("part %q, %v, %v, want %+v", body, part.Header, err, want)
		}
	}
	if _, err := reader.NextPart(); err != io.EOF {
		t.Errorf("behind the last part: %v", err)
	}
	if again := Partial(whole, Span{18, 19}, Span{0, 0}); named(again, "content-type") == named(several, "content-type") {
		t.Error("the boundary is the same twice: it could be put into a content")
	}

	cross := New(http.StatusOK, fields("content-type", "text/plain", "access-control-allow-origin", "*", "cache-control", "max-age=9", "expires", "x", "set-cookie", "a=b"), []byte("0123"), `"tag"`, modified)
	none := Partial(cross)
	checkHead(t, none)
	if none.Status != 416 || named(none, "content-range") != "bytes */4" || named(none, "access-control-allow-origin") != "*" || !strings.Contains(string(none.Body), "4 bytes") {
		t.Errorf("no span: %d, %v, %q", none.Status, none.Fields, none.Body)
	}
	for _, name := range []string{"cache-control", "expires", "etag", "last-modified", "set-cookie"} {
		if got := named(none, name); got != "" {
			t.Errorf("416 with %s: %s", name, got)
		}
	}
}

func TestParseRangeDoesNotAllocate(t *testing.T) {
	for _, field := range []string{"bytes=0-4", "bytes=0-0,2-2,4-4,6-6,-1", "bytes=20-", "lines=0-"} {
		if n := testing.AllocsPerRun(100, func() {
			spans, _ := ParseRange(field, 20)
			if len(spans.All()) > MaxSpans {
				t.Fail()
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", field, n)
		}
	}
}

func BenchmarkSelectRange(b *testing.B) {
	resp := New(http.StatusOK, fields("content-type", "video/mp4"), make([]byte, 1<<20), `"tag"`, modified)
	for _, field := range []string{"bytes=0-65535", "bytes=0-0,100-199"} {
		b.Run(field, func(b *testing.B) {
			r := &Request{Method: "GET", Fields: []hpack.Field{{Name: "range", Value: field}}}
			b.ReportAllocs()
			for b.Loop() {
				Select(r, resp)
			}
		})
	}
}
