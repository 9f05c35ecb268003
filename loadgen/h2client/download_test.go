package h2client

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"testing/synctest"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// download answers streams with size bytes each, a frame of each in turn, as
// far as the windows go. It reads what the client gives meanwhile.
func (p *peer) download(size int, streams ...uint32) {
	p.Helper()
	left := make(map[uint32]int)
	window := map[uint32]int{0: connWindow}
	for _, id := range streams {
		p.Write(headers(id, false, ":status", "200"))
		left[id], window[id] = size, streamWindow
	}
	frames := make(chan h2peer.Frame, 1000)
	go func() {
		defer close(frames)
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			frames <- f
		}
	}()
	for len(left) > 0 {
		sent := false
		for id, n := range left {
			n = min(n, frame.MinMaxSize, window[0], window[id])
			if n == 0 {
				continue
			}
			sent = true
			p.Write(data(id, zeros[:n], n == left[id]))
			window[0] -= n
			window[id] -= n
			if left[id] -= n; left[id] == 0 {
				delete(left, id)
			}
		}
		if !sent {
			synctest.Wait()
		}
		for more := true; more; {
			select {
			case f := <-frames:
				if f.Type != frame.WindowUpdate {
					p.Fatalf("%v in a download", f)
				}
				n, err := frame.Increment(f.Header, f.Payload)
				if err != nil {
					p.Fatal(err)
				}
				window[f.StreamID] += int(n)
				if window[0] > connWindow || f.StreamID > 0 && window[f.StreamID] > streamWindow {
					p.Fatalf("a window larger than at first: %v", window)
				}
				sent = true
			default:
				if more = false; !sent {
					p.Fatalf("no window is left, with %v to send: %v", left, window)
				}
			}
		}
	}
}

// A content larger than the stream's window comes whole: the client gives back
// what it has counted.
func TestDownload(t *testing.T) {
	const size = 3*streamWindow + 12_345
	h := sha256.New()
	for range size >> 20 {
		h.Write([]byte(zeros))
	}
	h.Write([]byte(zeros[:size&(1<<20-1)]))
	digests, err := exchange.NewDigests(hex.EncodeToString(h.Sum(nil)), 1)
	if err != nil {
		t.Fatal(err)
	}
	run(t, setup{digests: digests}, func(p *peer) {
		p.get(1, "/")
		p.download(size, 1)
		if o := p.wantOutcome(0, 200, nil); o.BytesIn != size {
			p.Errorf("%d bytes in", o.BytesIn)
		}
	})
}

// The connection's window is given back by halves, padding included.
func TestConnectionWindow(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/")
		p.get(3, "/")
		p.Send(headers(1, false, ":status", "200"))
		padded := raw(frame.Data, frame.FlagPadded, 1, "\xff"+zeros[:frame.MinMaxSize-1])
		const content = frame.MinMaxSize - 1 - 255
		// As if all but a little of it had come before.
		const before = connWindow/2 - 10*frame.MinMaxSize
		p.engine.credit.Take(before)
		p.engine.credit.Free(before)
		const frames = 20
		for range frames {
			p.Write(padded)
		}
		p.Send(data(1, "", true))
		p.WantAlive()
		if n := p.Credit[0]; n < connWindow/2 || n > connWindow/2+frame.MinMaxSize {
			p.Errorf("%d bytes of the connection's window were given back", n)
		}
		if o := p.wantOutcome(0, 200, nil); o.BytesIn != frames*content {
			p.Errorf("%d bytes in, want %d", o.BytesIn, frames*content)
		}
		p.Send(ok(3))
		p.wantOutcome(1, 200, nil)
	})
}

// What comes for a stream that was reset is given back to the connection.
func TestDownloadOfAResetStream(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/")
		p.Send(headers(1, true)) // malformed
		p.WantReset(1, frame.ProtocolError)
		p.engine.credit.Take(connWindow/2 - 1)
		p.engine.credit.Free(connWindow/2 - 1)
		p.Send(data(1, "late", false))
		p.WantAlive()
		if n := p.Credit[0]; n != connWindow/2+3 {
			p.Errorf("%d bytes were given back", n)
		}
		if p.Credit[1] != 0 {
			p.Error("a window of a stream that is gone was opened")
		}
	})
}

// Frames that arrive in any parts are the same frames.
func TestPartsOfFrames(t *testing.T) {
	for _, size := range []int{1, 2, 7, 9, 10, 100, 5000} {
		run(t, setup{}, func(p *peer) {
			p.get(1, "/")
			p.get(3, "/")
			content := zeros[:3000]
			all := bytes.Join([][]byte{
				frame.AppendPing(nil, true, []byte("12345678")), headers(1, false, ":status", "200"), data(1, content, false), headers(3, false, ":status", "103"),
				data(1, content, true), split(3, false, 3, ":status", "200", "content-length", "6000"), data(3, content, false), data(3, content, true),
			}, nil)
			for len(all) > 0 {
				n := min(size, len(all))
				p.Write(all[:n])
				all = all[n:]
			}
			for seq := range uint64(2) {
				if o := p.wantOutcome(seq, 200, nil); o.BytesIn != 6000 {
					p.Errorf("%d bytes in", o.BytesIn)
				}
			}
		})
	}
}
