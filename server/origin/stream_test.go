package origin

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func get(h http.Handler, method string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestStream(t *testing.T) {
	d, root := newDirectory(t, DirectoryConfig{MaxStored: 10})
	write(t, root+"/ten", "0123456789", long)
	write(t, root+"/eleven", "0123456789a", long)
	if a := fetchKey(t, d, "/ten", nil); a.Response == nil || a.Stream != nil || !a.Store {
		t.Error("a file of the largest size is not stored")
	}
	a := fetchKey(t, d, "/eleven", nil)
	if a.Response != nil || a.Stream == nil || a.Store {
		t.Fatal("a file above the largest size is not streamed")
	}

	whole := get(a.Stream, "GET")
	body, _ := io.ReadAll(whole.Body)
	if whole.StatusCode != 200 || string(body) != "0123456789a" || whole.Header.Get("Content-Length") != "11" {
		t.Errorf("status %d, body %q, fields %v", whole.StatusCode, body, whole.Header)
	}
	if whole.Header.Get("Content-Type") != "text/plain; charset=utf-8" || whole.Header.Get("Last-Modified") != long.UTC().Format(http.TimeFormat) {
		t.Errorf("fields %v", whole.Header)
	}
	tag := whole.Header.Get("Etag")
	if !strings.HasPrefix(tag, `"b-`) {
		t.Errorf("tag %s of a file that rests", tag)
	}
	for _, c := range []struct {
		method, name, value string
		status              int
		body                string
	}{
		{"HEAD", "Accept", "*/*", 200, ""},
		{"GET", "Range", "bytes=2-4", 206, "234"},
		{"GET", "Range", "bytes=0-4,3-5", 200, "0123456789a"},
		{"GET", "If-None-Match", tag, 304, ""},
		{"GET", "If-Match", `"other"`, 412, ""},
	} {
		resp := get(a.Stream, c.method, c.name, c.value)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || string(body) != c.body {
			t.Errorf("%s %s: %s: status %d, body %q", c.method, c.name, c.value, resp.StatusCode, body)
		}
	}

	write(t, root+"/eleven", "another content", long)
	if resp := get(a.Stream, "GET"); resp.Header.Get("Etag") == tag || resp.Header.Get("Content-Length") != "15" {
		t.Errorf("changed: fields %v", resp.Header)
	}
	write(t, root+"/eleven", "another content", time.Now())
	if resp := get(a.Stream, "GET"); !strings.HasPrefix(resp.Header.Get("Etag"), `W/"f-`) {
		t.Errorf("young: tag %s", resp.Header.Get("Etag"))
	}
	if err := os.Remove(root + "/eleven"); err != nil {
		t.Fatal(err)
	}
	if resp := get(a.Stream, "GET"); resp.StatusCode != 404 {
		t.Errorf("removed: status %d", resp.StatusCode)
	}
}

// TestStreamFails: an error that no client can do anything about is 500, and
// is logged.
func TestStreamFails(t *testing.T) {
	var log bytes.Buffer
	d, root := newDirectory(t, DirectoryConfig{MaxStored: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	write(t, root+"/file", "content", long)
	a := fetchKey(t, d, "/file", nil)
	d.Close()
	resp := get(a.Stream, "GET")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 500 || resp.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
		t.Errorf("status %d, fields %v", resp.StatusCode, resp.Header)
	}
	if !strings.Contains(log.String(), "opening") {
		t.Errorf("log %q", log.String())
	}
}
