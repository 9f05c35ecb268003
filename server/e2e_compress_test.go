package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// script is a content of n bytes that has something to gain.
func script(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "export function f%d(x) { return x * %d + %q.length }\n", i, i*i, "some text")
	}
	return b.String()[:n]
}

// request asks for a URL with fields, in pairs.
func (p *process) request(c *http.Client, method, url string, pairs ...string) (*http.Response, []byte) {
	p.t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if r.Header.Set(pairs[i], pairs[i+1]); pairs[i] == "Host" {
			r.Host = pairs[i+1]
		}
	}
	answer, err := c.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer, body
}

// decoded is a content without its coding.
func decoded(t *testing.T, coding string, body []byte) string {
	t.Helper()
	var from io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "br":
		from = brotli.NewReader(from)
	case "gzip":
		from, err = gzip.NewReader(from)
	case "zstd":
		from, err = zstd.NewReader(from, zstd.WithDecoderMaxWindow(8<<20))
	}
	if err == nil {
		body, err = io.ReadAll(from)
	}
	if err != nil {
		t.Errorf("decoding %s: %v", coding, err)
	}
	return string(body)
}

// codedIn waits until the answer has a coding, and returns it.
func (p *process) codedIn(c *http.Client, url, coding string, pairs ...string) (answer *http.Response, body []byte) {
	p.t.Helper()
	p.eventually(coding, func() error {
		if answer, body = p.request(c, "GET", url, append(pairs, "Accept-Encoding", coding)...); answer.Header.Get("Content-Encoding") != coding {
			return fmt.Errorf("it is coded in %q", answer.Header.Get("Content-Encoding"))
		}
		return nil
	})
	return answer, body
}

// TestCompression: files are sent in the coding that a client accepts, on a
// connection that repeats its requests, and in the right one if the file changes.
func TestCompression(t *testing.T) {
	root := t.TempDir()
	text := script(60_000)
	file := filepath.Join(root, "app.js")
	writeOld := func(name, text string) {
		t.Helper()
		err := os.WriteFile(name, []byte(text), 0o600)
		if err == nil {
			err = os.Chtimes(name, time.Time{}, time.Now().Add(-time.Hour))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	writeOld(file, text)
	image := text
	writeOld(filepath.Join(root, "a.png"), image)
	p := start(t, "-root", root)
	for _, protocol := range protocols {
		c := p.client(protocol)
		url := p.url + "/app.js"
		plain, _ := p.request(c, "GET", url)
		tags := map[string]bool{plain.Header.Get("ETag"): true}
		for _, coding := range []string{"br", "zstd", "gzip"} {
			answer, body := p.codedIn(c, url, coding)
			if decoded(t, coding, body) != text || answer.ContentLength != int64(len(body)) || answer.Header.Get("Vary") != "Accept-Encoding" || answer.Header.Get("Content-Type") != plain.Header.Get("Content-Type") {
				t.Errorf("%s, %s: %d bytes, %v", protocol, coding, len(body), answer.Header)
			}
			tag := answer.Header.Get("ETag")
			if tags[tag] {
				t.Errorf("%s, %s: the tag %s is another's", protocol, coding, tag)
			}
			tags[tag] = true
			head, _ := p.request(c, "HEAD", url, "Accept-Encoding", coding)
			if head.ContentLength != answer.ContentLength || head.Header.Get("ETag") != tag {
				t.Errorf("%s, HEAD of %s: %v", protocol, coding, head.Header)
			}
			if again, _ := p.request(c, "GET", url, "Accept-Encoding", coding, "If-None-Match", tag); again.StatusCode != 304 || again.Header.Get("ETag") != tag {
				t.Errorf("%s, %s: %d for its own tag", protocol, coding, again.StatusCode)
			}
			if part, some := p.request(c, "GET", url, "Accept-Encoding", coding, "If-Range", tag, "Range", "bytes=100-199"); part.StatusCode != 206 || !bytes.Equal(some, body[100:200]) || part.Header.Get("Content-Encoding") != coding {
				t.Errorf("%s, %s: a range is %d, %v", protocol, coding, part.StatusCode, part.Header)
			}
		}
		if again, body := p.request(c, "GET", url); string(body) != text || again.Header.Get("ETag") != plain.Header.Get("ETag") || again.Header.Get("Vary") == "" {
			t.Errorf("%s: as it is: %v", protocol, again.Header)
		}
		for range 3 {
			if answer, body := p.request(c, "GET", p.url+"/a.png", "Accept-Encoding", "gzip"); string(body) != image || answer.Header.Get("Vary") != "" {
				t.Errorf("%s, an image: %v", protocol, answer.Header)
			}
		}
		// The file changes: no client that repeats gets what it was for long.
		text = script(60_000 + len(tags))
		writeOld(file, text)
		deadline := time.Now().Add(patience)
		for coded := false; !coded; {
			answer, body := p.request(c, "GET", url, "Accept-Encoding", "gzip")
			coding := answer.Header.Get("Content-Encoding")
			coded = coding == "gzip" && decoded(t, coding, body) == text
			if time.Now().After(deadline) {
				t.Fatalf("%s: the file that has changed is not there in its coding", protocol)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	m := p.metrics()
	if n := m[`hotpath_compressions_total{coding="br",result="made"}`]; n < 1 || n > 4 {
		t.Errorf("br was made %v times", n)
	}
	if m[`hotpath_compression_stored_bytes_total{coding="gzip"}`] <= 0 || m[`hotpath_compression_duration_seconds_count{coding="zstd"}`] < 1 {
		t.Error("what was compressed is not counted")
	}
}

// TestBombStaysPacked: what an origin has compressed is passed on as it is, whatever the
// client accepts, and never unpacked: 64 KiB may be 64 MiB, or more than there is.
func TestBombStaysPacked(t *testing.T) {
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	if _, err := packer.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := packer.Close(); err != nil {
		t.Fatal(err)
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write(bomb.Bytes())
	}))
	t.Cleanup(origin.Close)
	p := startConfigured(t, "sites:\n- default: true\n  upstream: "+origin.URL+"\n  compress: {codings: [zstd, br, gzip]}\n")
	before := p.metrics()["process_resident_memory_bytes"]
	for _, protocol := range protocols {
		c := p.client(protocol)
		for _, accepted := range []string{"gzip", "zstd, br", "identity", "gzip;q=0, *"} {
			for range 3 { // a miss, and hits
				answer, body := p.request(c, "GET", p.url+"/bomb", "Accept-Encoding", accepted)
				if answer.StatusCode != 200 || answer.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(body, bomb.Bytes()) {
					t.Fatalf("%s, accepted is %s: %d, %v, %d bytes", protocol, accepted, answer.StatusCode, answer.Header, len(body))
				}
			}
		}
	}
	m := p.metrics()
	if grown := m["process_resident_memory_bytes"] - before; grown > 32<<20 {
		t.Errorf("the server has taken %.0f bytes", grown)
	}
	for key, n := range m {
		if strings.HasPrefix(key, "hotpath_compressions_total") && n > 0 {
			t.Errorf("%s is %v", key, n)
		}
	}
}

// TestCurlCompressed: what curl decodes is the file.
func TestCurlCompressed(t *testing.T) {
	testkit.Need(t, "curl")
	root := t.TempDir()
	text := script(30_000)
	if err := os.WriteFile(filepath.Join(root, "app.js"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-root", root)
	for _, flag := range []string{"--http2", "--http1.1"} {
		p.eventually("a coding for curl "+flag, func() error {
			out, err := output(t, "", "curl", "-sk", flag, "--compressed", "-D", "-", p.url+"/app.js")
			if err != nil {
				t.Fatal(err)
			}
			head, body, _ := strings.Cut(out, "\r\n\r\n")
			if body != text {
				t.Fatalf("curl %s has %d bytes of %d:\n%s", flag, len(body), len(text), head)
			}
			if !strings.Contains(strings.ToLower(head), "content-encoding: ") {
				return fmt.Errorf("no coding in\n%s", head)
			}
			return nil
		})
	}
}

// TestPrecompressed: what stands beside a file is sent for it, if it is not older,
// and what replaces it from then on.
func TestPrecompressed(t *testing.T) {
	root := t.TempDir()
	text := script(20_000)
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	put := func(name, text string, age time.Duration) {
		t.Helper()
		name = filepath.Join(root, name)
		err := os.WriteFile(name, []byte(text), 0o600)
		if err == nil {
			err = os.Chtimes(name, time.Time{}, now.Add(-age))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("app.js", text, time.Hour)
	put("app.js.gz", gz.String(), time.Hour) // as old as it
	put("app.js.br", "of another version", 2*time.Hour)
	put("a.png", text, time.Hour)
	put("a.png.gz", gz.String(), time.Minute) // no type that is compressed here
	p := startConfigured(t, "sites:\n- default: true\n  root: "+root+"\n  compress: {codings: off}\n  precompressed: true\n")
	for _, protocol := range protocols {
		c := p.client(protocol)
		for _, name := range []string{"/app.js", "/a.png"} {
			answer, body := p.request(c, "GET", p.url+name, "Accept-Encoding", "br, gzip")
			if answer.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(body, gz.Bytes()) || answer.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s, %s: %v", protocol, name, answer.Header)
			}
			if answer, body := p.request(c, "GET", p.url+name); string(body) != text || answer.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s, %s as it is: %v", protocol, name, answer.Header)
			}
		}
	}
	put("app.js.br", "of this version", time.Minute)
	c := p.client(protocols[0])
	p.eventually("what was put beside the file", func() error {
		answer, body := p.request(c, "GET", p.url+"/app.js", "Accept-Encoding", "br, gzip")
		if answer.Header.Get("Content-Encoding") != "br" || string(body) != "of this version" {
			return fmt.Errorf("%v", answer.Header)
		}
		return nil
	})
	if err := os.Remove(filepath.Join(root, "app.js.br")); err != nil {
		t.Fatal(err)
	}
	p.eventually("what is left beside it", func() error {
		answer, _ := p.request(c, "GET", p.url+"/app.js", "Accept-Encoding", "br, gzip")
		if answer.Header.Get("Content-Encoding") != "gzip" {
			return fmt.Errorf("%v", answer.Header)
		}
		return nil
	})
	// With another list there is another answer at once.
	p.reload("sites:\n- default: true\n  root: " + root + "\n  compress: {codings: off}\n")
	if answer, body := p.request(c, "GET", p.url+"/app.js", "Accept-Encoding", "br, gzip"); answer.Header.Get("Content-Encoding") != "" || string(body) != text {
		t.Errorf("after the reload: %v", answer.Header)
	}
}

// TestCompressorsReload: how many compress changes while the server runs.
func TestCompressorsReload(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "app.js"), []byte(script(30_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startConfigured(t, "root: "+root+"\ncompressors: 0\n")
	c := p.client(protocols[0])
	for range 5 {
		if answer, body := p.request(c, "GET", p.url+"/app.js", "Accept-Encoding", "gzip"); answer.Header.Get("Content-Encoding") != "" || len(body) != 30_000 {
			t.Errorf("without compressors: %v", answer.Header)
		}
	}
	if n := p.metrics()[`hotpath_compressions_total{coding="gzip",result="dropped"}`]; n < 1 {
		t.Errorf("%v are counted as dropped", n)
	}
	p.reload("root: " + root + "\ncompressors: 2\n")
	p.codedIn(c, p.url+"/app.js", "gzip")
}

// TestUpstreamCompression: an upstream's answers are compressed if the site says so,
// in the codings that it says; the upstream is asked for what the client accepts,
// and about its own tag.
func TestUpstreamCompression(t *testing.T) {
	text := script(30_000)
	var accepts, matches atomic.Value
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		accepts.Store(r.Header.Get("Accept-Encoding"))
		matches.Store(r.Header.Get("If-None-Match") + r.Header.Get("If-Match"))
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Cache-Control", "max-age=1, stale-while-revalidate=0")
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(upstream.Close)
	site := func(codings string) string {
		return "sites:\n- default: true\n  upstream: " + upstream.URL + "\n  compress: {codings: " + codings + "}\n"
	}
	p := startConfigured(t, site("[zstd, gzip]"))
	for _, protocol := range protocols {
		c := p.client(protocol)
		url := p.url + "/" + strings.ReplaceAll(protocol, "/", "")
		answer, body := p.codedIn(c, url, "gzip")
		if decoded(t, "gzip", body) != text || accepts.Load() != "gzip" {
			t.Errorf("%s: the upstream was asked for %q; %v", protocol, accepts.Load(), answer.Header)
		}
		tag := answer.Header.Get("ETag")
		time.Sleep(1100 * time.Millisecond)
		again, _ := p.request(c, "GET", url, "Accept-Encoding", "gzip", "If-None-Match", tag)
		if again.StatusCode != 304 || again.Header.Get("ETag") != tag || matches.Load() != `"v1"` {
			t.Errorf("%s: %d, %v; the upstream was asked about %s", protocol, again.StatusCode, again.Header, matches.Load())
		}
		if p.request(c, "PUT", url, "If-Match", tag); matches.Load() != `"v1"` {
			t.Errorf("%s: a PUT has the condition %s", protocol, matches.Load())
		}
	}
	c := p.client(protocols[0])
	for codings, want := range map[string]string{"gzip": "gzip", "off": ""} {
		p.reload(site(codings))
		for range 3 {
			p.request(c, "GET", p.url+"/x", "Accept-Encoding", "zstd, gzip")
			time.Sleep(50 * time.Millisecond)
		}
		if answer, body := p.request(c, "GET", p.url+"/x", "Accept-Encoding", "zstd, gzip"); answer.Header.Get("Content-Encoding") != want || decoded(t, want, body) != text {
			t.Errorf("after a reload to %s: %v", codings, answer.Header)
		}
	}
}
