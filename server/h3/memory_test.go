package h3

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/store"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// newLedger makes the ledger of a store of so many bytes.
func newLedger(t *testing.T, bytes int64) *store.Store {
	t.Helper()
	s, err := store.New(store.Config{Entries: 100, Bytes: bytes, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMemoryIsGivenBack: what uploads, answers and what is in flight take of the
// ledger counts while it is taken, and not after.
func TestMemoryIsGivenBack(t *testing.T) {
	ledger := newLedger(t, 64<<20).Ledger()
	most := make(chan int64, 1)
	p := newPeer(t, setup{ledger: ledger, source: stored("/stored", large), serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
		n := int64(0)
		for content := strings.NewReader(large); content.Len() > 0; {
			_, _ = io.CopyN(writer{x.Reply}, content, 64<<10)
			n = max(n, ledger.Stats().Buffered)
		}
		most <- n
		_ = x.Reply.End(nil)
	}})
	p.want(read(p.ask(request("GET", "/stored"))), "200", large)
	p.want(read(p.ask(request("POST", "/"), frame(frameData, []byte(strings.Repeat("x", 100_000))))), "200", large)
	if n := <-most; n < FlightFrom || n > 16<<20 {
		t.Errorf("%d bytes count while an answer is sent", n)
	}
	p.close()
	if s := ledger.Stats(); s.Buffered != 0 || s.Lingering != 0 || s.Arriving != 0 || s.Senders != 0 {
		t.Errorf("after the end: %+v", s)
	}
}

// TestWindowGrowsWithMemory: the receive window grows as far as there is memory for it.
func TestWindowGrowsWithMemory(t *testing.T) {
	ledger := newLedger(t, 1<<20).Ledger()
	p := newPeer(t, setup{ledger: ledger})
	p.want(read(p.ask(request("GET", "/"))), "200", "/")
	for end := time.Now().Add(patience); ledger.Stats().Buffered > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the answer's end
	}
	if !p.engine.Grow(100 << 10) {
		t.Error("there is memory, and the window does not grow")
	}
	if n := ledger.Stats().Buffered; n != 100<<10 {
		t.Errorf("%d bytes count", n)
	}
	if p.engine.Grow(2 << 20) {
		t.Error("the window grows beyond the memory that there is")
	}
	p.close()
	if p.engine.Grow(1) || ledger.Stats().Buffered != 0 {
		t.Errorf("after the end: %+v", ledger.Stats())
	}
}

// TestSlowAreCut: if memory is short, what a slow client takes of it is given back.
func TestSlowAreCut(t *testing.T) {
	const limit = 2 << 20
	ledger := newLedger(t, limit).Ledger()
	p := newPeer(t, setup{ledger: ledger, serve: func(_ *peer, ctx context.Context, x *message.Exchange) {
		_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
		for {
			if _, err := x.Reply.Write([]byte(large[:64<<10])); err != nil {
				return
			}
		}
	}})
	s := p.ask(request("GET", "/"))
	b := make([]byte, 1)
	if _, err := io.ReadFull(s, b); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ledger.Stats().Buffered < 64<<10; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing waits for the client: %+v", ledger.Stats())
		}
	}
	for end := time.Now().Add(patience); ledger.Stats().Cuts == 0; time.Sleep(time.Millisecond) {
		if ledger.Take(limit / 16) {
			defer ledger.Give(limit / 16)
		}
		if time.Now().After(end) {
			t.Fatalf("nobody is cut: %+v", ledger.Stats())
		}
	}
	if a := read(s); a.err == nil {
		t.Error("an answer that was cut looks complete")
	}
}

// TestFlightOutlivesItsAnswer: what was sent counts after its stream is over, for it
// may be lost; in time it does not.
func TestFlightOutlivesItsAnswer(t *testing.T) {
	ledger := newLedger(t, 64<<20).Ledger()
	p := newPeer(t, setup{ledger: ledger, source: stored("/", large)})
	p.want(read(p.ask(request("GET", "/"))), "200", large)
	for end := time.Now().Add(patience); p.metrics.StreamsOpen.Value() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := ledger.Stats().Buffered; n == 0 {
		t.Error("nothing counts of an answer that may be lost yet")
	}
	for end := time.Now().Add(patience); ledger.Stats().Buffered > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it goes on to count: %+v", ledger.Stats())
		}
	}
}

// TestNothingFliesAfterTheEnd: who still writes when a connection has ended counts
// nothing that is never given back.
func TestNothingFliesAfterTheEnd(t *testing.T) {
	ledger := newLedger(t, 64<<20).Ledger()
	p := newPeer(t, setup{ledger: ledger})
	p.close()
	p.engine.flies(2 * FlightFrom)
	if s := ledger.Stats(); s.Buffered != 0 || s.Senders != 0 {
		t.Errorf("%+v", s)
	}
}

// TestHeadsCount: a head that is kept while its answer waits for the client counts.
func TestHeadsCount(t *testing.T) {
	const text = 12 << 10
	ledger := newLedger(t, 64<<20).Ledger()
	window := &quic.Config{InitialStreamReceiveWindow: 8 << 10, MaxStreamReceiveWindow: 8 << 10}
	p := newPeer(t, setup{ledger: ledger, quic: window, source: stored("/", large)})
	wait := func(more ...string) int64 {
		s := p.ask(request("GET", "/", more...))
		if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		n := ledger.Stats().Buffered
		s.CancelRead(codeRequestCancelled)
		for end := time.Now().Add(patience); ledger.Stats().Buffered > 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		return n
	}
	without := wait()
	if with := wait("x-long", strings.Repeat("x", text)); with-without < text/2 {
		t.Errorf("%d bytes count with a head of %d more, %d without", with, text, without)
	}
}

// TestTrailersCount: trailers are not received if there is no memory for them.
func TestTrailersCount(t *testing.T) {
	ledger := newLedger(t, 1<<20).Ledger()
	full, failed := make(chan struct{}), make(chan error, 1)
	p := newPeer(t, setup{ledger: ledger, serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		taken := int64(0)
		for ledger.Take(1 << 10) {
			taken += 1 << 10
		}
		close(full)
		_, err := io.ReadAll(x.Body)
		ledger.Give(taken)
		failed <- err
	}})
	s := p.send(request("POST", "/"))
	<-full
	if _, err := s.Write(headers("x-end", "yes")); err != nil {
		t.Fatal(err)
	}
	p.wantReset(read(s), codeExcessiveLoad)
	p.wantLimit(metrics.LimitBodyMemory, 1)
	if err := <-failed; !errors.Is(err, relay.ErrMemory) {
		t.Errorf("the handler reads %v", err)
	}
}

// TestWaitingFrameCounts: the frame that a client does not take counts until it does.
func TestWaitingFrameCounts(t *testing.T) {
	ledger := newLedger(t, 64<<20).Ledger()
	window := &quic.Config{InitialStreamReceiveWindow: 8 << 10, MaxStreamReceiveWindow: 8 << 10}
	text := large[:12<<10]
	p := newPeer(t, setup{ledger: ledger, quic: window, serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
		_, _ = x.Reply.Write([]byte(text))
		_ = x.Reply.End(nil)
	}})
	s := p.ask(request("GET", "/"))
	for end := time.Now().Add(patience); ledger.Stats().Buffered < maxData+readBuffer; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", ledger.Stats())
		}
	}
	p.want(read(s), "200", text)
	for end := time.Now().Add(patience); ledger.Stats().Buffered > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after the end: %+v", ledger.Stats())
		}
	}
}

// TestShed: of a connection that has nearly all that exchanges may take, the newest
// request gives way when those of another need room; one whose answer has begun does not.
func TestShed(t *testing.T) {
	ledger := newLedger(t, 1<<20).Ledger()
	const room = 1 << 19 / (memory.ExchangeBytes + 256) // with its text
	entered, release := make(chan struct{}), make(chan struct{})
	s := setup{ledger: ledger, serve: func(_ *peer, ctx context.Context, x *message.Exchange) {
		if x.Path == "/begun" {
			_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
			_ = x.Reply.Flush()
		}
		entered <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
			return
		}
		if x.Path == "/begun" {
			_ = x.Reply.End(nil)
		} else {
			x.Reply.Send(message.New(200, nil, []byte("answer"), "", time.Time{}))
		}
	}}
	greedy, other := newPeer(t, s), newPeer(t, s)
	var waiting []*quic.Stream
	for range room * 2 / 3 {
		waiting = append(waiting, greedy.ask(request("GET", "/waits")))
		<-entered
	}
	begun := greedy.ask(request("GET", "/begun"))
	<-entered
	for end := time.Now().Add(patience); greedy.metrics.Requests.Value(metrics.H3, metrics.Class2xx, metrics.Bypass) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the answer does not begin")
		}
	}
	var served []*quic.Stream
	for range room / 3 {
		served = append(served, other.ask(request("GET", "/")))
		<-entered
	}
	shed := 0
	for end := time.Now().Add(patience); shed == 0; shed = int(greedy.metrics.LimitBreaches.Value(metrics.LimitExchanges)) {
		if time.Now().After(end) {
			t.Fatal("nothing gives way")
		}
		time.Sleep(time.Millisecond)
	}
	greedy.wantReset(read(waiting[len(waiting)-1]), codeExcessiveLoad)
	other.wantLimit(metrics.LimitExchanges, 0)
	close(release)
	greedy.want(read(waiting[0]), "200", "answer")
	for _, s := range served {
		other.want(read(s), "200", "answer")
	}
	greedy.want(read(begun), "200", "")
}
