package h1client

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// TestNetHTTP sends thousands of requests to a server of net/http over TLS, on
// a new connection whenever it closes one.
func TestNetHTTP(t *testing.T) {
	page := make([]byte, 100_000)
	mux := http.NewServeMux()
	mux.HandleFunc("/counted", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page[:1000]) })
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		for rest := page; len(rest) > 0; rest = rest[10_000:] {
			_, _ = w.Write(rest[:10_000])
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Size")
		body, _ := io.ReadAll(r.Body) // all of it: once it answers, net/http reads no more
		_, _ = w.Write(body)
		w.Header().Set("Size", "it was so large")
	})
	mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/close", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = w.Write(page[:10])
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()

	targets := []struct {
		method, path, body string
		status, bytesIn    int
	}{
		{"GET", "/counted", "", 200, 1000},
		{"HEAD", "/counted", "", 200, 0},
		{"GET", "/chunked", "", 200, 100_000},
		{"POST", "/echo", string(page[:50_000]), 200, 50_000},
		{"PUT", "/echo", "", 200, 0},
		{"GET", "/empty", "", 204, 0},
		{"GET", "/missing", "", 404, len("404 page not found\n")},
	}
	const rounds, closings = 500, 10
	d := exchangetest.NewDriver()
	d.Close() // what is added is all there is
	for i := range rounds {
		for _, target := range targets {
			d.Add(0, request(t, target.method, server.URL+target.path, target.body))
		}
		if i%(rounds/closings) == 0 {
			d.Add(0, request(t, "GET", server.URL+"/close", ""))
		}
	}
	total := len(d.Tickets)
	cfg, opt := &exchange.Config{Epoch: time.Now().Add(-start), Timeout: time.Minute}, exchangetest.Options()
	connections := 0
	for failure := byServer; failure != nil; {
		connections++
		nc, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		w := wire.NewClient(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}, opt)
		if err := w.Handshake(time.Now().Add(timeout)); err != nil {
			t.Fatal(err)
		}
		if failure = New(cfg, w, d).Serve(); failure != nil && !same(failure, byServer) {
			t.Fatal(failure)
		}
	}
	if len(d.Outcomes) != total || len(d.Returned) > 0 || connections != 1+closings {
		t.Errorf("%d outcomes of %d, %d given back, on %d connections", len(d.Outcomes), total, len(d.Returned), connections)
	}
	counts := make(map[string]int)
	for i, o := range d.Outcomes {
		if o.Seq != uint64(i) || o.Failure != nil || o.Sent == 0 || o.Ended < o.Sent {
			t.Fatalf("outcome %d: %+v", i, o)
		}
		counts[o.Request.Method+o.Request.URL]++
		for _, target := range targets {
			if o.Request.Method != target.method || o.Request.URL != server.URL+target.path {
				continue
			}
			if o.Status != target.status || o.BytesIn != int64(target.bytesIn) || o.BytesOut != int64(len(target.body)) {
				t.Fatalf("%s %s: %+v", target.method, target.path, o)
			}
		}
	}
	for _, target := range targets {
		if n := counts[target.method+server.URL+target.path]; n != rounds {
			t.Errorf("%s %s: %d outcomes, want %d", target.method, target.path, n, rounds)
		}
	}
}
