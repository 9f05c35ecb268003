package h2client

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// TestNetHTTP sends thousands of requests to net/http's HTTP/2 server over TLS,
// contents both ways.
func TestNetHTTP(t *testing.T) {
	page := noise(1 << 20)
	mux := http.NewServeMux()
	mux.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page[:1000]) })
	mux.HandleFunc("/parts", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Size")
		w.WriteHeader(http.StatusEarlyHints)
		for i := range 10 {
			_, _ = io.WriteString(w, page[i*10_000:][:10_000])
			w.(http.Flusher).Flush()
		}
		w.Header().Set("Size", "it was so large")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	targets := []struct {
		method, path, body string
		status, bytesIn    int
		every              int // of 100
		failure            *exchange.Failure
	}{
		{"GET", "/small", "", 200, 1000, 40, nil},
		{"HEAD", "/small", "", 200, 0, 10, nil},
		{"GET", "/parts", "", 200, 100_000, 15, nil},
		{"POST", "/echo", page[:5000], 200, 5000, 15, nil},
		{"PUT", "/echo", page, 200, len(page), 2, nil},
		{"POST", "/early", page, 413, 0, 3, nil},
		{"PUT", "/echo", "", 200, 0, 5, nil},
		{"GET", "/none", "", 204, 0, 5, nil},
		{"GET", "/missing", "", 404, len("404 page not found\n"), 3, nil},
		{"GET", "/abort", "", 0, 0, 2, &exchange.Failure{Kind: exchange.Reset, Detail: "INTERNAL_ERROR"}},
	}
	const rounds = 20
	d := exchangetest.NewDriver()
	var requests []*exchange.Request
	for i, target := range targets {
		requests = append(requests, request(t, i, target.method, server.URL+target.path, target.body, "X-Target", strings.Repeat(target.path, i)))
	}
	for i := range rounds * 100 {
		n := i % 100
		for j, target := range targets {
			if n -= target.every; n < 0 {
				d.Add(0, requests[j])
				break
			}
		}
	}
	total := len(d.Tickets)
	d.Close()
	digests, err := exchange.NewDigests(exchange.DigestFirst, len(targets))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := wire.NewClient(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}, exchangetest.Options())
	if err := w.Handshake(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	cfg := &exchange.Config{Epoch: time.Now().Add(-start), Streams: 50, Timeout: time.Minute, Digests: digests}
	if failure := New(cfg, w, d).Serve(); failure != nil {
		t.Fatal(failure)
	}
	d.Check(t)
	if total != rounds*100 || len(d.Outcomes) != total {
		t.Errorf("%d outcomes of %d, %d given back", len(d.Outcomes), total, len(d.Returned))
	}
	counts := make([]int, len(targets))
	for _, o := range d.Outcomes {
		target := targets[o.Request.Target]
		counts[o.Request.Target]++
		whole := o.BytesOut == int64(len(target.body)) || target.status == 413
		if o.Status != target.status || !same(o.Failure, target.failure) || o.BytesIn != int64(target.bytesIn) || !whole {
			t.Fatalf("%s %s: status %d, %d bytes in, %d out, %v", target.method, target.path, o.Status, o.BytesIn, o.BytesOut, o.Failure)
		}
	}
	for i, target := range targets {
		if counts[i] != rounds*target.every {
			t.Errorf("%s %s: %d outcomes, want %d", target.method, target.path, counts[i], rounds*target.every)
		}
	}
}
