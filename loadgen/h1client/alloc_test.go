package h1client

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// typical are responses as servers send them.
var typical = []struct{ name, raw string }{
	{"counted", "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 06 Oct 2026 10:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n" +
		"Content-Length: 1024\r\nLast-Modified: Mon, 05 Oct 2026 08:30:00 GMT\r\nConnection: keep-alive\r\nETag: \"68e22d48-400\"\r\n" +
		"Cache-Control: public, max-age=3600\r\nAccept-Ranges: bytes\r\n\r\n" + strings.Repeat("x", 1<<10)},
	{"chunked", "HTTP/1.1 200 OK\r\nDate: Tue, 06 Oct 2026 10:00:00 GMT\r\nContent-Type: application/json\r\nVary: Accept-Encoding\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("100\r\n"+strings.Repeat("x", 256)+"\r\n", 4) + "0\r\n\r\n"},
	{"of a cache", "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\nETag: \"68e22d48-400\"\r\nAge: 17\r\n" +
		"Cache-Status: ExampleCache; fwd=uri-miss; stored, hotpath; hit; ttl=376\r\n\r\n" + strings.Repeat("x", 1<<10)},
}

// parse parses a response that is there at once and returns its content's size.
func parse(tb testing.TB, p *parser, raw []byte) (size int) {
	for p.begin(false); p.state != whole; {
		n, content, f := p.next(raw)
		if n == 0 || f != nil {
			tb.Fatalf("not whole: %v", f)
		}
		size += len(content)
		raw = raw[n:]
	}
	return size
}

func TestParserDoesNotAllocate(t *testing.T) {
	for _, c := range typical {
		raw := []byte(c.raw)
		var p parser
		if n := testing.AllocsPerRun(100, func() { parse(t, &p, raw) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// closedLoop is a driver that always has the same ticket.
type closedLoop struct {
	ticket    exchange.Ticket
	succeeded atomic.Int64
}

func (d *closedLoop) Next(now time.Duration) (exchange.Ticket, bool) {
	d.ticket.Due = now
	return d.ticket, true
}

func (d *closedLoop) Done(o *exchange.Outcome) {
	if o.Succeeded() {
		d.succeeded.Add(1)
	}
}

func (d *closedLoop) Again(exchange.Ticket, *exchange.Failure)            {}
func (d *closedLoop) Rest(time.Duration) (until time.Duration, more bool) { return 0, true }
func (d *closedLoop) Full() time.Duration                                 { return 0 }

// TestExchangeDoesNotAllocate is the whole way: a ticket, the request on a
// socket, the response, the outcome.
func TestExchangeDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, c := range typical {
		t.Run(c.name, func(t *testing.T) {
			server, client := testkit.TCPPair(t)
			const exchanges = 1000
			d := &closedLoop{ticket: exchange.Ticket{Request: request(t, "GET", "http://test/", "")}}
			tags := 0
			conn := New(&exchange.Config{Epoch: time.Now().Add(-start), Timeout: timeout, ETag: func(*exchange.Request, []byte) { tags++ }}, wire.NewClient(client, nil, exchangetest.Options()), d)
			ended := make(chan *exchange.Failure, 1)
			go func() { ended <- conn.Serve() }()
			raw, asked := []byte(c.raw), make([]byte, len(d.ticket.Request.Head))
			n := testing.AllocsPerRun(exchanges, func() {
				if _, err := io.ReadFull(server, asked); err != nil {
					t.Fatal(err)
				}
				if _, err := server.Write(raw); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations for an exchange", n)
			}
			server.Close()
			<-ended
			if n := d.succeeded.Load(); n < exchanges {
				t.Errorf("%d exchanges succeeded of %d", n, exchanges)
			}
			if tagged := strings.Contains(c.raw, "ETag"); tagged != (tags >= exchanges) {
				t.Errorf("%d ETags of %d exchanges", tags, exchanges)
			}
		})
	}
}

// BenchmarkResponse reads a response, beside net/http with its buffers reused.
func BenchmarkResponse(b *testing.B) {
	for _, c := range typical {
		raw := []byte(c.raw)
		b.Run(fmt.Sprintf("h1client/%s", c.name), func(b *testing.B) {
			b.ReportAllocs()
			var p parser
			for b.Loop() {
				if parse(b, &p, raw) != 1<<10 {
					b.Fatal("not the content")
				}
			}
		})
		b.Run(fmt.Sprintf("net-http/%s", c.name), func(b *testing.B) {
			b.ReportAllocs()
			source := bytes.NewReader(nil)
			r := bufio.NewReader(source)
			for b.Loop() {
				source.Reset(raw)
				r.Reset(source)
				response, err := http.ReadResponse(r, nil)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, response.Body); n != 1<<10 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
