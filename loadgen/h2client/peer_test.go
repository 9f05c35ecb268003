package h2client

import (
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

const (
	start    = time.Second      // when a test begins, since the epoch
	timeout  = 10 * time.Second // of the tests' requests
	patience = time.Hour        // for a frame, of the bubble's time
)

// setup is what a test changes of the engine that it talks to.
type setup struct {
	streams  int // 0: 10
	digests  *exchange.Digests
	settings []frame.Setting // the server's first
	silent   bool            // the server does not say hello
	prepare  func(*Conn)     // before it is served
}

// peer is a scripted server on one end of a pipe, and the engine on the other.
// Time stands still but for what the test sleeps, and what is written together
// arrives in one turn.
type peer struct {
	*h2peer.Peer
	*exchangetest.Driver
	engine *Conn
	begun  time.Time
	ended  chan *exchange.Failure
}

// run runs script in a bubble, against an engine of its own. Goroutines that
// outlive the connection fail the test.
func run(t *testing.T, s setup, script func(*peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		p := &peer{Peer: h2peer.New(t, server, patience), Driver: exchangetest.NewDriver(), begun: time.Now(), ended: make(chan *exchange.Failure, 1)}
		cfg := &exchange.Config{Epoch: p.begun.Add(-start), Streams: s.streams, Timeout: timeout, Digests: s.digests}
		if cfg.Streams == 0 {
			cfg.Streams = 10
		}
		p.engine = New(cfg, wire.NewClient(client, nil, exchangetest.Options()), p.Driver)
		if s.prepare != nil {
			s.prepare(p.engine)
		}
		go func() { p.ended <- p.engine.Serve() }()
		defer func() {
			p.Conn.Close()
			<-p.ended
			p.Check(t)
			if n := p.engine.inFlight; n != 0 {
				t.Errorf("%d in flight after the end", n)
			}
		}()
		p.wantHello()
		if !s.silent {
			p.Settings(s.settings...)
		}
		script(p)
	})
}

// now is the time since the epoch.
func (p *peer) now() time.Duration { return start + time.Since(p.begun) }

// wantHello reads what a client sends first.
func (p *peer) wantHello() {
	p.Helper()
	p.WantPreface()
	if f, err := p.Read(); err != nil || f.Type != frame.WindowUpdate || f.StreamID != 0 {
		p.Fatalf("%v (%v), want the connection's window", f, err)
	}
	synctest.Wait()
}

// ask makes the engine send requests that are due now.
func (p *peer) ask(requests ...*exchange.Request) {
	p.Helper()
	p.Add(p.now(), requests...)
	p.engine.Stop()
}

// get asks for a path and reads the request of that stream.
func (p *peer) get(id uint32, path string) *exchange.Request {
	p.Helper()
	r := request(p, 0, "GET", "https://test"+path, "")
	p.ask(r)
	p.wantRequest(id, r)
	return r
}

// wantRequest reads a request's head, which is to be r's.
func (p *peer) wantRequest(id uint32, r *exchange.Request) h2peer.Frame {
	p.Helper()
	flags := frame.FlagEndHeaders
	if len(r.Body) == 0 {
		flags |= frame.FlagEndStream
	}
	f := p.Want(frame.Headers, id, flags)
	if !slices.Equal(f.Fields, r.Fields) {
		p.Fatalf("stream %d: fields %v, want %v", id, f.Fields, r.Fields)
	}
	return f
}

// wantBody reads a request's content, nothing else between its frames.
func (p *peer) wantBody(id uint32, body string) {
	p.Helper()
	var got []byte
	for {
		f := p.NextFrame()
		if f.Type != frame.Data || f.StreamID != id {
			p.Fatalf("%v in the content of stream %d", f, id)
		}
		if got = append(got, f.Payload...); f.Flags.Has(frame.FlagEndStream) {
			break
		}
	}
	if string(got) != body {
		p.Errorf("stream %d: %d bytes of content %.40q, want %d %.40q", id, len(got), got, len(body), body)
	}
}

// wantGoAway reads GOAWAY and the connection's end.
func (p *peer) wantGoAway(code frame.ErrCode) {
	p.Helper()
	if last := p.WantGoAway(code); last != 0 {
		p.Errorf("GOAWAY of %d, want 0", last)
	}
	p.WantEOF()
}

// wantEnd checks what Serve returns.
func (p *peer) wantEnd(failure *exchange.Failure) {
	p.Helper()
	got := <-p.ended
	p.ended <- got
	if !same(got, failure) {
		p.Errorf("ended for %v, want %v", got, failure)
	}
}

// wantOutcome waits until nothing happens and looks at the outcome of a ticket.
func (p *peer) wantOutcome(seq uint64, status int, failure *exchange.Failure) exchange.Outcome {
	p.Helper()
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	i := slices.IndexFunc(p.Outcomes, func(o exchange.Outcome) bool { return o.Seq == seq })
	if i < 0 {
		p.Fatalf("no outcome of ticket %d", seq)
	}
	o := p.Outcomes[i]
	if o.Status != status || !same(o.Failure, failure) {
		p.Errorf("ticket %d: status %d, %v, want status %d, %v", seq, o.Status, o.Failure, status, failure)
	}
	return o
}

// wantCounts checks how many tickets have become outcomes and how many were
// given back.
func (p *peer) wantCounts(outcomes, returned int) {
	p.Helper()
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	if len(p.Outcomes) != outcomes || len(p.Returned) != returned {
		p.Errorf("%d outcomes and %d given back, want %d and %d", len(p.Outcomes), len(p.Returned), outcomes, returned)
	}
}

// ends are the outcomes once nothing happens any more.
func (p *peer) ends() []exchange.Outcome {
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return slices.Clone(p.Outcomes)
}

// left is how many tickets were not handed out.
func (p *peer) left() int {
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return len(p.Tickets)
}

// turns is how many turns there were.
func (p *peer) turns() int {
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return p.Rests
}

// wantReturned checks that a ticket was given back, and why.
func (p *peer) wantReturned(seq uint64, failure *exchange.Failure) {
	p.Helper()
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	for i, t := range p.Returned {
		if t.Seq == seq {
			want := *failure
			want.Unprocessed = true // by GOAWAY or REFUSED_STREAM
			if !same(p.Why[i], &want) {
				p.Errorf("ticket %d given back for %v, want %v", seq, p.Why[i], failure)
			}
			return
		}
	}
	p.Errorf("ticket %d was not given back", seq)
}

// request is that of the target with an index. header are names and values in
// turn.
func request(t testing.TB, target int, method, url, body string, header ...string) *exchange.Request {
	t.Helper()
	v := vegeta.Target{Method: method, URL: url, Body: []byte(body), Header: make(map[string][]string)}
	for pair := range slices.Chunk(header, 2) {
		v.Header.Add(pair[0], pair[1])
	}
	r, err := exchange.NewRequest(target, &v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
