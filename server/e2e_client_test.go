package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
)

// TestClientsAddress: behind a balancer of TCP and a proxy of HTTP, the access
// log and the upstream have the client's address, of hits and misses alike.
func TestClientsAddress(t *testing.T) {
	type asked struct{ forwarded, real string }
	heads := make(chan asked, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heads <- asked{r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Real-Ip")}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write([]byte("hello"))
	}))
	defer upstream.Close()
	dir := t.TempDir()
	logFile, config := filepath.Join(dir, "access.log"), filepath.Join(dir, "hotpath.yaml")
	text := fmt.Sprintf("proxy-protocol-from: [127.0.0.0/8]\naccess-log: all\naccess-log-format: json\naccess-log-file: %s\n"+
		"sites:\n- default: true\n  upstream: %s\n  trusted-proxies: [203.0.113.0/24]\n", logFile, upstream.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-config", config)
	var want []string
	for i, tt := range []struct {
		source, claim string
		client        string
		forwarded     string // that the upstream sees
	}{
		{"198.51.100.1:1000", "192.0.2.9", "198.51.100.1", "198.51.100.1"},
		{"203.0.113.7:1000", "192.0.2.9, 198.51.100.2", "198.51.100.2", "192.0.2.9, 198.51.100.2, 203.0.113.7"},
		{"[2001:db8::1]:1000", "", "2001:db8::1", "2001:db8::1"},
		{"", "192.0.2.9", "127.0.0.1", "127.0.0.1"}, // the balancer's own
	} {
		for _, protocol := range overTCP {
			c := p.client(protocol)
			c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				nc, err := new(net.Dialer).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				var h proxyproto.Header
				if tt.source != "" {
					h.Source = netip.MustParseAddrPort(tt.source)
					h.Destination = netip.AddrPortFrom(h.Source.Addr(), 443)
				}
				_, err = nc.Write(proxyproto.AppendV2(nil, h, nil))
				return nc, err
			}
			path := fmt.Sprintf("/%d/%s", i, protocol)
			const hits = 3
			for range 1 + hits {
				if status := p.ask(c, "GET", path, "X-Forwarded-For", tt.claim); status != http.StatusOK {
					t.Fatalf("%s: status %d", path, status)
				}
			}
			if got := <-heads; got.forwarded != tt.forwarded || got.real != tt.client {
				t.Errorf("%s: the upstream gets %+v, want %q and %q", path, got, tt.forwarded, tt.client)
			}
			want = append(want, "miss "+tt.client+" "+path)
			for range hits {
				want = append(want, "hit "+tt.client+" "+path)
			}
		}
	}
	p.stop()
	var got []string
	for _, line := range linesOf(t, logFile) {
		var l struct{ Remote, Path, Cache string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Cache+" "+l.Remote+" "+l.Path)
	}
	slices.Sort(got) // connections are reported in any order
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the access log has\n%q, want\n%q", got, want)
	}
}
