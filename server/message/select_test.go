package message

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

const (
	ifMatch, ifNoneMatch   = "if-match", "if-none-match"
	ifUnmodified, ifSince  = "if-unmodified-since", "if-modified-since"
	rangeField, ifRange    = "range", "if-range"
	someRange, beyondRange = "bytes=0-1", "bytes=9-"
)

func at(d time.Duration) string { return modified.Add(d).Format(http.TimeFormat) }

// TestSelectPreconditions: the steps of RFC 9110 §13.2.2, and what each looks
// at.
func TestSelectPreconditions(t *testing.T) {
	body := []byte("body")
	both := New(http.StatusOK, nil, body, `"a"`, modified)
	both.StrongDate = true
	weak := New(http.StatusOK, nil, body, `W/"a"`, modified)
	bare := New(http.StatusOK, nil, body, "", time.Time{})
	gone := New(http.StatusNotFound, nil, body, `"a"`, modified)
	moved := New(http.StatusMovedPermanently, nil, nil, "", time.Time{})
	empty := New(http.StatusOK, nil, nil, `"a"`, modified)
	for _, c := range []struct {
		why    string
		method string
		resp   *Response
		fields []hpack.Field
		want   int
	}{
		{"If-Match has the tag", "GET", both, fields(ifMatch, `"a"`), 200},
		{"If-Match has it in a list", "GET", both, fields(ifMatch, `"b", "a"`), 200},
		{"If-Match has it in its second line", "GET", both, fields(ifMatch, `"b"`, ifMatch, `"a"`), 200},
		{"If-Match is anything", "GET", both, fields(ifMatch, `*`), 200},
		{"If-Match is anything, and there is no tag", "GET", bare, fields(ifMatch, `*`), 200},
		{"If-Match has another tag", "GET", both, fields(ifMatch, `"b"`), 412},
		{"If-Match compares strongly: its tag is weak", "GET", both, fields(ifMatch, `W/"a"`), 412},
		{"If-Match compares strongly: our tag is weak", "GET", weak, fields(ifMatch, `"a"`), 412},
		{"If-Match compares strongly: both are weak", "GET", weak, fields(ifMatch, `W/"a"`), 412},
		{"If-Match, and there is no tag", "GET", bare, fields(ifMatch, `"a"`), 412},
		{"If-Match is malformed", "GET", both, fields(ifMatch, `a`), 412},
		{"If-Match of HEAD", "HEAD", both, fields(ifMatch, `"b"`), 412},
		{"not modified since", "GET", both, fields(ifUnmodified, at(0)), 200},
		{"modified since", "GET", both, fields(ifUnmodified, at(-time.Second)), 412},
		{"If-Unmodified-Since is not a date: ignored", "GET", both, fields(ifUnmodified, "yesterday"), 200},
		{"If-Unmodified-Since twice: no date", "GET", both, fields(ifUnmodified, at(-time.Hour), ifUnmodified, at(-time.Hour)), 200},
		{"If-Unmodified-Since, and there is no date: ignored", "GET", bare, fields(ifUnmodified, at(-time.Hour)), 200},
		{"If-Match is true: the date is ignored", "GET", both, fields(ifUnmodified, at(-time.Hour), ifMatch, `"a"`), 200},
		{"If-Match is false: the date is ignored", "GET", both, fields(ifUnmodified, at(0), ifMatch, `"b"`), 412},
		{"step 1 before step 3", "GET", both, fields(ifNoneMatch, `"a"`, ifMatch, `"b"`), 412},
		{"step 3 after step 1", "GET", both, fields(ifNoneMatch, `"a"`, ifMatch, `"a"`), 304},
		{"step 2 before step 4", "GET", both, fields(ifSince, at(0), ifUnmodified, at(-time.Hour)), 412},
		{"If-Modified-Since twice: no date", "GET", both, fields(ifSince, at(0), ifSince, at(0)), 200},
		{"an error is not conditional: 412", "GET", gone, fields(ifMatch, `"b"`), 404},
		{"an error is not conditional: 304", "GET", gone, fields(ifNoneMatch, `"a"`), 404},
		{"an error has no parts", "GET", gone, fields(rangeField, someRange), 404},
		{"a redirect is not conditional", "GET", moved, fields(ifMatch, `"b"`), 301},

		{"a part", "GET", both, fields(rangeField, someRange), 206},
		{"a part of HEAD: Range is GET's alone", "HEAD", both, fields(rangeField, someRange), 200},
		{"beyond the end", "GET", both, fields(rangeField, beyondRange), 416},
		{"beyond the end of HEAD", "HEAD", both, fields(rangeField, beyondRange), 200},
		{"Range twice: malformed", "GET", both, fields(rangeField, someRange, rangeField, someRange), 200},
		{"a part of nothing", "GET", empty, fields(rangeField, "bytes=0-"), 200},
		{"step 1 before Range", "GET", both, fields(rangeField, someRange, ifMatch, `"b"`), 412},
		{"step 3 before Range", "GET", both, fields(rangeField, someRange, ifNoneMatch, `"a"`), 304},
		{"step 4 before Range", "GET", both, fields(rangeField, beyondRange, ifSince, at(0)), 304},
		{"If-Match is true, then Range", "GET", both, fields(rangeField, someRange, ifMatch, `"a"`), 206},

		{"If-Range has the tag", "GET", both, fields(ifRange, `"a"`, rangeField, someRange), 206},
		{"If-Range has another tag", "GET", both, fields(ifRange, `"b"`, rangeField, someRange), 200},
		{"If-Range has another tag: no 416 either", "GET", both, fields(ifRange, `"b"`, rangeField, beyondRange), 200},
		{"If-Range has a weak tag", "GET", both, fields(ifRange, `W/"a"`, rangeField, someRange), 200},
		{"If-Range has our weak tag", "GET", weak, fields(ifRange, `W/"a"`, rangeField, someRange), 200},
		{"If-Range takes one tag, not a list", "GET", both, fields(ifRange, `"a", "b"`, rangeField, someRange), 200},
		{"If-Range twice", "GET", both, fields(ifRange, `"a"`, ifRange, `"a"`, rangeField, someRange), 200},
		{"If-Range is empty", "GET", both, fields(ifRange, ``, rangeField, someRange), 200},
		{"If-Range has the date", "GET", both, fields(ifRange, at(0), rangeField, someRange), 206},
		{"If-Range has the date in another format", "GET", both, fields(ifRange, modified.Format(time.ANSIC), rangeField, someRange), 206},
		{"If-Range has a later date: must be exact", "GET", both, fields(ifRange, at(time.Second), rangeField, someRange), 200},
		{"If-Range has an earlier date", "GET", both, fields(ifRange, at(-time.Second), rangeField, someRange), 200},
		{"If-Range has the date, which is weak", "GET", weak, fields(ifRange, at(0), rangeField, someRange), 200},
		{"If-Range without Range is ignored", "GET", both, fields(ifRange, `"b"`), 200},
	} {
		r := &Request{Method: c.method, Fields: c.fields}
		got := Select(r, c.resp)
		if got.Status != c.want {
			t.Errorf("%s: %s: status %d, want %d", c.why, c.method, got.Status, c.want)
		}
		switch {
		case got.Status == c.resp.Status && got != c.resp:
			t.Errorf("%s: not the stored response itself", c.why)
		case got.Status == 206 && string(got.Body) != "bo":
			t.Errorf("%s: body %q", c.why, got.Body)
		case got != c.resp && !Conditional(r):
			t.Errorf("%s: the answer depends on the request, which counts as unconditional", c.why)
		}
	}
	if Conditional(&Request{Fields: fields("accept", "*/*", ifRange, `"a"`)}) {
		t.Error("If-Range alone makes a request conditional")
	}
}

// TestSelectLikeNetHTTP: every pair of these conditions, and each with a Range
// behind it, is answered as http.ServeContent answers it.
func TestSelectLikeNetHTTP(t *testing.T) {
	content := []byte("0123456789abcdefghij")
	resp := New(http.StatusOK, fields("content-type", "text/plain"), content, `"a"`, modified)
	resp.StrongDate = true
	conditions := [][]hpack.Field{
		nil,
		fields(ifMatch, `"a"`), fields(ifMatch, `"b"`), fields(ifMatch, `*`), fields(ifMatch, `W/"a"`), fields(ifMatch, `"b", "a"`),
		fields(ifNoneMatch, `"a"`), fields(ifNoneMatch, `"b"`), fields(ifNoneMatch, `*`), fields(ifNoneMatch, `W/"a"`), fields(ifNoneMatch, `"b", "a"`),
		fields(ifUnmodified, at(0)), fields(ifUnmodified, at(-time.Hour)), fields(ifUnmodified, at(time.Hour)), fields(ifUnmodified, "x"),
		fields(ifSince, at(0)), fields(ifSince, at(-time.Hour)), fields(ifSince, at(time.Hour)), fields(ifSince, "x"),
		fields(ifRange, `"a"`), fields(ifRange, `"b"`), fields(ifRange, `W/"a"`), fields(ifRange, at(0)), fields(ifRange, at(time.Hour)),
	}
	ranges := []string{"", "bytes=0-4", "bytes=7-7", "bytes=15-", "bytes=-3", "bytes=-99", "bytes=0-99", "bytes=0-0,2-2", "bytes=-1,0-3", "bytes=0-1,50-60", "bytes=20-", "bytes=20-,30-40"}
	for _, method := range []string{"GET", "HEAD"} {
		for _, first := range conditions {
			for _, second := range conditions {
				if len(first) > 0 && len(second) > 0 && first[0].Name == second[0].Name {
					continue
				}
				for _, field := range ranges {
					if method == "HEAD" && field != "" {
						continue // net/http answers HEAD with 206, against RFC 9110 §14.2
					}
					all := append(append([]hpack.Field(nil), first...), second...)
					if field != "" {
						all = append(all, hpack.Field{Name: rangeField, Value: field})
					}
					compare(t, resp, content, method, all)
				}
			}
		}
	}
}

func compare(t *testing.T, resp *Response, content []byte, method string, all []hpack.Field) {
	t.Helper()
	theirs := httptest.NewRequest(method, "/", nil)
	for _, f := range all {
		theirs.Header.Add(f.Name, f.Value)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Etag", `"a"`)
	http.ServeContent(w, theirs, "", modified, bytes.NewReader(content))
	want := w.Result()
	wantBody, _ := io.ReadAll(want.Body)

	got := Select(&Request{Method: method, Fields: all}, resp)
	if got.Status != want.StatusCode {
		t.Errorf("%s %v: status %d, net/http's %d", method, all, got.Status, want.StatusCode)
		return
	}
	if got.Status == 412 || got.Status == 304 || method == "HEAD" {
		return
	}
	if got, want := named(got, "content-range"), want.Header.Get("Content-Range"); got != want {
		t.Errorf("%s %v: content-range %q, net/http's %q", method, all, got, want)
	}
	if got.Status == 416 {
		return // its page is our own
	}
	if got, want := parts(t, named(got, "content-type"), wired(got)), parts(t, want.Header.Get("Content-Type"), wantBody); got != want {
		t.Errorf("%s %v: content %q, net/http's %q", method, all, got, want)
	}
	if want := want.Header.Get("Content-Length"); got.More == nil && named(got, "content-length") != want {
		t.Errorf("%s %v: content-length %q, net/http's %q", method, all, named(got, "content-length"), want)
	}
}

// parts is a content, or what a multipart content says, whatever its boundary.
func parts(t *testing.T, contentType string, body []byte) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "multipart/byteranges" {
		return string(body)
	}
	var all strings.Builder
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return all.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(part.Header.Get("Content-Range") + " " + part.Header.Get("Content-Type") + " " + string(content) + "\n")
	}
}
