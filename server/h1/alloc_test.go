package h1

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// roundTrip sends a request that was made before and reads an answer of known
// size.
func roundTrip(t testing.TB, p *peer, request string) func() {
	ask := []byte(request)
	p.Write(request)
	p.Response("GET")
	if p.R.Buffered() > 0 {
		t.Fatal("more than an answer came")
	}
	p.Write(request)
	if _, err := p.R.Peek(1); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, p.R.Buffered()) // small: it came in one segment
	if _, err := io.ReadFull(p.R, answer); err != nil {
		t.Fatal(err)
	}
	return func() {
		p.Conn.Write(ask)
		io.ReadFull(p.Conn, answer)
	}
}

func TestHitDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	date := modified.Format(http.TimeFormat)
	for name, request := range map[string]string{
		"a repeat":          get("/", "User-Agent: test", "Accept: */*"),
		"no repeat":         get("/a") + get("/b"), // neither is what came last
		"a large head":      get("/", "X: "+strings.Repeat("x", 2*maxRepeat)),
		"a large body":      get("/large"),
		"HEAD":              "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n",
		"If-None-Match":     get("/", `If-None-Match: "tag"`),
		"If-Modified-Since": get("/", "If-Modified-Since: "+date),
	} {
		for _, mode := range []access.Mode{access.Off, access.Errors, access.Sampled, access.All} {
			t.Run(fmt.Sprintf("%s, log %s", name, mode), func(t *testing.T) {
				hitDoesNotAllocate(t, name, request, access.Config{Mode: mode, Sample: 100})
			})
		}
	}
}

// TestTracedSiteDoesNotAllocate: nor does a hit that is not traced while one in 1,000
// is, whose span the log's writer makes: the mean rounds it away.
func TestTracedSiteDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, mode := range []access.Mode{access.Off, access.Errors, access.Sampled} {
		for name, request := range map[string]string{"a repeat": get("/", "User-Agent: test"), "no repeat": get("/a") + get("/b")} {
			tracer := traces.New("test", metrics.NewHotpath(metrics.Options{}), slog.New(slog.DiscardHandler))
			tracer.Set(traces.Config{Endpoint: "http://127.0.0.1:9", Sample: 0.001})
			hitDoesNotAllocate(t, name, request, access.Config{Mode: mode, Sample: 100, Traces: tracer})
			if err := tracer.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

func hitDoesNotAllocate(t *testing.T, name, request string, log access.Config) {
	s := storing("/", "home", "/a", "aaaa", "/b", "bbbb", "/large", strings.Repeat("x", 4*inlineBody))
	cfg, _ := counted(t, s, 64*mib)
	logTo(t, cfg, log)
	p := connect(t, cfg)
	head := func(path string) int {
		return len(s.stored[path].Head) + len(message.Date(time.Now()).Line) + len("\r\n")
	}
	answered := func(size int) func() {
		ask, answer := []byte(request), make([]byte, size)
		return func() { p.Conn.Write(ask); io.ReadFull(p.Conn, answer) }
	}
	var once func()
	switch name {
	case "no repeat":
		once = answered(head("/a") + len("aaaa") + head("/b") + len("bbbb"))
	case "HEAD":
		once = answered(head("/"))
	case "a large body":
		once = answered(head("/large") + 4*inlineBody)
	default:
		once = roundTrip(t, p, request)
	}
	// The date is encoded anew each second: 5 allocations among
	// thousands of requests, which the mean rounds away.
	if n := testing.AllocsPerRun(1000, once); n != 0 {
		t.Errorf("%v allocations for a hit", n)
	}
}

// TestLimitedHitsDoNotAllocate: nor does a limit of the client that they keep to, by
// its address or a field, for a repeat and for what is parsed.
func TestLimitedHitsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, by := range []string{"", "user-agent"} {
		for name, requests := range map[string][]string{
			"repeats":    {get("/", "User-Agent: test")},
			"no repeats": {get("/", "User-Agent: test"), get("/", "User-Agent: test", "Accept: */*")},
		} {
			cfg := testConfig(storing("/", "home"))
			cfg.PerClient = perclient.New(perclient.Config{Requests: 1_000_000, IPv4: 32, IPv6: 64, By: by, Clients: 1000}).Requests(cfg.Metrics)
			p := connect(t, cfg)
			var rounds []func()
			for _, request := range requests {
				rounds = append(rounds, roundTrip(t, p, request))
			}
			if n := testing.AllocsPerRun(1000, func() {
				for _, once := range rounds {
					once()
				}
			}); n != 0 {
				t.Errorf("%s, by %q: %v allocations for %d hits", name, by, n, len(rounds))
			}
			if n := cfg.Metrics.Limited.Value(metrics.LimitedRequests, metrics.LimitRefuse); n > 0 {
				t.Errorf("%s, by %q: %d were refused", name, by, n)
			}
		}
	}
}

// TestHitAfterExchanges: nothing that a connection did before makes its hits
// cost more: they allocate nothing, and repeats are not parsed.
func TestHitAfterExchanges(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for name, before := range map[string]string{
		"a range":       get("/", "Range: bytes=0-1"),
		"a miss":        get("/miss"),
		"an upload":     upload("4") + "body",
		"chunks":        chunkedHead + "4\r\nbody\r\n0\r\n\r\n",
		"unwanted":      "PUT /unwanted HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody",
		"HTTP/1.0":      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"OPTIONS":       "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n",
		"absolute-form": "GET http://test/ HTTP/1.1\r\nHost: test\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := storing("/", "home")
			s.serve = func(ctx context.Context, x *message.Exchange) {
				if x.Path == "/unwanted" {
					answerWith(x, 405, "")
					return
				}
				echo(ctx, x)
			}
			p := connect(t, testConfig(s))
			p.Write(before)
			if a := p.Response("GET"); a.Close {
				t.Fatal("the connection ends")
			}
			request := get("/", "User-Agent: test", "Accept: */*")
			once := roundTrip(t, p, request)
			if n := testing.AllocsPerRun(1000, once); n != 0 {
				t.Errorf("%v allocations for a hit", n)
			}
			finds := s.found()
			p.Write(strings.Repeat(request, 50))
			for range 50 {
				p.WantResponse(200, "home")
			}
			if n := s.found() - finds; n > 25 {
				t.Errorf("%d look-ups for 50 requests, all of them repeats", n)
			}
		})
	}
}

// FuzzParse's subject allocates nothing once its memory has grown.
func TestParseDoesNotAllocate(t *testing.T) {
	raw := []byte(get("/a/path?with=a-query", "User-Agent: test", "Accept: */*", "Accept-Encoding: gzip, br"))
	n := testing.AllocsPerRun(1000, func() {
		h := heads.Get().(*head)
		if h.parse(raw, limits{1 << 10, 20}) != nil {
			t.Fatal("refused")
		}
		h.release()
	})
	if n != 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkHit is a hit on the loop beside one on net/http, which writes the
// same stored body, each over an in-memory pipe and over TCP.
func BenchmarkHit(b *testing.B) {
	s := storing("/", strings.Repeat("x", 1<<10))
	request := get("/", "User-Agent: test", "Accept: */*", "Accept-Encoding: gzip")
	for _, transport := range []struct {
		name string
		pair func() (server, client net.Conn)
	}{
		{"pipe", net.Pipe},
		{"TCP", func() (net.Conn, net.Conn) { return testkit.TCPPair(b) }},
	} {
		run := func(b *testing.B, client net.Conn) {
			ask, buf := []byte(request), make([]byte, 16<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Write(ask); err != nil {
					b.Fatal(err)
				}
				for n := 0; n < 1<<10; { // more than a head, less than two answers
					m, err := client.Read(buf[n:])
					if n += m; err != nil {
						b.Fatal(err)
					}
					if n > 4 && strings.HasSuffix(string(buf[n-4:n]), "xxxx") {
						break
					}
				}
			}
		}
		b.Run("loop/"+transport.name, func(b *testing.B) {
			server, client := transport.pair()
			attach(b, testConfig(s), server, client)
			run(b, client)
		})
		b.Run("net-http/"+transport.name, func(b *testing.B) {
			server, client := transport.pair()
			stored := s.stored["/"]
			queue := make(chan net.Conn, 1)
			queue <- server
			web := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, f := range stored.Fields {
					w.Header().Set(f.Name, f.Value)
				}
				w.Write(stored.Body)
			})}
			go web.Serve(oneConn(queue))
			run(b, client)
			client.Close()
			close(queue)
		})
	}
}
