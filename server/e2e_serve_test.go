package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestCurlRanges asks for parts of a file, by curl, from memory and from disk.
func TestCurlRanges(t *testing.T) {
	testkit.Need(t, "curl")
	s := testSite(t)
	p := start(t, "-root", s.root)
	for _, size := range []int{65537, streamed} {
		r := s.sized(size)
		content, err := os.ReadFile(r.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"--http2", "--http1.1"} {
			for _, tt := range []struct {
				ranges string
				status int
				first  int // of the part; last is inclusive
				last   int
			}{
				{"0-0", 206, 0, 0},
				{"0-99", 206, 0, 99},
				{"16383-16385", 206, 16383, 16385},
				{"65000-", 206, 65000, size - 1},
				{"-7", 206, size - 7, size - 1},
				{"100-999999999", 206, 100, size - 1},
				{strconv.Itoa(size) + "-", 416, 0, -1},
				{"0-10,5-20", 200, 0, size - 1},                 // overlapping
				{"0-0,2-2,4-4,6-6,8-8,10-10", 200, 0, size - 1}, // more than five
				{"5-2", 200, 0, size - 1},                       // malformed
			} {
				t.Run(fmt.Sprintf("%d %s %s", size, flag, tt.ranges), func(t *testing.T) {
					head, body := curlRange(t, p.url+r.path, flag, tt.ranges)
					if head.StatusCode != tt.status {
						t.Fatalf("status %d, want %d", head.StatusCode, tt.status)
					}
					switch part := fmt.Sprintf("bytes %d-%d/%d", tt.first, tt.last, size); tt.status {
					case 416:
						if got := head.Header.Get("Content-Range"); got != fmt.Sprintf("bytes */%d", size) {
							t.Errorf("content-range is %q", got)
						}
						return
					case 206:
						if got := head.Header.Get("Content-Range"); got != part {
							t.Errorf("content-range is %q, want %q", got, part)
						}
					}
					if !bytes.Equal(body, content[tt.first:tt.last+1]) {
						t.Errorf("%d bytes that are not the %d from %d", len(body), tt.last+1-tt.first, tt.first)
					}
				})
			}
			t.Run(fmt.Sprintf("%d %s several", size, flag), func(t *testing.T) {
				head, body := curlRange(t, p.url+r.path, flag, "0-4,100-199,-1")
				kind, params, err := mime.ParseMediaType(head.Header.Get("Content-Type"))
				if head.StatusCode != 206 || err != nil || kind != "multipart/byteranges" {
					t.Fatalf("%d %v %v", head.StatusCode, head.Header, err)
				}
				parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
				for _, want := range [][2]int{{0, 5}, {100, 200}, {size - 1, size}} {
					part, err := parts.NextPart()
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(part)
					if err != nil || !bytes.Equal(got, content[want[0]:want[1]]) {
						t.Errorf("the part from %d has %d bytes that are not the file's, %v", want[0], len(got), err)
					}
				}
				if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
					t.Errorf("more parts than asked for, %v", err)
				}
			})
		}
	}
}

// curlRange fetches ranges with curl and returns the head that it saw, and the
// body.
func curlRange(t *testing.T, url, flag, ranges string) (*http.Response, []byte) {
	t.Helper()
	headFile := filepath.Join(t.TempDir(), "head")
	body, err := output(t, "", "curl", flag, "--cacert", testIdentity(t).cert, "--silent", "--show-error",
		"--range", ranges, "--dump-header", headFile, url)
	if err != nil {
		t.Fatal(err)
	}
	head, err := os.ReadFile(headFile)
	if err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(string(head), "\r\n")
	r := &http.Response{Header: make(http.Header)}
	if _, err := fmt.Sscanf(line, "HTTP/"+strings.TrimPrefix(flag, "--http")+" %d", &r.StatusCode); err != nil {
		t.Fatalf("status line %q: %v", line, err)
	}
	for field := range strings.SplitSeq(rest, "\r\n") {
		if name, value, ok := strings.Cut(field, ": "); ok {
			r.Header.Add(name, value)
		}
	}
	return r, []byte(body)
}

// visibleWithin is what the server promises of a file that changes.
const visibleWithin = 2 * time.Second

// TestChangedFile hits a file without pause while it changes, twice on each
// protocol: a request that begins 2 s after the change gets the new content.
func TestChangedFile(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, "page.txt")
	content := func(i int) string { return fmt.Sprintf("version %d", i) }
	if err := os.WriteFile(name, []byte(content(0)), 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-root", root)
	version := 0
	for _, protocol := range protocols {
		c := p.client(protocol)
		for range 2 {
			version++
			if got := getText(t, c, p.url+"/page.txt"); got != content(version-1) {
				t.Fatalf("%q before the change", got)
			}
			if err := os.WriteFile(name, []byte(content(version)), 0o644); err != nil {
				t.Fatal(err)
			}
			changed := time.Now()
			for {
				asked := time.Now()
				got := getText(t, c, p.url+"/page.txt")
				if got == content(version) {
					break
				}
				if got != content(version-1) {
					t.Fatalf("%q is neither version", got)
				}
				if late := asked.Sub(changed); late > visibleWithin {
					t.Fatalf("%s: a request %v after the change got the old content", protocol, late)
				}
			}
		}
	}
	if hits := p.sum("hotpath_requests_total", `cache="hit"`); hits < 100 {
		t.Errorf("%v hits: the file was not served from memory meanwhile", hits)
	}
}

func getText(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, r.Status, err)
	}
	return string(body)
}
