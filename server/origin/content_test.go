package origin

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

var (
	digits   = []byte("0123456789abcdefghij")
	modified = time.Date(2024, 5, 17, 10, 30, 15, 0, time.UTC)
)

func serve(t *testing.T, method string, body []byte, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	before := r.Header.Clone()
	w := httptest.NewRecorder()
	head := message.New(http.StatusOK, []hpack.Field{{Name: "content-type", Value: "text/plain"}}, body, `"tag"`, modified)
	head.StrongDate = true
	ServeContent(w, r, head, bytes.NewReader(body))
	if len(r.Header) != len(before) {
		t.Errorf("the request's header was changed to %v", r.Header)
	}
	return w.Result()
}

func TestServeContentRanges(t *testing.T) {
	const all = "0123456789abcdefghij"
	for _, c := range []struct {
		name, field  string
		status       int
		body         string   // of a 200 or a single part
		parts        []string // of several
		contentRange string
	}{
		{name: "none", status: 200, body: all},
		{name: "first bytes", field: "bytes=0-4", status: 206, body: "01234", contentRange: "bytes 0-4/20"},
		{name: "one byte", field: "bytes=7-7", status: 206, body: "7", contentRange: "bytes 7-7/20"},
		{name: "to the end", field: "bytes=15-", status: 206, body: "fghij", contentRange: "bytes 15-19/20"},
		{name: "beyond the end", field: "bytes=15-99", status: 206, body: "fghij", contentRange: "bytes 15-19/20"},
		{name: "suffix", field: "bytes=-3", status: 206, body: "hij", contentRange: "bytes 17-19/20"},
		{name: "suffix longer than all", field: "bytes=-99", status: 206, body: all, contentRange: "bytes 0-19/20"},
		{name: "space after the comma", field: "bytes=0-0, 2-2", status: 206, parts: []string{"0", "2"}},
		{name: "five", field: "bytes=0-0,2-2,4-4,6-6,8-8", status: 206, parts: []string{"0", "2", "4", "6", "8"}},
		{name: "not in order", field: "bytes=-1,0-0", status: 206, parts: []string{"j", "0"}},
		{name: "adjacent", field: "bytes=0-4,5-9", status: 206, parts: []string{"01234", "56789"}},
		{name: "one of two satisfiable", field: "bytes=0-1,50-60", status: 206, body: "01", contentRange: "bytes 0-1/20"},
		{name: "six", field: "bytes=0-0,2-2,4-4,6-6,8-8,10-10", status: 200, body: all},
		{name: "six, most unsatisfiable", field: "bytes=0-0,20-,21-,22-,23-,24-", status: 200, body: all},
		{name: "overlapping", field: "bytes=0-5,5-9", status: 200, body: all},
		{name: "overlapping by suffix", field: "bytes=10-,-1", status: 200, body: all},
		{name: "the same twice", field: "bytes=3-3,3-3", status: 200, body: all},
		{name: "last 0 bytes", field: "bytes=-0", status: 416, contentRange: "bytes */20"},
		{name: "unsatisfiable", field: "bytes=20-", status: 416, contentRange: "bytes */20"},
		{name: "two unsatisfiable", field: "bytes=20-,30-40", status: 416, contentRange: "bytes */20"},
		{name: "another unit", field: "lines=0-4", status: 200, body: all},
		{name: "no unit", field: "0-4", status: 200, body: all},
		{name: "no range", field: "bytes=", status: 200, body: all},
		{name: "only commas", field: "bytes=,,", status: 200, body: all},
		{name: "backwards", field: "bytes=9-3", status: 200, body: all},
		{name: "negative", field: "bytes=--3", status: 200, body: all},
		{name: "sign", field: "bytes=+1-3", status: 200, body: all},
		{name: "hexadecimal", field: "bytes=0x1-3", status: 200, body: all},
		{name: "to above 64 bits", field: "bytes=15-99999999999999999999", status: 206, body: "fghij", contentRange: "bytes 15-19/20"},
		{name: "from above 64 bits", field: "bytes=99999999999999999999-", status: 416, contentRange: "bytes */20"},
		{name: "unit in capitals", field: "Bytes=0-4", status: 206, body: "01234", contentRange: "bytes 0-4/20"},
		{name: "nothing but a dash", field: "bytes=-", status: 200, body: all},
		{name: "letters", field: "bytes=a-b", status: 200, body: all},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := []string{}
			if c.field != "" {
				header = []string{"Range", c.field}
			}
			resp := serve(t, http.MethodGet, digits, header...)
			if resp.StatusCode != c.status {
				t.Fatalf("status %d, want %d", resp.StatusCode, c.status)
			}
			if got := resp.Header.Get("Content-Range"); got != c.contentRange {
				t.Errorf("Content-Range %q, want %q", got, c.contentRange)
			}
			body, _ := io.ReadAll(resp.Body)
			if c.status == 416 {
				return
			}
			if want := strconv.Itoa(len(body)); resp.Header.Get("Content-Length") != want {
				t.Errorf("Content-Length %q, want %s", resp.Header.Get("Content-Length"), want)
			}
			if c.parts == nil {
				if string(body) != c.body {
					t.Errorf("body %q, want %q", body, c.body)
				}
				return
			}
			if got := parts(t, resp, body); strings.Join(got, "|") != strings.Join(c.parts, "|") {
				t.Errorf("parts %q, want %q", got, c.parts)
			}
		})
	}
}

// parts reads a multipart/byteranges body.
func parts(t *testing.T, resp *http.Response, body []byte) (all []string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		t.Fatalf("Content-Type %q: %v", resp.Header.Get("Content-Type"), err)
	}
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if part.Header.Get("Content-Type") != "text/plain" || !strings.HasPrefix(part.Header.Get("Content-Range"), "bytes ") {
			t.Errorf("part with %v", part.Header)
		}
		all = append(all, string(content))
	}
}

func TestServeContentConditions(t *testing.T) {
	date := modified.Format(http.TimeFormat)
	earlier := modified.Add(-time.Hour).Format(http.TimeFormat)
	for _, c := range []struct {
		name   string
		method string
		header []string
		status int
	}{
		{"HEAD", "HEAD", nil, 200},
		{"HEAD ignores Range", "HEAD", []string{"Range", "bytes=0-4"}, 200},
		{"HEAD, unsatisfiable Range", "HEAD", []string{"Range", "bytes=99-"}, 200},
		{"two Range lines", "GET", []string{"Range", "bytes=0-4", "Range", "bytes=5-6"}, 200},
		{"If-Range, the tag", "GET", []string{"Range", "bytes=0-4", "If-Range", `"tag"`}, 206},
		{"If-Range, another tag", "GET", []string{"Range", "bytes=0-4", "If-Range", `"old"`}, 200},
		{"If-Range, weak tag", "GET", []string{"Range", "bytes=0-4", "If-Range", `W/"tag"`}, 200},
		{"If-Range, the date", "GET", []string{"Range", "bytes=0-4", "If-Range", date}, 206},
		{"If-Range, another date", "GET", []string{"Range", "bytes=0-4", "If-Range", earlier}, 200},
		{"If-Match, the tag", "GET", []string{"If-Match", `"tag"`}, 200},
		{"If-Match, anything", "GET", []string{"If-Match", `*`}, 200},
		{"If-Match, another tag", "GET", []string{"If-Match", `"old"`}, 412},
		{"If-Unmodified-Since, the date", "GET", []string{"If-Unmodified-Since", date}, 200},
		{"If-Unmodified-Since, earlier", "GET", []string{"If-Unmodified-Since", earlier}, 412},
		{"If-None-Match", "GET", []string{"If-None-Match", `"tag"`}, 304},
		{"If-Modified-Since", "GET", []string{"If-Modified-Since", date}, 304},
		{"304 before 206", "GET", []string{"Range", "bytes=0-4", "If-None-Match", `"tag"`}, 304},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := serve(t, c.method, digits, c.header...)
			if resp.StatusCode != c.status {
				t.Fatalf("status %d, want %d", resp.StatusCode, c.status)
			}
			body, _ := io.ReadAll(resp.Body)
			if (c.method == "HEAD" || c.status == 304 || c.status == 412) && len(body) != 0 {
				t.Errorf("a body of %d bytes", len(body))
			}
			if c.status == 200 && resp.Header.Get("Content-Length") != "20" {
				t.Errorf("Content-Length %q", resp.Header.Get("Content-Length"))
			}
			if got := resp.Header["Etag"]; c.status != 412 && (len(got) != 1 || got[0] != `"tag"`) {
				t.Errorf("ETag %q", got)
			}
		})
	}
}

func TestServeContentEmpty(t *testing.T) {
	for _, field := range []string{"bytes=0-", "bytes=-5", "bytes=0-0,5-6"} {
		if resp := serve(t, http.MethodGet, nil, "Range", field); resp.StatusCode != 200 {
			t.Errorf("%s of nothing: status %d", field, resp.StatusCode)
		}
	}
}

// FuzzRange: whatever is asked for, the answer is the whole, parts of it that
// do not overlap, or 416, and never much more than the content.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-4", "bytes=-1", "bytes=0-0,2-2", "bytes=5-2", "bytes=,", "bytes=1-1,1-1", "bytes=99-", "x"} {
		f.Add(seed, 20)
	}
	f.Fuzz(func(t *testing.T, field string, size int) {
		if size < 0 || size > 4096 {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Range", field)
		w := httptest.NewRecorder()
		body := make([]byte, size)
		head := message.New(http.StatusOK, nil, body, `"tag"`, modified)
		ServeContent(w, r, head, bytes.NewReader(body))
		_, verdict := message.ParseRange(field, int64(size))
		usable := verdict != message.Whole
		const partHead = 256 // boundary and fields of a part, at most
		sent := w.Body.Len()
		switch w.Code {
		case 200:
			if sent != size {
				t.Errorf("%q of %d: 200 with %d bytes", field, size, sent)
			}
		case 206:
			if !usable || sent > size+(message.MaxSpans+1)*partHead {
				t.Errorf("%q of %d: 206 with %d bytes", field, size, sent)
			}
			if w.Header().Get("Content-Length") != strconv.Itoa(sent) {
				t.Errorf("%q of %d: Content-Length %s, sent %d", field, size, w.Header().Get("Content-Length"), sent)
			}
		case 416:
			if !usable {
				t.Errorf("%q of %d: 416 for a Range to be ignored", field, size)
			}
		default:
			t.Errorf("%q of %d: status %d", field, size, w.Code)
		}
	})
}
