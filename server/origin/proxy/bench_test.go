//go:build unix

package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"syscall"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// benchFields are those of a browser.
var benchFields = []string{
	"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
	"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "accept-language", "en-US,en;q=0.9",
	"accept-encoding", "gzip, deflate, br, zstd", "cookie", "session=0123456789abcdef0123456789abcdef",
	"sec-fetch-dest", "document", "sec-fetch-mode", "navigate", "sec-fetch-site", "none", "x-request-id", "1234",
}

// processor reports the CPU time of the whole process for each operation, the
// origin's included: on a machine that is shared, it is steadier than ns/op.
func processor(b *testing.B) {
	spent := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := spent()
	b.Cleanup(func() { b.ReportMetric(float64(spent()-before)/float64(b.N), "cpu-ns/op") })
}

func benchOrigin(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 1024)
	clearOrigin(b, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/plain")
		h.Set("Cache-Control", "max-age=60")
		h.Set("Etag", `"0123456789"`)
		_, _ = w.Write(body)
	}))
	return l.Addr().String()
}

// discard is a Sink without a client.
type discard struct{ n int }

func (d *discard) Inform(int, []hpack.Field) error { return nil }
func (d *discard) Head(origin.Head) error          { return nil }
func (d *discard) Write(p []byte) (int, error)     { d.n += len(p); return len(p), nil }
func (d *discard) Flush() error                    { return nil }
func (d *discard) Answer(origin.Answer) error      { return io.ErrClosedPipe }
func (d *discard) End([]hpack.Field) error         { return nil }
func (d *discard) Tunnel(int, []hpack.Field) (io.ReadWriteCloser, error) {
	return nil, io.ErrClosedPipe
}

// BenchmarkFetch is 1 KiB from a net/http origin over loopback, whose work is
// part of the figure.
func BenchmarkFetch(b *testing.B) {
	for _, scheme := range []string{"http://", "h2c://"} {
		b.Run(scheme[:len(scheme)-3], func(b *testing.B) {
			p := proxyTo(b, Config{Upstreams: []string{scheme + benchOrigin(b)}})
			r := get("/", benchFields...)
			processor(b)
			b.ReportAllocs()
			for b.Loop() {
				d := discard{}
				if err := p.Fetch(b.Context(), r, &d); err != nil || d.n != 1024 {
					b.Fatal(err, d.n)
				}
			}
		})
	}
}

// BenchmarkReverseProxy is the plain alternative.
func BenchmarkReverseProxy(b *testing.B) {
	target, err := url.Parse("http://" + benchOrigin(b))
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}
	b.Cleanup(transport.CloseIdleConnections)
	p := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
	r := httptest.NewRequest("GET", "/", nil)
	for i := 0; i < len(benchFields); i += 2 {
		r.Header.Add(benchFields[i], benchFields[i+1])
	}
	processor(b)
	b.ReportAllocs()
	for b.Loop() {
		w := &discardWriter{header: make(http.Header)}
		if p.ServeHTTP(w, r); w.n != 1024 {
			b.Fatal(w.n)
		}
	}
}

type discardWriter struct {
	header http.Header
	n      int
}

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) WriteHeader(int)             {}
func (w *discardWriter) Write(p []byte) (int, error) { w.n += len(p); return len(p), nil }

// BenchmarkPrepare is our part of the way out.
func BenchmarkPrepare(b *testing.B) {
	p := proxyTo(b, Config{Upstreams: []string{"http://127.0.0.1:1"}})
	r := get("/", benchFields...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.prepare(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFramer is our part of the way in.
func BenchmarkFramer(b *testing.B) {
	text := []byte("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Type: text/plain\r\nEtag: \"0123456789\"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 1024\r\n\r\n")
	text = append(text, make([]byte, 1024)...)
	var f framer
	b.ReportAllocs()
	for b.Loop() {
		var out reply
		f.begin(otherMethod, &out)
		if n, err := f.next(text); err != nil || n != len(text) || !f.done() {
			b.Fatal(n, err)
		}
	}
}
