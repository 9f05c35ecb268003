package h2client

import (
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// sessions are what servers send after their SETTINGS, beside the responses and
// violations of other tests.
func sessions() [][]byte {
	window := func(n uint32) []byte {
		return frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: n})
	}
	return [][]byte{
		slices.Concat(ok(1), ok(3), ok(5), headers(7, true, ":status", "200"), ok(9)),
		slices.Concat(goAway(frame.MaxStreamID, frame.NoError), ok(1), goAway(3, frame.NoError), ok(3)),
		slices.Concat(headers(5, true, ":status", "413"), frame.AppendRSTStream(nil, 5, frame.NoError), goAway(1, frame.EnhanceYourCalm)),
		slices.Concat(frame.AppendSettings(nil, frame.Setting{ID: frame.HeaderTableSize, Value: 0}, frame.Setting{ID: frame.MaxConcurrentStreams, Value: 0}), ok(3)),
		slices.Concat(window(0), window(1), frame.AppendWindowUpdate(nil, 0, 1<<20), frame.AppendWindowUpdate(nil, 5, 70_000), window(1<<20), ok(5)),
		raw(frame.Headers, frame.FlagEndHeaders, 1, "\x88\x40\x01a\x01b\xbe\x20"),
	}
}

// FuzzConn: whatever a server sends, in whatever parts, nothing panics, every
// ticket comes back once, and the engine ends within its timeouts.
func FuzzConn(f *testing.F) {
	for _, r := range responses {
		f.Add(slices.Concat(r.frames...), uint16(0), true)
		f.Add(slices.Concat(r.frames...), uint16(len(r.name)), true)
	}
	for _, v := range violations {
		f.Add(v.bytes, uint16(0), true)
		f.Add(slices.Concat(ok(1), v.bytes, ok(3)), uint16(len(v.name)), true)
	}
	for i, s := range sessions() {
		f.Add(s, uint16(0), true)
		f.Add(slices.Concat(frame.AppendSettings(nil), s), uint16(1+i), false)
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), uint16(0), false)
	requests := []*exchange.Request{
		request(f, 0, "GET", "https://test/", ""), request(f, 1, "HEAD", "https://test/head", ""),
		request(f, 2, "POST", "https://test/large", noise(100_000)), request(f, 18, "GET", "https://test/18", ""),
	}
	digests, err := exchange.NewDigests(exchange.DigestFirst, 19)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, session []byte, part uint16, greet bool) {
		if len(session) > 128<<10 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			server, client := net.Pipe()
			d := exchangetest.NewDriver()
			d.Patience, d.Open = timeout, false
			for i := range 6 * len(requests) {
				d.Add(start+time.Duration(i/4)*time.Second, requests[i%len(requests)])
			}
			c := New(&exchange.Config{Epoch: time.Now().Add(-start), Streams: 5, Timeout: timeout, Digests: digests}, wire.NewClient(client, nil, exchangetest.Options()), d)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				c.Serve()
			}()
			go func() { _, _ = io.Copy(io.Discard, server) }()
			if greet {
				session = append(frame.AppendSettings(nil), session...)
			}
			size := int(part)
			if size == 0 || len(session)/size > 200 {
				size = max(1, len(session))
			}
			for part := range slices.Chunk(session, size) {
				if _, err := server.Write(part); err != nil {
					break // it has hung up
				}
			}
			time.Sleep(4 * timeout)
			select {
			case <-ended:
			default:
				t.Errorf("%d in flight after %v", c.inFlight, 4*timeout)
			}
			server.Close()
			<-ended
			synctest.Wait()
			d.Check(t)
		})
	})
}
