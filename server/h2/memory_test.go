package h2

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	stores "github.com/e0ac7cd4/hotpath/server/store"
)

const mib = 1 << 20

// shelf is a Source of stored bodies, all of one size: what is not stored is
// made and stored when it is asked for.
type shelf struct {
	t     *testing.T
	size  int
	store *stores.Store
	made  atomic.Int64
}

// ledger counts within 64 MiB.
func ledger(tb testing.TB) *memory.Ledger {
	tb.Helper()
	s, err := stores.New(stores.Config{Entries: 1024, Bytes: 64 * mib})
	if err != nil {
		tb.Fatal(err)
	}
	return s.Ledger()
}

func newShelf(t *testing.T, limit int64, size int) *shelf {
	t.Helper()
	s, err := stores.New(stores.Config{Entries: 1024, Bytes: limit, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{t: t, size: size, store: s}
}

func (s *shelf) Look(l *message.Lookup, r *message.Request, now time.Time) bool {
	l.Key = append(l.Key[:0], r.Path...)
	if s.Again(l, now) {
		return true
	}
	s.made.Add(1)
	response := message.New(http.StatusOK, nil, make([]byte, s.size), `"tag"`, time.Time{})
	if !s.store.PutAnswer(strings.Clone(r.Path), &origin.Answer{Response: response, Fresh: time.Hour}, now, 0) {
		s.t.Errorf("%s has no room", r.Path)
	}
	l.Response = response
	return true
}

func (s *shelf) Again(l *message.Lookup, now time.Time) bool {
	if e := s.store.Exact(l.Key, now); e != nil {
		l.Response = e.Response
		return true
	}
	return false
}

// zeroWindow opens streams on which nothing but heads can be sent.
var zeroWindow = []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}

// liveHeap is what the program holds, in bytes.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools held is gone with the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// cuts reads until the head of a stream and returns which streams were cut
// before.
func (p *peer) cuts(id uint32) (cut []uint32) {
	p.Helper()
	for {
		switch f := p.NextFrame(); {
		case f.Type == frame.RSTStream && frame.Code(f.Payload) == frame.Cancel:
			cut = append(cut, f.StreamID)
		case f.Type == frame.Headers && f.StreamID == id:
			return cut
		default:
			p.Fatalf("%v of stream %d, want the head of %d", f.Type, f.StreamID, id)
		}
	}
}

// TestZeroWindowsHoldNoMoreThanTheLimit is 133 streams, each on another stored
// file of 8 MiB, none of which takes a byte of it, within a limit of 64 MiB: what
// is held stays within it, the oldest streams are cut for the newer ones, and a
// client that reads is served as ever.
func TestZeroWindowsHoldNoMoreThanTheLimit(t *testing.T) {
	const streams, limit, file = 133, 64 * mib, 8 * mib
	base := liveHeap()
	synctest.Test(t, func(t *testing.T) {
		files := newShelf(t, limit, file)
		ledger := files.store.Ledger()
		slow := newPeer(t, setup{look: files, ledger: ledger})
		defer slow.close()
		slow.SayHello(zeroWindow...)
		var cut []uint32
		for i := range uint32(streams) {
			slow.Write(get(2*i+1, fmt.Sprint("/", i)))
			cut = append(cut, slow.cuts(2*i+1)...)
			time.Sleep(50 * time.Millisecond) // all in less than write-timeout
			synctest.Wait()
			// What no file takes: the heads of responses, and the streams.
			if s, used := ledger.Stats(), files.store.Cache().Used(); used > limit || s.Lingering > limit/2 {
				t.Fatalf("stream %d: %d bytes used, %d of them linger", i, used, s.Lingering)
			}
		}
		slow.Write(get(2*streams+1, "/132"))
		cut = append(cut, slow.cuts(2*streams+1)...)
		if held := liveHeap() - base; held > limit*105/100 {
			t.Errorf("%d MiB are held, the limit is %d MiB", held/mib, limit/mib)
		}
		for i, id := range cut {
			if want := uint32(2*i + 1); id != want {
				t.Errorf("the %dth that was cut is %d, want %d: the slowest first", i, id, want)
			}
		}
		if open := int(slow.metrics.StreamsOpen.Value()); open+len(cut) != streams+1 || open > limit/file || open < 2 {
			t.Errorf("%d streams are open, %d were cut", open, len(cut))
		}
		if n := ledger.Stats().Cuts; int(n) != len(cut) {
			t.Errorf("%d cuts are counted, %d seen", n, len(cut))
		}

		good := newPeer(t, setup{look: files, ledger: ledger})
		defer good.close()
		good.SayHello(frame.Setting{ID: frame.InitialWindowSize, Value: 2 * file})
		good.Write(frame.AppendWindowUpdate(nil, 0, 2*file), get(1, "/another"), get(3, "/0"))
		got := map[uint32]int{}
		for ended := 0; ended < 2; {
			f := good.NextFrame()
			switch f.Type {
			case frame.Data:
				got[f.StreamID] += len(f.Payload)
			case frame.RSTStream:
				t.Fatalf("a client that reads was cut: stream %d", f.StreamID)
			}
			if f.Ends() {
				ended++
			}
		}
		if got[1] != file || got[3] != file {
			t.Errorf("a client that reads got %d bytes", got)
		}
	})
}

// TestRangesTakeNoGoroutine is 50 connections with 250 ranges each of a stored
// file, and no window: each is slices of the file, in the ledger, without a
// goroutine or a copy.
func TestRangesTakeNoGoroutine(t *testing.T) {
	const conns, ranges, limit = 50, 250, 64 * mib
	synctest.Test(t, func(t *testing.T) {
		files := newShelf(t, limit, mib)
		ledger := files.store.Ledger()
		var peers []*peer
		for range conns {
			p := newPeer(t, setup{look: files, ledger: ledger})
			p.SayHello(zeroWindow...)
			defer p.close()
			peers = append(peers, p)
		}
		goroutines, heap := runtime.NumGoroutine(), liveHeap()
		for _, p := range peers {
			for i := range uint32(ranges) {
				p.Write(get(2*i+1, "/file", "range", "bytes=0-700000"))
				p.wantHead(2*i+1, http.StatusPartialContent)
			}
		}
		synctest.Wait()
		if n := runtime.NumGoroutine() - goroutines; n > 2*conns {
			t.Errorf("%d ranges take %d goroutines", conns*ranges, n)
		}
		if held := liveHeap() - heap; held > conns*ranges*streamBytes+4*mib {
			t.Errorf("%d ranges of a file of 1 MiB hold %d KiB", conns*ranges, held>>10)
		}
		if s := ledger.Stats(); s.Senders != conns*ranges || s.Buffered != conns*ranges*streamBytes || s.Cuts != 0 {
			t.Errorf("%+v: want each stream with %d bytes", s, streamBytes)
		}
	})
}

// TestSlowReadersOfOutput is 250 streams whose handlers write and whose client
// takes nothing, within a limit that has room for half of them: the others are
// cut, their handlers end, and what they had taken is given back.
func TestSlowReadersOfOutput(t *testing.T) {
	const streams, limit = 250, 16 * mib
	synctest.Test(t, func(t *testing.T) {
		files := newShelf(t, limit, mib)
		ledger := files.store.Ledger()
		var failed sync.Map
		p := newPeer(t, setup{ledger: ledger, serve: func(_ *peer, ctx context.Context, x *message.Exchange) {
			_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
			content := make([]byte, 16<<10)
			for {
				if _, err := x.Reply.Write(content); err != nil {
					failed.Store(x.Path, err)
					return
				}
			}
		}})
		p.SayHello(zeroWindow...)
		cut := 0
		for i := range uint32(streams) {
			p.Write(get(2*i+1, fmt.Sprint("/", i)))
			cut += len(p.cuts(2*i + 1))
			time.Sleep(50 * time.Millisecond) // all in less than write-timeout
			synctest.Wait()
			if s := ledger.Stats(); s.Buffered > limit/2 {
				t.Fatalf("stream %d: %+v", i, s)
			}
		}
		if want := streams - limit/2/(64<<10); cut < want || cut > want+8 {
			t.Errorf("%d streams were cut, want %d or a few more", cut, want)
		}
		ended := 0
		failed.Range(func(path, err any) bool {
			ended++
			if !strings.Contains(fmt.Sprint(err), "memory") {
				t.Errorf("the handler of %s: %v", path, err)
			}
			return true
		})
		if ended != cut {
			t.Errorf("%d handlers ended, %d streams were cut", ended, cut)
		}
		p.close()
		synctest.Wait()
		if s := ledger.Stats(); s.Buffered != 0 || s.Arriving != 0 || s.Senders != 0 {
			t.Errorf("after the end: %+v", s)
		}
	})
}

// TestUploadsThatAreNotRead: what arrives for handlers that do not read counts,
// and beyond the limit streams are cut.
func TestUploadsThatAreNotRead(t *testing.T) {
	const conns, limit = 100, 16 * mib
	synctest.Test(t, func(t *testing.T) {
		files := newShelf(t, limit, mib)
		ledger := files.store.Ledger()
		instruments := instrumentsOf(conns)
		base := liveHeap()
		for range conns {
			p := newPeer(t, setup{look: none{}, ledger: ledger, serve: func(_ *peer, ctx context.Context, _ *message.Exchange) { <-ctx.Done() }})
			p.SayHello()
			defer p.close()
			go func() { // what comes is dropped, until the end
				for {
					if _, err := p.Read(); err != nil {
						return
					}
				}
			}()
			for _, id := range []uint32{1, 3} {
				p.Write(post(id, "/"))
				for range 8 {
					p.Write(data(id, strings.Repeat("x", 15<<10), false))
				}
			}
			time.Sleep(50 * time.Millisecond) // all in less than write-timeout
			synctest.Wait()
			if s := ledger.Stats(); s.Buffered > limit/2 {
				t.Fatalf("%+v", s)
			}
		}
		if s := ledger.Stats(); s.Buffered < limit/4 || s.Cuts < conns {
			t.Errorf("%+v: want half of the limit in use, and the others cut", s)
		}
		if held := liveHeap() - base - instruments; held > limit {
			t.Errorf("%d MiB are held", held/mib)
		}
	})
}

// instrumentsOf is what the instruments of so many peers hold: each has its own, of
// which a server has one set for all.
func instrumentsOf(peers int) int64 {
	before := liveHeap()
	all := make([]*metrics.Hotpath, peers)
	for i := range all {
		all[i] = metrics.NewHotpath(metrics.Options{Stripes: 1})
	}
	held := liveHeap() - before
	runtime.KeepAlive(all)
	return held
}

// none finds nothing.
type none struct{}

func (none) Look(*message.Lookup, *message.Request, time.Time) bool { return false }
func (none) Again(*message.Lookup, time.Time) bool                  { return false }

// TestManyExchanges: those in progress on all connections have a bound. Beyond it
// a stream is refused, which costs its client nothing, and is answered when it
// comes again later. When little is left, a connection that has more than is fair
// ends its newest.
func TestManyExchanges(t *testing.T) {
	const limit = 4 * mib
	synctest.Test(t, func(t *testing.T) {
		files := newShelf(t, limit, mib)
		ledger := files.store.Ledger()
		s := setup{look: none{}, ledger: ledger, handler: stall}
		a, b := newPeer(t, s), newPeer(t, s)
		defer a.close()
		defer b.close()
		a.SayHello()
		b.SayHello()
		heap, goroutines := liveHeap(), runtime.NumGoroutine()
		begun, refused := 0, 0
		for _, p := range []*peer{a, b} {
			for i := range uint32(100) {
				p.Write(get(2*i+1, "/"))
				time.Sleep(time.Millisecond) // so that one is the newest
				synctest.Wait()
				select {
				case <-p.entered:
					begun++
				default:
					p.WantReset(2*i+1, frame.RefusedStream)
					refused++
				}
			}
		}
		shed := int(a.metrics.LimitBreaches.Value(metrics.LimitExchanges))
		b.wantBreaches(metrics.LimitExchanges, refused)
		if most := limit / 2 / memory.ExchangeBytes; begun-shed > most || begun-shed < most*8/10 {
			t.Errorf("%d exchanges are in progress, %d were refused; want up to %d", begun-shed, refused, most)
		}
		if shed < 1 || shed > 30 {
			t.Errorf("%d of the first connection had to end for the second, want a few, all of its newest", shed)
		}
		for i := range shed {
			a.WantReset(uint32(199-2*i), frame.Cancel)
		}
		// The runtime may have started some of its own, for cleanups.
		if n := runtime.NumGoroutine() - goroutines; n > begun+begun/10 {
			t.Errorf("%d goroutines for %d exchanges", n, begun)
		}
		if held := (liveHeap() - heap) / int64(begun-shed); held > memory.ExchangeBytes {
			t.Errorf("an exchange takes %d bytes beside its stack, and counts for %d", held, memory.ExchangeBytes)
		}
		close(a.release)
		for range 100 - shed {
			for !a.NextFrame().Ends() {
			}
		}
		synctest.Wait()
		b.Write(get(201, "/again"))
		synctest.Wait()
		<-b.entered
		close(b.release)
		ended := 0
		for ended < begun-100+1 {
			if b.NextFrame().Ends() {
				ended++
			}
		}
		synctest.Wait()
		if s := ledger.Stats(); s.Arriving != 0 {
			t.Errorf("after the end: %+v", s)
		}
	})
}
