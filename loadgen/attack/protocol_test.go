package attack

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// TestProtocols: which version of HTTP is spoken with a server, by the URL, what is
// asked for and what the server has.
func TestProtocols(t *testing.T) {
	t.Parallel()
	const none = exchange.Protocols(0)
	for _, tt := range []struct {
		why        string
		secure     bool
		serverHas  exchange.Protocols
		http1, h2c bool
		want       exchange.Protocols
		fallback   bool
	}{
		{"https is asked by HTTP/2", true, exchange.HTTP1 | exchange.HTTP2, false, false, exchange.HTTP2, false},
		{"a server without HTTP/2 chooses HTTP/1.1", true, exchange.HTTP1, false, false, exchange.HTTP1, true},
		{"a server without ALPN speaks HTTP/1.1", true, none, false, false, exchange.HTTP1, true},
		{"HTTP/1.1 alone is offered", true, exchange.HTTP1 | exchange.HTTP2, true, false, exchange.HTTP1, false},
		{"http is asked by HTTP/1.1", false, exchange.HTTP1 | exchange.HTTP2, false, false, exchange.HTTP1, false},
		{"http is asked by HTTP/2 on demand", false, exchange.HTTP1 | exchange.HTTP2, false, true, exchange.HTTP2, false},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			seen := make(chan int, 1000)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen <- r.ProtoMajor
				time.Sleep(10 * time.Millisecond)
				hello(w, r)
			}))
			s.Config.ErrorLog = quiet
			cfg := Config{Connections: 2, Streams: 8, Timeout: 5 * time.Second, HTTP1: tt.http1, H2C: tt.h2c, Pacer: perSecond(100), Requests: 50}
			if !tt.secure {
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetHTTP1(true)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
				s.Start()
			} else {
				s.EnableHTTP2 = tt.serverHas&exchange.HTTP2 != 0
				s.StartTLS()
				if tt.serverHas == none {
					s.TLS.NextProtos = nil
				}
				cfg.CACert = (&target{Server: s}).ca()
			}
			t.Cleanup(s.Close)
			cfg.Targets = []vegeta.Target{{Method: "GET", URL: s.URL}}
			r := attackWith(t, context.Background(), cfg)
			if r.Total.Succeeded() != 50 || r.Summary.Spoken != tt.want || r.Summary.Fallback != tt.fallback {
				t.Errorf("%d of 50 succeeded; %v was spoken, by fallback %v: %v", r.Total.Succeeded(), r.Summary.Spoken, r.Summary.Fallback, r.Total.Errors)
			}
			wantMajor := map[exchange.Protocols]int{exchange.HTTP1: 1, exchange.HTTP2: 2}[tt.want]
			for range len(seen) {
				if major := <-seen; major != wantMajor {
					t.Fatalf("the server saw HTTP/%d", major)
				}
			}
			if preferred := cfg.Preferred(); preferred != tt.want && !tt.fallback || preferred != exchange.HTTP2 && tt.fallback {
				t.Errorf("%v was preferred", preferred)
			}
		})
	}
}

// TestProtocolsAreChecked: what does not go together.
func TestProtocolsAreChecked(t *testing.T) {
	for _, tt := range []struct {
		why, url, want string
		http1          bool
	}{
		{"both", "http://a.example/", "one of the two", true},
		{"h2c for https", "https://a.example/", "for targets with http://, and there is none", false},
		{"h2c for http", "HTTP://a.example/", "", false},
	} {
		cfg := Config{Targets: []vegeta.Target{{Method: "GET", URL: tt.url}}, Requests: 1, Connections: 1, Streams: 1, Timeout: time.Second, HTTP1: tt.http1, H2C: true}
		if err := cfg.Check(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.want)
		}
	}
	cfg := Config{Targets: []vegeta.Target{{URL: "https://a"}, {URL: "http://a"}, {URL: "x"}}}
	if got := cfg.Preferred().String(); got != "h2 and http/1.1" {
		t.Errorf("https and http prefer %q", got)
	}
}
