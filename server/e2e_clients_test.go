package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// cached is a cache that holds the whole site: what is fetched a second time
// comes from memory.
var cached = []string{"-cache-entries", "16384", "-cache-shards", "1"}

// sites are what every client fetches, with the flags that serve it.
func sites(t *testing.T, each func(t *testing.T, p *process, all []resource)) {
	t.Run("demo", func(t *testing.T) { each(t, start(t), demoSite(t)) })
	t.Run("directory", func(t *testing.T) {
		s := testSite(t)
		each(t, start(t, append([]string{"-root", s.root}, cached...)...), s.resources)
	})
}

func TestGoClient(t *testing.T) {
	sites(t, func(t *testing.T, p *process, all []resource) {
		for _, protocol := range protocols {
			t.Run(strings.ReplaceAll(protocol, "/", ""), func(t *testing.T) {
				c := p.client(protocol)
				for range 2 { // from the origin, then from memory
					fetchAll(t, c, p.url, all)
				}
			})
		}
	})
}

// fetchAll fetches everything, 32 resources at a time, and compares it.
func fetchAll(t *testing.T, c *http.Client, url string, all []resource) {
	t.Helper()
	todo := make(chan resource)
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for r := range todo {
				if err := fetch(c, url, r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, r := range all {
		todo <- r
	}
	close(todo)
	workers.Wait()
}

func fetch(c *http.Client, url string, want resource) error {
	r, err := c.Get(url + want.path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK || r.ContentLength != want.size || r.Header.Get("Content-Type") == "" {
		return fmt.Errorf("%s: %s, %v", want.path, r.Status, r.Header)
	}
	return want.differs(r.Body)
}

func TestCurl(t *testing.T) {
	testkit.Need(t, "curl")
	sites(t, func(t *testing.T, p *process, all []resource) {
		for flag, version := range map[string]string{"--http2": "2", "--http1.1": "1.1"} {
			t.Run(strings.Trim(flag, "-"), func(t *testing.T) {
				for range 2 {
					curlAll(t, p.url, all, flag, version)
				}
			})
		}
	})
}

// curlAll has one curl fetch everything, in parallel, into files.
func curlAll(t *testing.T, url string, all []resource, flag, version string) {
	t.Helper()
	dir := t.TempDir()
	var config strings.Builder
	for i, r := range all {
		fmt.Fprintf(&config, "url = %q\noutput = %q\n", url+r.path, filepath.Join(dir, strconv.Itoa(i)))
	}
	out, err := output(t, config.String(), "curl", flag, "--cacert", testIdentity(t).cert, "--globoff", "--silent", "--show-error",
		"--fail", "--parallel", "--parallel-max", "32", "--write-out", "%{http_version} %{response_code}\n", "--config", "-")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, version+" 200\n"); n != len(all) {
		t.Errorf("%d of %d answers are HTTP/%s with status 200", n, len(all), version)
	}
	for i, r := range all {
		body, err := os.Open(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			if r.size > 0 { // curl makes no file of nothing
				t.Errorf("%s: %v", r.path, err)
			}
			continue
		}
		if err := r.differs(body); err != nil {
			t.Error(err)
		}
		body.Close()
	}
}

// TestNghttp compares what nghttp prints for one resource, for some dozens of
// them: it prints the bodies of several in the order in which they arrive. So
// of the many that it fetches on one connection only the status is looked at.
func TestNghttp(t *testing.T) {
	testkit.Need(t, "nghttp")
	sites(t, func(t *testing.T, p *process, all []resource) {
		var urls []string
		for i, r := range all {
			if i < 48 || i%64 == 0 {
				body, err := output(t, "", "nghttp", "--timeout=30", p.url+r.path)
				if err != nil {
					t.Fatal(err)
				}
				if err := r.differs(strings.NewReader(body)); err != nil {
					t.Error(err)
				}
			}
			if len(urls) < 1000 {
				urls = append(urls, p.url+r.path)
			}
		}
		out, err := output(t, "", "nghttp", append([]string{"--timeout=30", "--null-out", "--stat"}, urls...)...)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(statLine.FindAllString(out, -1)); n != len(urls) {
			t.Errorf("%d of %d answers have status 200\n%s", n, len(urls), tail(out))
		}
	})
}

// statLine is a line of nghttp's statistics: stream, three times, status,
// size, path.
var statLine = regexp.MustCompile(`(?m)^ *\d+ +\+\S+ +\+\S+ +\S+ +200 +\S+ /`)

// TestH2load counts: every request answered with 2xx, every byte of content
// there, and the server's own count the same.
func TestH2load(t *testing.T) {
	testkit.Need(t, "h2load")
	s := testSite(t)
	for _, tt := range []struct {
		name     string
		protocol string // as the metric's label
		flags    []string
	}{
		{"h2, few connections", "h2", []string{"-c", "4", "-m", "32"}},
		{"h2, many connections", "h2", []string{"-c", "100", "-m", "4"}},
		{"h1", "h1", []string{"-c", "16", "--h1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, append([]string{"-root", s.root}, cached...)...)
			for _, load := range []struct{ size, n int }{{1, 10000}, {16385, 2000}, {1 << 20, 100}} {
				r := s.sized(load.size)
				before := p.sum("hotpath_requests_total", `class="2xx"`, `protocol="`+tt.protocol+`"`)
				out, err := output(t, "", "h2load", append(tt.flags, "-n", strconv.Itoa(load.n), p.url+r.path)...)
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range []string{
					fmt.Sprintf("requests: %d total, %[1]d started, %[1]d done, %[1]d succeeded, 0 failed, 0 errored, 0 timeout", load.n),
					fmt.Sprintf("status codes: %d 2xx, 0 3xx, 0 4xx, 0 5xx", load.n),
					fmt.Sprintf("(%d) data", load.n*load.size),
				} {
					if !strings.Contains(out, line) {
						t.Errorf("%s: h2load does not say %q\n%s", r.path, line, tail(out))
					}
				}
				p.eventually("the count of requests", func() error {
					after := p.sum("hotpath_requests_total", `class="2xx"`, `protocol="`+tt.protocol+`"`)
					if after-before != float64(load.n) {
						return fmt.Errorf("%s: %v requests counted, want %d", r.path, after-before, load.n)
					}
					return nil
				})
			}
		})
	}
}
