package h1

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// limited is a connection, on fake time, whose client may send two requests at
// once, and one more each second.
func limited(t *testing.T, dryRun bool, change func(*Config)) *peer {
	cfg := testConfig(storing("/", "home"))
	cfg.PerClient = perclient.New(perclient.Config{Requests: 1, Burst: 2, Clients: 10, DryRun: dryRun}).Requests(cfg.Metrics)
	if change != nil {
		change(cfg)
	}
	server, client := net.Pipe()
	return attach(t, cfg, server, client)
}

// wantRefused reads the answer to a request beyond its client's limit.
func (p *peer) wantRefused(method string, last bool) {
	p.Helper()
	r := p.Response(method)
	if r.StatusCode != http.StatusTooManyRequests || r.Content != "" || r.Close != last || r.Header.Get("Retry-After") != "1" ||
		r.Header.Get("RateLimit") != `"requests";r=0;t=1` || r.Header.Get("RateLimit-Policy") != `"requests";q=1;w=1` {
		p.Errorf("%s %v %q, closes: %v", r.Status, r.Header, r.Content, r.Close)
	}
}

// TestPerClient: every kind of request counts, and beyond the limit each is
// answered 429. The connection goes on but if there is content, or a wish for a
// tunnel, behind the head.
func TestPerClient(t *testing.T) {
	for name, tt := range map[string]struct {
		request, method string
		last            bool
	}{
		"a hit":           {get("/"), "GET", false},
		"a condition":     {get("/", `If-None-Match: "tag"`), "GET", false},
		"HEAD":            {"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n", "HEAD", false},
		"for the handler": {get("/other"), "GET", false},
		"the last":        {get("/", "Connection: close"), "GET", true},
		"HTTP/1.0":        {"GET / HTTP/1.0\r\n\r\n", "GET", true},
		"with content":    {"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi", "POST", true},
		"a tunnel":        {get("/", "Connection: upgrade", "Upgrade: websocket"), "GET", true},
		"CONNECT":         {"CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n", "CONNECT", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := limited(t, false, nil)
				p.Send(get("/") + get("/") + tt.request)
				p.WantResponse(200, "home")
				p.WantResponse(200, "home")
				p.wantRefused(tt.method, tt.last)
				refused := uint64(1)
				if tt.last {
					p.WantEOF()
					p.wait()
					if name == "with content" && p.reason != metrics.CloseLimit {
						p.Errorf("it ends for reason %d", p.reason)
					}
				} else {
					p.Send(tt.request)
					p.wantRefused(tt.method, false)
					time.Sleep(time.Second)
					p.Send(get("/") + tt.request)
					p.WantResponse(200, "home")
					p.wantRefused(tt.method, false)
					refused = 3
				}
				synctest.Wait()
				if n := p.metrics.Limited.Value(metrics.LimitedRequests, metrics.LimitRefuse); n != refused {
					p.Errorf("%d were counted, want %d", n, refused)
				}
				if n := p.metrics.Requests.Value(metrics.H1, metrics.Class4xx, metrics.Bypass); n != refused {
					p.Errorf("%d requests were answered with 4xx, want %d", n, refused)
				}
				p.Conn.Close()
			})
		})
	}
}

// TestPerClientOfRepeats: a request that repeats byte for byte counts as any
// other.
func TestPerClientOfRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, false, nil)
		for range 3 {
			p.Send(strings.Repeat(get("/"), 5))
			p.WantResponse(200, "home")
			p.WantResponse(200, "home")
			for range 3 {
				p.wantRefused("GET", false)
			}
			time.Sleep(2 * time.Second)
		}
		p.Conn.Close()
	})
}

// TestPerClientOfForgottenRepeats: a repeat that is not answered from what is
// remembered counts once, for the client that it has by now.
func TestPerClientOfForgottenRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var who byte // of the client's address
		source := storing("/", "home")
		p := limited(t, false, func(c *Config) {
			c.Source, c.Handler = source, source
			c.PerClient = perclient.New(perclient.Config{Requests: 1, Burst: 2, Clients: 10, IPv4: 32}).Requests(c.Metrics)
			c.Client = func(netip.Addr, *message.Request) (netip.Addr, bool) {
				return netip.AddrFrom4([4]byte{192, 0, 2, who}), false
			}
		})
		forget := func() {
			source.mu.Lock()
			defer source.mu.Unlock()
			delete(source.stored, "/")
		}
		p.Send(get("/"))
		p.WantResponse(200, "home")
		synctest.Wait()
		forget()
		p.Send(get("/")) // the second of two
		if r := p.Response("GET"); r.StatusCode == http.StatusTooManyRequests {
			t.Error("it has counted twice")
		}
		p.Send(get("/"))
		p.wantRefused("GET", false)
		synctest.Wait()
		who = 1
		p.Send(get("/"))
		if r := p.Response("GET"); r.StatusCode == http.StatusTooManyRequests {
			t.Error("it has counted for the client before")
		}
		p.Conn.Close()
	})
}

// TestPerClientInTheLog: what is beyond the limit is marked, refused or not, and
// nothing else: not the malformed request that comes behind it.
func TestPerClientInTheLog(t *testing.T) {
	for name, tt := range map[string]struct {
		dryRun bool
		want   []string
	}{
		"refused": {false, []string{"GET / 200", "GET / 200", "GET / 429 limited", "GET /x 429 limited", "  400"}},
		"dry run": {true, []string{"GET / 200", "GET / 200", "GET / 200 limited", "GET /x 200 limited", "  400"}},
	} {
		t.Run(name, func(t *testing.T) {
			var text []byte
			synctest.Test(t, func(t *testing.T) {
				var file string
				var stop func()
				p := limited(t, tt.dryRun, func(cfg *Config) { file, stop = logTo(t, cfg, access.Config{Mode: access.All}) })
				p.Send(strings.Repeat(get("/"), 3) + get("/x") + "GET \r\n\r\n")
				for range 5 {
					p.Response("GET")
				}
				p.WantEOF()
				p.wait()
				stop()
				var err error
				if text, err = os.ReadFile(file); err != nil {
					t.Fatal(err)
				}
			})
			var got []string
			for line := range strings.Lines(string(text)) {
				var l struct {
					Method, Path string
					Status       int
					Limited      bool
				}
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				entry := fmt.Sprintf("%s %s %d", l.Method, l.Path, l.Status)
				if l.Limited {
					entry += " limited"
				}
				got = append(got, entry)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the log has\n%q, want\n%q", got, tt.want)
			}
		})
	}
}
