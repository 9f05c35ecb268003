package message

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

var modified = time.Date(2024, 5, 17, 10, 30, 15, 400, time.UTC)

func fields(pairs ...string) []hpack.Field {
	var all []hpack.Field
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}

func TestSelect(t *testing.T) {
	const inm, ims = ifNoneMatch, ifSince
	both := New(http.StatusOK, nil, []byte("body"), `"a,b"`, modified)
	weak := New(http.StatusOK, nil, []byte("body"), `W/"x"`, time.Time{})
	dated := New(http.StatusOK, nil, []byte("body"), "", modified)
	bare := New(http.StatusOK, nil, []byte("body"), "", time.Time{})
	missing := New(http.StatusNotFound, nil, []byte("body"), `"a"`, modified)

	for _, c := range []struct {
		name   string
		resp   *Response
		fields []hpack.Field
		want   int
	}{
		{"no condition", both, nil, 200},
		{"the tag", both, fields(inm, `"a,b"`), 304},
		{"another tag", both, fields(inm, `"a"`), 200},
		{"part of the tag", both, fields(inm, `"a,b`), 200},
		{"tag without quotes", both, fields(inm, `a,b`), 200},
		{"weak form of the tag", both, fields(inm, `W/"a,b"`), 304},
		{"lower-case weak mark", both, fields(inm, `w/"a,b"`), 200},
		{"list, first", both, fields(inm, `"a,b", "c"`), 304},
		{"list, last", both, fields(inm, `"c","d" ,	W/"a,b"`), 304},
		{"list with empty elements", both, fields(inm, `, ,"a,b",`), 304},
		{"list without it", both, fields(inm, `"c", "d"`), 200},
		{"after a malformed tag", both, fields(inm, `c, "a,b"`), 200},
		{"two lines", both, fields(inm, `"c"`, inm, `"a,b"`), 304},
		{"anything", both, fields(inm, `*`), 304},
		{"anything, space after it", both, fields(inm, `* `), 304},
		{"anything and more", both, fields(inm, `*, "c"`), 200},
		{"anything, dated only", dated, fields(inm, `*`), 304},
		{"anything, no validator", bare, fields(inm, `*`), 200},
		{"a tag, dated only", dated, fields(inm, `""`), 200},
		{"empty", both, fields(inm, ``), 200},
		{"weak tag, strong form", weak, fields(inm, `"x"`), 304},
		{"weak tag, weak form", weak, fields(inm, `W/"x"`), 304},
		{"the date", both, fields(ims, at(0)), 304},
		{"a second later", both, fields(ims, at(time.Second)), 304},
		{"a second earlier", both, fields(ims, at(-time.Second)), 200},
		{"RFC 850 date", both, fields(ims, modified.Format("Monday, 02-Jan-06 15:04:05 GMT")), 304},
		{"asctime date", both, fields(ims, modified.Format(time.ANSIC)), 304},
		{"no date", both, fields(ims, "yesterday"), 200},
		{"date, but no Last-Modified", weak, fields(ims, at(time.Hour)), 200},
		{"tag wins over date", both, fields(ims, at(0), inm, `"c"`), 200},
		{"tag wins over date, other order", both, fields(inm, `"c"`, ims, at(0)), 200},
		{"tag matches, date does not", both, fields(ims, at(-time.Hour), inm, `"a,b"`), 304},
		{"not a 200", missing, fields(inm, `"a"`), 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Select(&Request{Method: "GET", Fields: c.fields}, c.resp)
			if got.Status != c.want {
				t.Errorf("status %d, want %d", got.Status, c.want)
			}
			if got.Status == http.StatusNotModified && got != c.resp.NotModified {
				t.Error("the 304 is not the stored one")
			}
		})
	}
}

func TestSelectDoesNotAllocate(t *testing.T) {
	resp := New(http.StatusOK, nil, nil, `"tag"`, modified)
	for name, all := range map[string][]hpack.Field{
		"tag":      fields("accept", "*/*", "if-none-match", `"other", W/"tag"`),
		"own date": fields("if-modified-since", modified.Format(http.TimeFormat)),
		"none":     fields("accept", "*/*"),
		"412":      fields(ifMatch, `"other"`),
		"ignored":  fields(rangeField, "bytes=0-1", ifRange, `"other"`),
	} {
		r := &Request{Method: "GET", Fields: all}
		if n := testing.AllocsPerRun(100, func() { Select(r, resp) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzSelect: no list without the tag matches, and no rest of a list hides a
// match before it.
func FuzzSelect(f *testing.F) {
	for _, seed := range []string{`"tag"`, `W/"tag"`, `*`, `"a", "tag"`, `"a" "tag"`, `,,"tag`, "\"\x00\"", ``, `W/`, `"`} {
		f.Add(seed)
	}
	resp := New(http.StatusOK, nil, nil, `"tag"`, time.Time{})
	f.Fuzz(func(t *testing.T, list string) {
		got := Select(&Request{Fields: fields("if-none-match", list)}, resp)
		if got == resp.NotModified && !strings.Contains(list, `"tag"`) && !strings.Contains(list, "*") {
			t.Errorf("%q matched", list)
		}
		if quoted := `"x", "tag", ` + list; Select(&Request{Fields: fields("if-none-match", quoted)}, resp) != resp.NotModified {
			t.Errorf("%q did not match", quoted)
		}
	})
}

func BenchmarkSelect(b *testing.B) {
	resp := New(http.StatusOK, nil, nil, `"tag"`, modified)
	r := &Request{Fields: fields("user-agent", "x", "accept", "*/*", "accept-encoding", "gzip", "if-none-match", `"tag"`)}
	b.ReportAllocs()
	for b.Loop() {
		Select(r, resp)
	}
}
