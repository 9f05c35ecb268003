package h2

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/nethttp"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// hitClient asks for one path again and again, in batches, as a load generator
// does, without an allocation of its own.
type hitClient struct {
	conn  net.Conn
	ended *h2peer.Counter
	batch []byte // requests, and the WINDOW_UPDATE that pays for their bodies
	heads []int  // offsets in batch of their stream identifiers
	next  uint32
}

const hitBody = 1 << 10

// newHitClient begins a session and asks once, with every field entered into
// the table, and then by reference, until nothing new is to come. If the
// requests are varied, too many differ for the connection to remember them. body
// is the size of what answers each.
func newHitClient(tb testing.TB, conn net.Conn, perTurn int, varied bool, body int) *hitClient {
	tb.Helper()
	var e hpack.Encoder
	block := func() (b []byte) {
		for _, f := range []hpack.Field{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "127.0.0.1:8443"},
			{Name: ":path", Value: "/bench"}, {Name: "user-agent", Value: "h2load nghttp2/1.52.0"},
		} {
			b = e.AppendField(b, f, true)
		}
		return b
	}
	c := &hitClient{conn: conn, ended: h2peer.NewCounter(conn, 256<<10), next: 1}
	hello := append([]byte(frame.Preface), frame.AppendSettings(nil)...)
	c.add(block())
	c.batch = append(hello, c.batch...)
	c.heads[0] += len(hello)
	if err := c.round(); err != nil {
		tb.Fatal(err)
	}
	c.batch, c.heads = nil, nil
	again := block()
	for i := range perTurn {
		request := again
		if varied { // a field of its own, not indexed
			request = hpack.AppendLiteral(slices.Clip(again), hpack.Field{Name: "x-request", Value: strconv.Itoa(i)})
		}
		c.add(request)
	}
	c.batch = frame.AppendWindowUpdate(c.batch, 0, uint32(perTurn*body))
	for range 4 {
		if err := c.round(); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

func (c *hitClient) add(block []byte) {
	c.heads = append(c.heads, len(c.batch)+5)
	c.batch = frame.AppendHeaders(c.batch, 1, true, block, frame.MinMaxSize)
}

// round sends a batch and reads until all of it is answered.
func (c *hitClient) round() error {
	for _, at := range c.heads {
		binary.BigEndian.PutUint32(c.batch[at:], c.next)
		c.next += 2
	}
	if _, err := c.conn.Write(c.batch); err != nil {
		return err
	}
	return c.ended.Await(len(c.heads))
}

// serveHits serves /bench from memory on one end of a connection and returns the
// other. All metrics are on, memory is counted, and the access log as log says.
// body is its size.
func serveHits(tb testing.TB, log access.Config, body int) (net.Conn, *metrics.Hotpath) {
	tb.Helper()
	return serveLimited(tb, log, body, perclient.Config{})
}

// serveLimited is serveHits with limits of a client.
func serveLimited(tb testing.TB, log access.Config, body int, limits perclient.Config) (net.Conn, *metrics.Hotpath) {
	tb.Helper()
	server, client := testkit.TCPPair(tb)
	m := metrics.NewHotpath(metrics.Options{})
	cfg := &Config{
		Source:  stored("/bench", strings.Repeat("x", body)),
		Handler: nethttp.Handler(http.NotFoundHandler()),
		Metrics: m,
		Log:     slog.New(slog.DiscardHandler),
		Access:  recorder(tb, log, m),
		Ledger:  ledger(tb),
		Limits:  filled(Limits{}),
	}
	cfg.PerClient = perclient.New(limits).Requests(m)
	c := NewConn(cfg, wire.New(server, nil, &wire.Options{Metrics: wire.ServerMetrics(m), WriteTimeout: 30 * time.Second, WriteQuantum: 30 << 10}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Serve()
	}()
	tb.Cleanup(func() {
		client.Close()
		<-ended
	})
	return client, m
}

// serveNetHTTP does the same with net/http.
func serveNetHTTP(tb testing.TB) net.Conn {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	body := []byte(strings.Repeat("x", hitBody))
	server := &http.Server{
		Protocols: new(http.Protocols),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "text/plain")
			h.Set("Content-Length", "1024")
			h.Set("Etag", `"1024"`)
			_, _ = w.Write(body)
		}),
	}
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(l) }() // until it is closed
	tb.Cleanup(func() { server.Close() })
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close() })
	return client
}

// BenchmarkHit is a turn: 32 requests that came together, or one. net/http
// stands beside it, on the same kind of connection; and the engine with its
// access log on.
func BenchmarkHit(b *testing.B) {
	for _, perTurn := range []int{32, 1} {
		for _, server := range []struct {
			name  string
			serve func(testing.TB) net.Conn
		}{
			{"hotpath", logging(access.Config{Mode: access.Off})},
			{"sampled", logging(access.Config{Mode: access.Sampled, Sample: 100})},
			{"all", logging(access.Config{Mode: access.All})},
			{"nethttp", serveNetHTTP},
		} {
			b.Run(fmt.Sprintf("%s-%d", server.name, perTurn), func(b *testing.B) {
				c := newHitClient(b, server.serve(b), perTurn, false, hitBody)
				b.ReportAllocs()
				for b.Loop() {
					if err := c.round(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perTurn), "ns/hit")
			})
		}
	}
}

func logging(log access.Config) func(testing.TB) net.Conn {
	return func(tb testing.TB) net.Conn {
		conn, _ := serveHits(tb, log, hitBody)
		return conn
	}
}

// TestHitsOverTCP: the client of the benchmark gets what it asks for.
func TestHitsOverTCP(t *testing.T) {
	conn, m := serveHits(t, access.Config{Mode: access.Off}, hitBody)
	c := newHitClient(t, conn, 32, false, hitBody)
	for range 100 {
		if err := c.round(); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Error(err)
	}
	if n := m.Requests.Value(metrics.H2, metrics.Class2xx, metrics.Hit); n != 1+104*32 {
		t.Errorf("%d hits counted", n)
	}
}
