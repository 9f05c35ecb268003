package h1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	stores "github.com/e0ac7cd4/hotpath/server/store"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

const mib = 1 << 20

// counted is a configuration whose memory counts, within limit.
func counted(t testing.TB, s *store, limit int64) (*Config, *stores.Store) {
	t.Helper()
	cached, err := stores.New(stores.Config{Entries: 1024, Bytes: limit, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(s)
	cfg.Ledger = cached.Ledger()
	return cfg, cached
}

// piped opens a connection over a pipe, which holds nothing: for a bubble.
func piped(t *testing.T, cfg *Config) *peer {
	t.Helper()
	client, server := net.Pipe()
	return attach(t, cfg, server, client)
}

// TestZeroReaders is clients that each ask for another stored file of 1 MiB and
// read its head alone: what they hold stays within half of the limit, the slowest
// are cut, and one that reads is served.
func TestZeroReaders(t *testing.T) {
	const limit, clients = 16 * mib, 40
	synctest.Test(t, func(t *testing.T) {
		s := storing()
		cfg, cached := counted(t, s, limit)
		put := func(path string) {
			r := response(strings.Repeat("x", mib))
			if !cached.PutAnswer(path, &origin.Answer{Response: r, Fresh: time.Hour}, time.Now(), 0) {
				t.Fatal("no room")
			}
			s.mu.Lock()
			s.stored = map[string]*message.Response{path: r} // as the cache, but for its order
			s.mu.Unlock()
		}
		var peers []*peer
		for i := range clients {
			path := fmt.Sprint("/", i)
			put(path)
			p := piped(t, cfg)
			peers = append(peers, p)
			p.Write(get(path))
			time.Sleep(50 * time.Millisecond)
			synctest.Wait()
			if s := cfg.Ledger.Stats(); s.Lingering > limit/2 || cached.Cache().Used() > limit {
				t.Fatalf("client %d: %+v", i, s)
			}
		}
		put("/good")
		good := piped(t, cfg)
		good.Write(get("/good"))
		if a := good.Response("GET"); len(a.Content) != mib {
			t.Errorf("a client that reads got %d bytes", len(a.Content))
		}
		synctest.Wait()
		cuts := int(cfg.Ledger.Stats().Cuts)
		if cuts < clients-limit/mib || cuts > clients-limit/2/mib+1 {
			t.Errorf("%d of %d clients were cut", cuts, clients)
		}
		for i, p := range peers[cuts:] {
			if a := p.Response("GET"); len(a.Content) != mib {
				t.Errorf("client %d got %d bytes", cuts+i, len(a.Content))
			}
		}
		for i, p := range peers[:cuts] {
			n, err := io.Copy(io.Discard, p.Conn)
			if p.wait(); n > mib || p.reason != metrics.CloseLimit {
				t.Errorf("client %d: closed after %d bytes, %v, for reason %d", i, n, err, p.reason)
			}
		}
	})
}

// TestUploadsThatAreNotRead is a thousand uploads for handlers that read nothing:
// they take half of the limit, and for the others the answer is 503.
func TestUploadsThatAreNotRead(t *testing.T) {
	const limit, uploads = 64 * mib, 1000
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Int32
		s := storing()
		over := make(chan struct{})
		defer close(over)
		s.serve = func(ctx context.Context, x *message.Exchange) {
			select {
			case <-ctx.Done():
			case <-over:
			}
		}
		cfg, _ := counted(t, s, limit)
		var base, held runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&base)
		upload := "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", maxUnread)
		for i := range uploads {
			p := piped(t, cfg)
			go func() {
				if a, err := http.ReadResponse(p.R, nil); err == nil && a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "" {
					refused.Add(1)
				}
			}()
			go func() {
				_, _ = io.WriteString(p.Conn, upload)
			}()
			if i%10 == 0 {
				time.Sleep(10 * time.Millisecond)
				synctest.Wait()
				if s := cfg.Ledger.Stats(); s.Buffered > limit/2 {
					t.Fatalf("upload %d: %+v", i, s)
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		runtime.GC()
		runtime.GC() // what pools held is gone with the second
		runtime.ReadMemStats(&held)
		// Beside it each pipe has its ends' read buffers, and a record in part.
		if n := int64(held.HeapAlloc) - int64(base.HeapAlloc); n > limit/2+uploads*(40<<10) {
			t.Errorf("%d MiB are held", n/mib)
		}
		if n, want := int(refused.Load()), uploads-limit/2/maxUnread; n < want || n > want+20 {
			t.Errorf("%d uploads were answered with 503, want %d", n, want)
		}
	})
}

// TestOutputThatIsNotRead: what handlers write for clients that do not read counts,
// and the slowest are cut; their handlers get an error.
func TestOutputThatIsNotRead(t *testing.T) {
	const limit, clients = 16 * mib, 200
	synctest.Test(t, func(t *testing.T) {
		var failed atomic.Int32
		s := storing()
		s.serve = func(_ context.Context, x *message.Exchange) {
			_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
			content := make([]byte, 8<<10)
			for {
				if _, err := x.Reply.Write(content); err != nil {
					if errors.Is(err, stream.ErrMemory) {
						failed.Add(1)
					}
					return
				}
			}
		}
		cfg, _ := counted(t, s, limit)
		for i := range clients {
			p := piped(t, cfg)
			p.Write(get("/"))
			time.Sleep(20 * time.Millisecond)
			synctest.Wait()
			if s := cfg.Ledger.Stats(); s.Buffered > limit/2 {
				t.Fatalf("client %d: %+v", i, s)
			}
		}
		if n, want := int(failed.Load()), clients-limit/2/(64<<10); n < want || n > want+8 {
			t.Errorf("%d handlers were cut, want %d", n, want)
		}
	})
}

// TestManyExchanges: beyond the bound the answer is 503, and comes again on the
// same connection when there is room.
func TestManyExchanges(t *testing.T) {
	const limit, most = mib, mib / 2 / memory.ExchangeBytes
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := storing()
		s.serve = func(_ context.Context, x *message.Exchange) {
			<-release
			answerWith(x, http.StatusOK, "done")
		}
		cfg, _ := counted(t, s, limit)
		var busy []*peer
		for range most { // their requests count as well, but less than what is left over
			p := piped(t, cfg)
			p.Write(get("/"))
			busy = append(busy, p)
		}
		synctest.Wait()
		p := piped(t, cfg)
		for range 2 {
			p.Write(get("/"))
			if a := p.WantResponse(http.StatusServiceUnavailable, string(tooManyExchanges.Body)); a.Header.Get("Retry-After") != "1" || a.Close {
				t.Errorf("answered with %v", a.Header)
			}
		}
		posts := piped(t, cfg)
		posts.Write("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n")
		posts.WantResponse(http.StatusServiceUnavailable, string(tooManyExchanges.Body))
		posts.WantEOF()
		if n := cfg.Metrics.LimitBreaches.Value(metrics.LimitExchanges); n != 3 {
			t.Errorf("%d are counted, want 3", n)
		}
		close(release)
		for _, p := range busy {
			p.WantResponse(http.StatusOK, "done")
		}
		synctest.Wait()
		p.Write(get("/"))
		p.WantResponse(http.StatusOK, "done")
		synctest.Wait()
		if s := cfg.Ledger.Stats(); s.Arriving != 0 || s.Senders != 0 {
			t.Errorf("after the end: %+v", s)
		}
	})
}
