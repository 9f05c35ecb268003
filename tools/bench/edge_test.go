//go:build linux

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// TestProxies starts every proxy with the configuration that we write, before
// the upstream, and compares what they pass on.
func TestProxies(t *testing.T) {
	needTools(t, servers.NginxPath())
	st := newState(t)
	up, err := startUpstream(t.Context(), st.site)
	if err != nil {
		t.Fatal(err)
	}
	defer up.Stop()
	st.site.upstream = up.Addr
	for name, c := range map[string]contender{
		nginx: nginxProxyContender(), haproxy: haproxyContender(), h2o: h2oProxyContender(),
		reverseProxy: reverseProxyContender(self(t)), hotpath: hotpathBefore(hotpath, self(t)),
	} {
		t.Run(name, func(t *testing.T) {
			if packages[name] != "" {
				needTools(t, programPath(name))
			}
			p, err := start(t.Context(), c, st.site)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop()
			if err := verify(t.Context(), p, st.site); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUpstreamPlaces expects each place to say what a cache may do with it.
func TestUpstreamPlaces(t *testing.T) {
	needTools(t, servers.NginxPath())
	st := newState(t)
	up, err := startUpstream(t.Context(), st.site)
	if err != nil {
		t.Fatal(err)
	}
	defer up.Stop()
	for place, want := range map[string]string{
		placeMiss: "no-store", placeHit: "max-age=3600", placeVary: "max-age=3600 Accept-Encoding", placePublic: "public, max-age=3600",
	} {
		resp, err := http.Get("http://" + up.Addr + place + bodies[1].file())
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		got := strings.TrimSpace(resp.Header.Get("Cache-Control") + " " + resp.Header.Get("Vary"))
		if err != nil || resp.StatusCode != http.StatusOK || int64(len(data)) != bodies[1].size || got != want {
			t.Errorf("%s: %s, %d bytes, %q, want %q: %v", place, resp.Status, len(data), got, want, err)
		}
	}
}

// TestCaddyConfig expects JSON that names the upstream and the port.
func TestCaddyConfig(t *testing.T) {
	s := &site{cert: "c", key: "k", upstream: "127.0.0.1:1"}
	text, err := caddyConfig(s, "127.0.0.1:2345", true)
	if err != nil || !json.Valid(text) || !strings.Contains(string(text), `"dial":"127.0.0.1:1"`) || !strings.Contains(string(text), `"https_port":2345`) {
		t.Errorf("%s: %v", text, err)
	}
	if _, err := caddyConfig(s, "no port", true); err == nil {
		t.Error("an address without a port: want an error")
	}
}

// TestMeasureMisses measures a miss and all that needs no cache, with
// ReverseProxy in hotpath's place.
func TestMeasureMisses(t *testing.T) {
	needTools(t, "h2load", servers.NginxPath())
	st := newState(t, hotpath)
	st.size.rounds, st.binary = 1, self(t)
	up, err := startUpstream(t.Context(), st.site)
	if err != nil {
		t.Fatal(err)
	}
	defer up.Stop()
	st.site.upstream = up.Addr
	rows, err := chooseRows(edgeRows(), "^(miss-h2-8x32-1KiB|stalled|stale|download|upload|keys)$")
	if err != nil {
		t.Fatal(err)
	}
	if err := measureAll(t.Context(), []contender{hotpathBefore(hotpath, st.binary)}, rows, st); err != nil {
		t.Fatal(err)
	}
	for row, m := range map[string]metric{
		"miss-h2-8x32-1KiB": cpuPerRequest, rowStalled: p99Stalled, rowStale: staleWait, rowDownload: memoryGrowth, rowUpload: memoryGrowth, rowKeys: memoryAfter,
	} {
		if _, ok := st.res.median(row, hotpath, m); !ok {
			t.Errorf("%s: no %s", row, metricInfos[m].title)
		}
	}
}

// TestPartsFailWithoutCoalescing expects the row to notice a server that asks the
// upstream once for each request.
func TestPartsFailWithoutCoalescing(t *testing.T) {
	st := newState(t, hotpath)
	st.binary = self(t)
	rows, err := chooseRows(edgeRows(), "^parts$")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows[0].measure(t.Context(), nil, st); err == nil || !strings.Contains(err.Error(), "100 requests at the upstream") {
		t.Errorf("%v, want 100 requests at the upstream", err)
	}
}

// TestRandomSize expects sizes from one byte up, few of them large.
func TestRandomSize(t *testing.T) {
	small, large := 0, int64(0)
	for range 200_000 {
		n := randomSize()
		if n < 1 || n > 64<<20 {
			t.Fatalf("%d bytes", n)
		}
		if n <= 4<<10 {
			small++
		}
		large = max(large, n)
	}
	if small < 150_000 || large < 1<<20 {
		t.Errorf("%d of 200,000 up to 4 KiB, the largest %d bytes", small, large)
	}
}
