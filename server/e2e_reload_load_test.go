package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// counter is the URL of an upstream that answers with the host and the length of
// what was uploaded.
func counter(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hit" {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Errorf("%s: an upload: %v", name, err)
		}
		fmt.Fprintf(w, "%s %d", r.Host, n)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestReloadUnderLoad: hits, misses, uploads and a response that lasts, on
// connections of both protocols, while a hundred sites are changed again and
// again: none fails, and no connection ends.
func TestReloadUnderLoad(t *testing.T) {
	const sites, rounds = 100, 25
	upstreams := []string{counter(t, "one"), counter(t, "two")}
	lasting := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "begins, ")
		_ = http.NewResponseController(w).Flush()
		<-lasting
		_, _ = io.WriteString(w, "ends")
	}))
	defer slow.Close()
	text := func(round int) string {
		var b strings.Builder
		b.WriteString("max-body: 2MiB\nsites:\n")
		if round == 0 {
			b.WriteString("- hosts: [slow.test]\n  timeouts: {idle: 5m}\n  upstream: " + slow.URL + "\n") // with the race detector it lasts for half a minute
		}
		for i := range sites {
			fmt.Fprintf(&b, "- hosts: [s%d.test]\n  upstream: %s\n", i, upstreams[(round*(i%3))%2])
			if (round+i)%2 == 0 {
				b.WriteString("  cache: {default-fresh: 1s}\n")
			}
		}
		return b.String()
	}
	c := startConfigured(t, text(0))
	begun := make(chan struct{}, 2)
	var work sync.WaitGroup
	for _, protocol := range protocols {
		work.Go(func() {
			r, err := http.NewRequest("GET", c.url+"/", nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Host = "slow.test"
			answer, err := c.client(protocol).Do(r)
			begun <- struct{}{}
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "begins, ends" {
				t.Errorf("%s: a response of a site that is gone: %q, %v", protocol, body, err)
			}
		})
	}
	<-begun
	<-begun
	stop := c.underLoad(sites, protocols...)
	for round := range rounds {
		c.write(text(round + 1))
		if round%2 == 0 {
			c.signal(syscall.SIGHUP)
			c.eventually("the reload", func() error {
				if n := c.reloads("applied"); n != float64(round+1) {
					return fmt.Errorf("%v reloads were applied", n)
				}
				return nil
			})
			continue
		}
		r, err := http.Post(c.admin+"/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("%s %s", r.Status, body)
		}
	}
	close(lasting)
	stop()
	work.Wait()
	for sample, n := range c.metrics() {
		if strings.HasPrefix(sample, "hotpath_connections_closed_total") && n != 0 {
			t.Errorf("connections were closed: %s %v", sample, n)
		}
	}
	if n := c.reloads("applied"); n != rounds {
		t.Errorf("%v reloads were applied, want %d", n, rounds)
	}
}

// underLoad sends hits, misses and uploads to the sites s0.test, s1.test and so on
// over connections of each protocol, and expects the answer of the upstreams of
// [TestReloadUnderLoad], until stop is called, which waits for some of each kind.
func (p *process) underLoad(sites int, protocols ...string) (stop func()) {
	var work sync.WaitGroup
	ended := make(chan struct{})
	var done [3]atomic.Int64
	upload := strings.Repeat("u", 200<<10)
	for _, protocol := range protocols {
		client := p.client(protocol)
		p.fetchFrom(client, "s0.test", "/hit") // else three would open a connection of HTTP/2 each, and close two
		for worker := range 3 {
			work.Go(func() {
				for i := worker; ; i++ {
					select {
					case <-ended:
						return
					default:
					}
					kind := i % 3
					method, path, body, length := "GET", "/hit", "", 0
					switch kind {
					case 1:
						path = fmt.Sprintf("/miss/%d", i)
					case 2:
						method, path, body, length = "POST", "/upload", upload, len(upload)
					}
					host := fmt.Sprintf("s%d.test", i%sites)
					r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
					if err != nil {
						p.t.Error(err)
						return
					}
					r.Host = host
					answer, err := client.Do(r)
					if err != nil {
						p.t.Errorf("%s %s: %v", protocol, path, err)
						return
					}
					got, err := io.ReadAll(answer.Body)
					_ = answer.Body.Close()
					if want := fmt.Sprintf("%s %d", host, length); err != nil || answer.StatusCode != 200 || string(got) != want {
						p.t.Errorf("%s %s: %s %q, %v; want %q", protocol, path, answer.Status, got, err, want)
						return
					}
					done[kind].Add(1)
				}
			})
		}
	}
	return func() {
		p.t.Helper()
		p.eventually("requests of each kind", func() error {
			for kind := range done {
				if done[kind].Load() < 10 {
					return fmt.Errorf("%d of kind %d", done[kind].Load(), kind)
				}
			}
			return nil
		})
		close(ended)
		work.Wait()
	}
}
