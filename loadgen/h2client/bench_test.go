package h2client

import (
	"bytes"
	"io"
	"testing"
	"time"

	"golang.org/x/net/http2"
	xhpack "golang.org/x/net/http2/hpack"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// BenchmarkExchanges is requests made and their responses judged, 32 in a
// batch, without a socket. Beside it x/net's Framer only reads the same
// responses.
func BenchmarkExchanges(b *testing.B) {
	const streams = 32
	for _, c := range []struct {
		name   string
		varied bool
	}{{"one-head", false}, {"varied-heads", true}} {
		b.Run("h2client/"+c.name, func(b *testing.B) {
			d := &closedLoop{requests: pages(b, 1)}
			_, client := testkit.TCPPair(b)
			defer client.Close()
			conn := New(&exchange.Config{Epoch: time.Now().Add(-start), Streams: streams, Timeout: timeout}, wire.NewClient(client, nil, exchangetest.Options()), d)
			feed(b, conn, frame.AppendSettings(nil))
			responses := newBatch(streams, c.varied)
			b.ReportAllocs()
			b.SetBytes(int64(len(responses.bytes)))
			for b.Loop() {
				d.left = streams
				from := conn.nextID
				conn.tick()
				conn.sendRequests()
				feed(b, conn, responses.answer(from))
				conn.wire.Out = conn.wire.Out[:0]
			}
			if d.succeeded != streams*b.N {
				b.Fatalf("%d exchanges succeeded of %d", d.succeeded, streams*b.N)
			}
			perExchange(b, streams)
		})
		b.Run("framer/"+c.name, func(b *testing.B) {
			source := bytes.NewReader(nil)
			f := http2.NewFramer(io.Discard, source)
			f.SetReuseFrames()
			f.ReadMetaHeaders = xhpack.NewDecoder(4096, nil)
			responses := newBatch(streams, c.varied)
			id := uint32(1)
			b.ReportAllocs()
			b.SetBytes(int64(len(responses.bytes)))
			for b.Loop() {
				source.Reset(responses.answer(id))
				for range responses.frames {
					if _, err := f.ReadFrame(); err != nil {
						b.Fatal(err)
					}
				}
				id += 2 * streams
			}
			perExchange(b, streams)
		})
	}
}

func perExchange(b *testing.B, n int) {
	exchanges := float64(b.N * n)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/exchanges, "ns/exchange")
	b.ReportMetric(exchanges/b.Elapsed().Seconds(), "exchanges/s")
}

// feed has whole frames handled as takeFrames does.
func feed(b *testing.B, c *Conn, p []byte) {
	for len(p) > 0 {
		h := frame.ParseHeader(p)
		size := frame.HeaderLen + int(h.Length)
		err := frame.Check(h, frame.MinMaxSize)
		if err == nil {
			err = c.onFrame(h, p[frame.HeaderLen:size])
		}
		if err != nil {
			b.Fatal(err)
		}
		p = p[size:]
	}
}
