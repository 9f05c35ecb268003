package h2client

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// TestExchangesDoNotAllocate is the whole way: a ticket, the request on a
// socket, the response, the outcome. Both ends of the connection are counted.
func TestExchangesDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	posts := []*exchange.Request{request(t, 0, "POST", "https://127.0.0.1:8443/", strings.Repeat("b", 3000))}
	tags := 0
	for _, c := range []struct {
		name     string
		requests []*exchange.Request
		streams  int
		varied   bool
		digest   string
		tags     func(*exchange.Request, []byte)
	}{
		{"one", pages(t, 1), 1, false, exchange.DigestOff, nil},
		{"batches", pages(t, 1), 32, false, exchange.DigestOff, nil},
		{"heads that differ", pages(t, 1), 32, true, exchange.DigestOff, nil},
		{"three targets", pages(t, 3), 32, false, exchange.DigestOff, nil},
		{"forty targets", pages(t, 40), 32, false, exchange.DigestOff, nil},
		{"with content", posts, 8, false, exchange.DigestOff, nil},
		{"digests", pages(t, 1), 8, false, exchange.DigestFirst, nil},
		{"ETags", pages(t, 1), 8, false, exchange.DigestOff, func(_ *exchange.Request, tag []byte) {
			if tags++; len(tag) == 0 || tag[0] != '"' {
				t.Errorf("the ETag %q", tag)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			digests, err := exchange.NewDigests(c.digest, len(c.requests))
			if err != nil {
				t.Fatal(err)
			}
			server, client := testkit.TCPPair(t)
			d := &closedLoop{requests: c.requests, left: -1}
			engine := New(
				&exchange.Config{Epoch: time.Now().Add(-start), Streams: c.streams, Timeout: timeout, Digests: digests, ETag: c.tags},
				wire.NewClient(client, nil, exchangetest.Options()), d,
			)
			ended := make(chan *exchange.Failure, 1)
			go func() { ended <- engine.Serve() }()
			s := &cannedServer{conn: server, responses: newBatch(c.streams, c.varied), ended: h2peer.NewCounter(server, 128<<10), next: 1}
			s.begin(t)
			const rounds = 200
			for range 10 {
				s.round(t)
			}
			if n := testing.AllocsPerRun(rounds, func() { s.round(t) }); n != 0 {
				t.Errorf("%v allocations for %d exchanges", n, c.streams)
			}
			server.Close()
			if f := <-ended; f == nil || f.Kind != exchange.Closed {
				t.Errorf("ended for %v", f)
			}
			if want := (rounds + 11) * c.streams; d.succeeded != want || d.bytesIn != int64(want*pageSize) {
				t.Errorf("%d exchanges succeeded with %d bytes, want %d", d.succeeded, d.bytesIn, want)
			}
			if want := (rounds + 11) * c.streams; c.tags != nil && tags != want {
				t.Errorf("%d ETags, want %d", tags, want)
			}
		})
	}
}

// cannedServer answers batches of requests without an allocation.
type cannedServer struct {
	conn      net.Conn
	responses *batch
	ended     *h2peer.Counter
	next      uint32 // the first stream of the next batch
}

func (s *cannedServer) begin(t *testing.T) {
	t.Helper()
	if _, err := io.ReadFull(s.conn, make([]byte, len(frame.Preface))); err != nil {
		t.Fatal(err)
	}
	hello := frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: 1 << 20})
	if _, err := s.conn.Write(frame.AppendWindowUpdate(hello, 0, 1<<30)); err != nil {
		t.Fatal(err)
	}
}

// round reads a batch of requests and answers it.
func (s *cannedServer) round(t *testing.T) {
	t.Helper()
	streams := len(s.responses.frames) / s.responses.each
	if err := s.ended.Await(streams); err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.Write(s.responses.answer(s.next)); err != nil {
		t.Fatal(err)
	}
	s.next += uint32(2 * streams)
}
