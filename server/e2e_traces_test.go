package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit/otlp"
)

// tracedApp is an upstream that notes the traceparents that it gets.
type tracedApp struct {
	*httptest.Server
	slow chan struct{} // closed: /slow answers

	mu      sync.Mutex
	parents map[string][]string // by path
}

func newTracedApp(t *testing.T) *tracedApp {
	a := &tracedApp{slow: make(chan struct{}), parents: make(map[string][]string)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.parents[r.URL.Path] = append(a.parents[r.URL.Path], strings.Join(r.Header["Traceparent"], " "))
		n := len(a.parents[r.URL.Path])
		a.mu.Unlock()
		switch r.URL.Path {
		case "/slow":
			<-a.slow
		case "/retry":
			if n == 1 {
				panic(http.ErrAbortHandler) // before a byte
			}
		case "/private":
			w.Header().Set("Cache-Control", "no-store")
			return
		case "/stale":
			w.Header().Set("Cache-Control", "max-age=1, stale-while-revalidate=600")
			return
		}
		w.Header().Set("Cache-Control", "max-age=600")
	}))
	t.Cleanup(a.Close)
	return a
}

// parent is the nth traceparent that came for a path, from 0.
func (a *tracedApp) parent(t *testing.T, path string, n int) string {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.parents[path]) <= n {
		t.Fatalf("%s was asked for %d times", path, len(a.parents[path]))
	}
	return a.parents[path][n]
}

// openMetrics is a scrape in OpenMetrics.
func (p *process) openMetrics() string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.admin+"/metrics", http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// children are spans of that name below a span.
func children(of otlp.Span, name string) func(otlp.Span) bool {
	return func(s otlp.Span) bool { return s.Name == name && s.Parent() == of.ID() && s.Trace() == of.Trace() }
}

// serverSpan is a server span for a path whose cache had that part in it.
func serverSpan(path, cache string) func(otlp.Span) bool {
	return func(s otlp.Span) bool {
		return s.Kind.String() == "SPAN_KIND_SERVER" && s.Attributes()["url.path"] == path && s.Attributes()["hotpath.cache"] == cache
	}
}

const (
	strangersTrace = "0af7651916cd43dd8448eb211c80319c"
	strangersSpan  = "b7ad6b7169203331"
	strangers      = "00-" + strangersTrace + "-" + strangersSpan + "-01"
)

// TestTraces: what becomes of each kind of request as spans: their parents, links
// and attributes, and what the upstream gets.
func TestTraces(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			c, app := otlp.Start(t), newTracedApp(t)
			p := start(t, "-upstream", app.URL, "-otlp-endpoint", strings.TrimSuffix(c.URL, "/v1/traces"), "-trace-sample", "1")
			client := p.client(protocol)

			p.ask(client, "GET", "/miss?secret=1", "Traceparent", strangers, "User-Agent", "me")
			miss := c.Wait(t, 1, serverSpan("/miss", "miss"))[0]
			fetch := c.Wait(t, 1, children(miss, "fetch"))[0]
			if miss.Trace() == strangersTrace || miss.Parent() != "" || !slices.Equal(miss.Linked(), []string{strangersSpan}) {
				t.Errorf("a stranger's trace is linked: %v", miss)
			}
			version := map[string]string{"h2": "2", "http/1.1": "1.1", "h3": "3"}[protocol]
			for name, want := range map[string]string{
				"http.request.method": "GET", "http.response.status_code": "200", "network.protocol.version": version,
				"hotpath.reason": "miss", "user_agent.original": "me", "client.address": "127.0.0.1", "server.address": "127.0.0.1",
			} {
				if got := miss.Attributes()[name]; got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if !slices.Equal(fetch.EventNames(), []string{"try", "connected", "first byte"}) || fetch.Attributes()["http.response.status_code"] != "200" {
				t.Errorf("the fetch is %v", fetch)
			}
			if fetch.StartTimeUnixNano < miss.StartTimeUnixNano || fetch.EndTimeUnixNano < fetch.StartTimeUnixNano {
				t.Errorf("%v is not within %v", fetch, miss)
			}
			if got, want := app.parent(t, "/miss", 0), "00-"+fetch.Trace()+"-"+fetch.ID()+"-03"; got != want {
				t.Errorf("the upstream has %q, want %q", got, want)
			}

			p.ask(client, "GET", "/miss?secret=1")
			hit := c.Wait(t, 1, serverSpan("/miss", "hit"))[0]
			if hit.Parent() != "" || hit.Trace() == miss.Trace() || hit.Attributes()["hotpath.reason"] != "" {
				t.Errorf("the hit is %v", hit)
			}

			p.eventually("the traces in the histogram", func() error {
				text := p.openMetrics()
				for _, id := range []string{miss.Trace(), hit.Trace()} {
					if !strings.Contains(text, `# {trace_id="`+id+`"}`) {
						return fmt.Errorf("%s is not there", id)
					}
				}
				return nil
			})

			var wait sync.WaitGroup
			for range 2 {
				wait.Go(func() { p.ask(p.client(protocol), "GET", "/slow") })
			}
			p.eventually("the second request to wait", func() error {
				if p.sum("hotpath_coalesced_misses_total") != 1 {
					return fmt.Errorf("it does not")
				}
				return nil
			})
			close(app.slow)
			wait.Wait()
			both := c.Wait(t, 2, serverSpan("/slow", "miss"))
			leader := c.Wait(t, 1, func(s otlp.Span) bool { return s.Name == "fetch" && s.Attributes()["url.path"] == "/slow" })[0]
			other := both[0]
			if leader.Parent() == other.ID() {
				other = both[1]
			}
			if w := c.Wait(t, 1, children(other, "wait"))[0]; !slices.Equal(w.Linked(), []string{leader.ID()}) || w.Links[0].TraceId == nil || leader.Trace() == w.Trace() {
				t.Errorf("the wait %v is for %v", w, leader)
			}

			p.ask(client, "GET", "/retry")
			retried := c.Wait(t, 1, func(s otlp.Span) bool { return s.Name == "fetch" && s.Attributes()["url.path"] == "/retry" })[0]
			if names := retried.EventNames(); !slices.Contains(names[2:], "connected") || retried.Status.GetCode() != 0 {
				t.Errorf("the fetch that was tried again is %v", retried)
			}

			p.ask(client, "GET", "/stale")
			time.Sleep(2100 * time.Millisecond) // its age is in whole seconds
			p.ask(client, "GET", "/stale")
			background := c.Wait(t, 1, func(s otlp.Span) bool { return s.Name == "revalidate" })[0]
			if again := c.Wait(t, 1, children(background, "fetch"))[0]; background.Parent() != "" || again.Attributes()["url.path"] != "/stale" {
				t.Errorf("the revalidation is %v, %v", background, again)
			}

			app.CloseClientConnections()
			app.Close()
			p.ask(client, "GET", "/gone")
			gone := c.Wait(t, 1, serverSpan("/gone", "miss"))[0]
			failed := c.Wait(t, 1, children(gone, "fetch"))[0]
			if gone.Status.GetCode() != 2 || gone.Attributes()["http.response.status_code"] != "502" || failed.Status.GetCode() != 2 || failed.Attributes()["error.type"] != "error" {
				t.Errorf("what failed is %v, %v", gone, failed)
			}
			for _, s := range c.Spans() {
				if strings.Contains(s.String(), "secret") {
					t.Errorf("a query is in %v", s)
				}
			}
		})
	}
}

// TestTracesOfStrangers: who is not trusted cannot have a request traced, here or at
// an upstream; who is decides, and it is a reload that says who.
func TestTracesOfStrangers(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			c, app := otlp.Start(t), newTracedApp(t)
			file := filepath.Join(t.TempDir(), "hotpath.yaml")
			configure := func(text string) {
				t.Helper()
				if err := os.WriteFile(file, []byte("sites:\n- default: true\n  upstream: "+app.URL+"\n"+text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			configure("")
			p := start(t, "-config", file)
			client := p.client(protocol)
			reload := func(text string) {
				t.Helper()
				configure(text)
				r, err := http.Post(p.admin+"/reload", "", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Body.Close()
				if body, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusOK {
					t.Fatalf("%d %s", r.StatusCode, body)
				}
			}
			send := func(state string) string {
				t.Helper()
				app.mu.Lock()
				app.parents = make(map[string][]string)
				app.mu.Unlock()
				p.ask(client, "GET", "/private", "Traceparent", state)
				return app.parent(t, "/private", 0)
			}

			if got := send(strangers); got != strangers {
				t.Errorf("with traces off the upstream has %q", got)
			}
			reload("otlp-endpoint: " + c.URL + "\ntrace-sample: 0\n")
			if got := send(strangers); !strings.HasPrefix(got, "00-"+strangersTrace+"-") || !strings.HasSuffix(got, "-00") || strings.Contains(got, strangersSpan) {
				t.Errorf("of a stranger the upstream has %q", got)
			}
			reload("otlp-endpoint: " + c.URL + "\ntrace-sample: 0\ntrace-trust: 127.0.0.0/8\n")
			not := strings.TrimSuffix(strangers, "1") + "0"
			if got := send(not); got != not {
				t.Errorf("of a trusted client that is not traced the upstream has %q", got)
			}
			got := send(strangers)
			server := c.Wait(t, 1, serverSpan("/private", "miss"))[0]
			fetch := c.Wait(t, 1, children(server, "fetch"))[0]
			if server.Trace() != strangersTrace || server.Parent() != strangersSpan || len(server.Links) > 0 {
				t.Errorf("the server span is %v", server)
			}
			if want := "00-" + strangersTrace + "-" + fetch.ID() + "-01"; got != want {
				t.Errorf("the upstream has %q, want %q", got, want)
			}
			if n := len(c.Spans()); n != 2 {
				t.Errorf("%d spans have come: %v", n, c.Spans())
			}
		})
	}
}

// TestTracesAtTheStop: spans that wait are sent, and a collector that is silent does
// not hold up the stop beyond drain-timeout.
func TestTracesAtTheStop(t *testing.T) {
	c := otlp.Start(t)
	p := start(t, "-otlp-endpoint", c.URL, "-trace-sample", "1")
	for range 10 {
		p.ask(p.client("h2"), "GET", "/")
	}
	p.stop()
	if n := len(c.Spans()); n < 11 { // with a fetch, at least
		t.Errorf("%d spans have come", n)
	}

	silent := otlp.Start(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	silent.Answer(func(http.ResponseWriter, *http.Request) { <-release })
	p = start(t, "-otlp-endpoint", silent.URL, "-trace-sample", "1", "-drain-timeout", "300ms")
	p.ask(p.client("h2"), "GET", "/")
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the stop took %v", took)
	}
}
