package h3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

const short = 200 * time.Millisecond

// inTime fails if what a test waits for took less than it may, or much more.
func inTime(t *testing.T, began time.Time, least time.Duration) {
	t.Helper()
	if took := time.Since(began); took < least || took > least+patience/2 {
		t.Errorf("it took %v, want %v", took, least)
	}
}

// TestSlowHead: a head that does not come, and one whose end does not, end their
// stream in time, and are of the peer's budget.
func TestSlowHead(t *testing.T) {
	p := newPeer(t, setup{limits: func(l *Limits) { l.Head = short; l.Resets, l.ResetsPerSec = 3, 1 }})
	head := request("GET", "/")
	for _, tt := range []struct {
		why  string
		send []byte
	}{{"a byte", head[:1]}, {"half a head", head[:len(head)/2]}, {"a GET without its end", head}} {
		began := time.Now()
		p.Run(tt.why, func(t *testing.T) {
			p.wantReset(read(p.send(tt.send)), codeRequestIncomplete)
			inTime(t, began, short)
		})
	}
	p.wantLimit(metrics.LimitHeadTimeout, 3)
	p.wantLimit(metrics.LimitEarlyReset, 0)
	p.send(head[:1])
	p.wantEnd(codeExcessiveLoad, metrics.CloseLimit)
	p.wantLimit(metrics.LimitEarlyReset, 1)
}

// TestSlowUpload: content that comes too slowly ends its stream, unless it is the
// handler that is slow; at the least rate it arrives.
func TestSlowUpload(t *testing.T) {
	failed := make(chan error, 1)
	p := newPeer(t, setup{limits: func(l *Limits) { l.Progress, l.Quantum = short, 100 }, serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		if x.Path == "/later" {
			b := make([]byte, 1)
			_, _ = x.Body.Read(b)
			time.Sleep(3 * short)
		}
		content, err := io.ReadAll(x.Body)
		if err != nil {
			failed <- err
			return
		}
		x.Reply.Send(message.New(200, nil, []byte(fmt.Sprint(len(content))), "", time.Time{}))
	}})
	began := time.Now()
	p.wantReset(read(p.send(request("POST", "/"), frame(frameData, []byte("some")))), codeRequestCancelled)
	inTime(t, began, short)
	p.wantLimit(metrics.LimitBodyTimeout, 1)
	if err := <-failed; !errors.Is(err, errStalled) {
		t.Errorf("the handler reads %v", err)
	}
	s := p.send(request("POST", "/later"), frame(frameData, []byte(strings.Repeat("x", 1000))))
	time.Sleep(2 * short)
	_ = s.Close()
	p.want(read(s), "200", "999")
	s = p.send(request("POST", "/"))
	for range 10 {
		if _, err := s.Write(frame(frameData, []byte(strings.Repeat("x", 200)))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(short / 4)
	}
	_ = s.Close()
	p.want(read(s), "200", "2000")
}

// TestStalledReader: an answer that the peer does not take ends its stream, whoever
// writes it, and no other.
func TestStalledReader(t *testing.T) {
	window := &quic.Config{InitialStreamReceiveWindow: 32 << 10, MaxStreamReceiveWindow: 32 << 10}
	p := newPeer(t, setup{quic: window, source: stored("/stored", large), limits: func(l *Limits) { l.Progress = short }, serve: func(_ *peer, ctx context.Context, x *message.Exchange) {
		switch x.Path {
		case "/written":
			_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
			_, _ = io.Copy(writer{x.Reply}, strings.NewReader(large))
			_ = x.Reply.End(nil)
		case "/followed":
			g := message.NewGrowing(-1, 8<<20)
			x.Reply.Follow(message.Opened(200, nil, -1), g.Follow())
			_ = g.Append(ctx, []byte(large))
			g.End(nil)
		default:
			x.Reply.Send(message.New(200, nil, []byte(large), "", time.Time{}))
		}
	}})
	for i, path := range []string{"/stored", "/written", "/followed", "/sent"} {
		began := time.Now()
		s := p.ask(request("GET", path))
		p.wantLimit(metrics.LimitWriteTimeout, uint64(i+1))
		inTime(t, began, short)
		p.wantReset(read(s), codeRequestCancelled)
		p.want(read(p.ask(request("GET", "/stored"))), "200", large)
	}
}

type writer struct{ message.Reply }

// TestSharedConnection: the streams of a connection that is slow as a whole are not
// cut for being many; one that is taken nothing of is.
func TestSharedConnection(t *testing.T) {
	p := newPeer(t, setup{source: stored("/a", large), limits: func(l *Limits) { l.Progress, l.Quantum = time.Second, 100<<10 },
		quic: &quic.Config{InitialConnectionReceiveWindow: 64 << 10, MaxConnectionReceiveWindow: 64 << 10, InitialStreamReceiveWindow: 64 << 10, MaxStreamReceiveWindow: 64 << 10}})
	const streams = 40
	all := make([]*quic.Stream, streams)
	for i := range all {
		all[i] = p.ask(request("GET", "/a"))
	}
	b := make([]byte, 16<<10)
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for _, s := range all { // together above the least rate, each far below it
			_ = s.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := s.Read(b[:2<<10]); err != nil && !isDeadline(err) {
				t.Fatalf("a stream of a connection that moves: %v", err)
			}
		}
	}
	p.wantLimit(metrics.LimitWriteTimeout, 0)
}

func isDeadline(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// TestTooSlow: what a stream has to take.
func TestTooSlow(t *testing.T) {
	for _, tt := range []struct {
		why                        string
		own, all, waiting, quantum int64
		want                       bool
	}{
		{"nothing moves", 0, 0, 1, 100, true},
		{"the connection is below the least rate", 50, 99, 2, 100, true},
		{"an even share of a connection that is not", 25, 100, 4, 100, false},
		{"half of one", 13, 100, 4, 100, false},
		{"less than half", 11, 100, 4, 100, true},
		{"nothing, while others move", 0, 1 << 20, 4, 100, true},
		{"nothing, of very many", 0, 100, 1000, 100, true},
		{"the least rate, while others move far more", 100, 1 << 20, 2, 100, false},
	} {
		if got := tooSlow(tt.own, tt.all, tt.waiting, tt.quantum); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.why, got, tt.want)
		}
	}
}

// TestRapidReset: requests that are given up at once end the connection beyond a
// budget (CVE-2023-44487), and their handlers end with them.
func TestRapidReset(t *testing.T) {
	ended := make(chan error, 100)
	p := newPeer(t, setup{limits: func(l *Limits) { l.Resets = 10 }, serve: func(_ *peer, ctx context.Context, _ *message.Exchange) {
		<-ctx.Done()
		ended <- context.Cause(ctx)
	}})
	for range 10 {
		s := p.ask(request("GET", "/"))
		s.CancelRead(codeRequestCancelled)
	}
	for range 10 {
		if err := <-ended; !errors.Is(err, errPeerReset) {
			t.Errorf("a handler ends for %v", err)
		}
	}
	s := p.ask(request("GET", "/"))
	s.CancelRead(codeRequestCancelled)
	p.wantEnd(codeExcessiveLoad, metrics.CloseLimit)
	p.wantLimit(metrics.LimitEarlyReset, 1)
	if n := p.metrics.StreamsReset.Value(metrics.ByPeer); n != 11 {
		t.Errorf("%d streams count as reset by the peer, want 11", n)
	}
}

// TestGivenUpAnswers: a client that gives up an answer ends it, whoever writes it: its
// stream is over, and who writes does not wait for it.
func TestGivenUpAnswers(t *testing.T) {
	window := &quic.Config{InitialStreamReceiveWindow: 32 << 10, MaxStreamReceiveWindow: 32 << 10}
	p := newPeer(t, setup{quic: window, source: stored("/stored", large), serve: func(_ *peer, ctx context.Context, x *message.Exchange) {
		switch x.Path {
		case "/written":
			_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
			_, _ = io.Copy(writer{x.Reply}, strings.NewReader(large))
			_ = x.Reply.End(nil)
		case "/followed":
			g := message.NewGrowing(-1, 8<<20)
			x.Reply.Follow(message.Opened(200, nil, -1), g.Follow())
			_ = g.Append(ctx, []byte(large))
			for end := time.Now().Add(patience); g.Followers() > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Error("a client that has given up is still followed")
					break
				}
			}
		default:
			x.Reply.Send(message.New(200, nil, []byte(large), "", time.Time{}))
		}
	}})
	for _, path := range []string{"/stored", "/written", "/followed", "/sent"} {
		s := p.ask(request("GET", path))
		if _, err := io.ReadFull(s, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		s.CancelRead(codeRequestCancelled)
		for end := time.Now().Add(patience); p.metrics.StreamsOpen.Value() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: its stream stays open", path)
			}
		}
	}
	if n := p.metrics.StreamsReset.Value(metrics.ByPeer); n != 4 {
		t.Errorf("%d streams count as reset by the peer, want 4", n)
	}
}

// TestHandlersAreBounded: a request that was given up counts until its handler has
// returned: a peer cannot have more handlers than streams.
func TestHandlersAreBounded(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 100)
	p := newPeer(t, setup{limits: func(l *Limits) { l.Streams = 3 }, serve: func(*peer, context.Context, *message.Exchange) {
		entered <- struct{}{}
		<-release // whatever its context says
	}})
	for range 3 {
		s := p.ask(request("GET", "/"))
		<-entered
		s.CancelRead(codeRequestCancelled)
	}
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	if _, err := p.conn.OpenStreamSync(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fourth stream: %v, want none", err)
	}
	close(release)
	p.want(read(p.ask(request("GET", "/"))), "500", "Internal Server Error\n")
}

// TestIdle: a connection without a request ends, and one with a request does not.
func TestIdle(t *testing.T) {
	release := make(chan struct{})
	p := newPeer(t, setup{limits: func(l *Limits) { l.Idle = short }, serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		<-release
		x.Reply.Send(message.New(200, nil, []byte("late"), "", time.Time{}))
	}})
	s := p.ask(request("GET", "/"))
	time.Sleep(3 * short)
	close(release)
	p.want(read(s), "200", "late")
	began := time.Now()
	p.wantEnd(codeNoError, metrics.CloseIdle)
	inTime(t, began, short/2)
	p.wantLimit(metrics.LimitIdleTimeout, 1)
}

// TestDrain: what is in flight is answered, what comes later is refused for another
// try, and the connection ends.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	p := newPeer(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		<-release
		x.Reply.Send(message.New(200, nil, []byte(large), "", time.Time{}))
	}})
	s := p.ask(request("GET", "/"))
	control, err := p.conn.AcceptUniStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := byteSource{control}
	if kind, err := readVarint(r); kind != streamControl || err != nil {
		t.Fatalf("a stream of type %d, %v", kind, err)
	}
	next := func() (kind, value uint64) {
		h, err := readFrameHead(r)
		if err != nil {
			t.Fatal(err)
		}
		value, _ = readVarint(r)
		if h.kind == frameSettings {
			_, _ = readVarint(r) // that was the first one's name
			_, _ = readVarint(r)
			_, _ = readVarint(r)
		}
		return h.kind, value
	}
	if kind, _ := next(); kind != frameSettings {
		t.Errorf("the first frame is %d", kind)
	}
	p.engine.Drain()
	p.engine.Drain()
	if kind, id := next(); kind != frameGoAway || id != uint64(maxStreamID) {
		t.Errorf("frame %d of %d, want GOAWAY of the highest stream", kind, id)
	}
	if kind, id := next(); kind != frameGoAway || id != 4 {
		t.Errorf("frame %d of %d, want GOAWAY of the second stream", kind, id)
	}
	p.wantReset(read(p.ask(request("GET", "/"))), codeRequestRejected)
	close(release)
	p.want(read(s), "200", large)
	p.wantEnd(codeNoError, metrics.CloseDrain)
}

// byteSource reads a stream byte by byte.
type byteSource struct{ *quic.ReceiveStream }

func (r byteSource) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r.ReceiveStream, b[:])
	return b[0], err
}

// TestPeerGone: handlers end when their connection does.
func TestPeerGone(t *testing.T) {
	entered, ended := make(chan struct{}), make(chan error, 1)
	p := newPeer(t, setup{serve: func(_ *peer, ctx context.Context, x *message.Exchange) {
		close(entered)
		_, err := io.Copy(io.Discard, x.Body)
		<-ctx.Done()
		ended <- err
	}})
	p.send(request("POST", "/"))
	<-entered
	p.close()
	if err := <-ended; !errors.Is(err, errPeerGone) {
		t.Errorf("the handler reads %v", err)
	}
}

// TestNoControlStream: a client that lets us open no control stream is refused: the
// connection does not outlive Serve.
func TestNoControlStream(t *testing.T) {
	p := newPeer(t, setup{quic: &quic.Config{MaxIncomingUniStreams: -1}, silent: true})
	p.wantEnd(codeStreamCreation, metrics.CloseError)
	select {
	case <-p.engine.quic.Context().Done():
	default:
		t.Error("the connection goes on, without anyone who serves it")
	}
}

// TestStalledUploads: uploads that stall are of the budget of streams that end early.
func TestStalledUploads(t *testing.T) {
	p := newPeer(t, setup{limits: func(l *Limits) { l.Progress, l.Resets, l.ResetsPerSec = short, 1, 0 }, serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		_, _ = io.Copy(io.Discard, x.Body)
	}})
	p.send(request("POST", "/"))
	p.send(request("POST", "/"))
	p.wantEnd(codeExcessiveLoad, metrics.CloseLimit)
	p.wantLimit(metrics.LimitEarlyReset, 1)
}

// TestStreamWithoutAType: a unidirectional stream whose type does not come is given up
// in time, at the cost of a stream without use.
func TestStreamWithoutAType(t *testing.T) {
	p := newPeer(t, setup{limits: func(l *Limits) { l.Head, l.Control, l.ControlPerSec = short, 1, 0 }})
	began := time.Now()
	p.uni(0x21, nil) // of an unknown type, at once
	half, err := p.conn.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.Write([]byte{0xc0}); err != nil {
		t.Fatal(err)
	}
	p.wantEnd(codeExcessiveLoad, metrics.CloseLimit)
	inTime(t, began, short)
	p.wantLimit(metrics.LimitHeadTimeout, 1)
}
