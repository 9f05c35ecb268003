package h1client

import (
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// timeout is that of the tests' requests.
const timeout = 10 * time.Second

func request(t testing.TB, method, url, body string) *exchange.Request {
	t.Helper()
	r, err := exchange.NewRequest(0, &vegeta.Target{Method: method, URL: url, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start is when a test begins, since the epoch.
const start = time.Second

// peer is a scripted server on one end of a pipe, and the engine on the other.
// Time stands still but for what the test sleeps.
type peer struct {
	*h1peer.Peer
	*exchangetest.Driver
	engine *Conn
	begun  time.Time
	ended  chan *exchange.Failure
}

// run runs script in a bubble, against an engine of its own. Goroutines that
// outlive the connection fail the test.
func run(t *testing.T, digests *exchange.Digests, script func(*peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		p := &peer{Peer: h1peer.New(t, server), Driver: exchangetest.NewDriver(), begun: time.Now(), ended: make(chan *exchange.Failure, 1)}
		cfg := &exchange.Config{Epoch: p.begun.Add(-start), Timeout: timeout, Digests: digests}
		p.engine = New(cfg, wire.NewClient(client, nil, exchangetest.Options()), p.Driver)
		go func() { p.ended <- p.engine.Serve() }()
		defer func() {
			p.Conn.Close()
			<-p.ended
			p.Check(t)
		}()
		script(p)
	})
}

// now is the time since the epoch.
func (p *peer) now() time.Duration { return start + time.Since(p.begun) }

// ask makes the engine send requests that are due now.
func (p *peer) ask(requests ...*exchange.Request) {
	p.Helper()
	p.Add(p.now(), requests...)
	p.engine.Stop()
}

// get asks for a path and reads the request.
func (p *peer) get(path string) {
	p.Helper()
	p.ask(request(p, "GET", "http://test"+path, ""))
	p.WantRequest("GET", path, "")
}

// wantOutcome waits until nothing happens and looks at the newest outcome.
func (p *peer) wantOutcome(status int, failure *exchange.Failure) exchange.Outcome {
	p.Helper()
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	if len(p.Outcomes) == 0 {
		p.Fatal("no outcome")
	}
	o := p.Outcomes[len(p.Outcomes)-1]
	if o.Status != status || !same(o.Failure, failure) {
		p.Errorf("status %d, %v, want status %d, %v", o.Status, o.Failure, status, failure)
	}
	return o
}

// wantOutcomes checks how many there are.
func (p *peer) wantOutcomes(n int) {
	p.Helper()
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	if len(p.Outcomes) != n {
		p.Errorf("%d outcomes, want %d: %+v", len(p.Outcomes), n, p.Outcomes)
	}
}

// wantEnd waits for the engine's end, and the connection's.
func (p *peer) wantEnd(failure *exchange.Failure) {
	p.Helper()
	if b, err := io.ReadAll(p.R); err != nil || len(b) > 0 {
		p.Errorf("%q (%v) where the connection should end", b, err)
	}
	got := <-p.ended
	p.ended <- got
	if !same(got, failure) {
		p.Errorf("ended for %v, want %v", got, failure)
	}
}

func same(a, b *exchange.Failure) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// byServer is the end of a connection that the server closed.
var byServer = exchange.CloseFailure(nil)

// underRequest is that of one that it closed under a request.
var underRequest = byServer.UnderRequest()

// paths are the paths that were given back.
func (p *peer) paths() (paths []string) {
	synctest.Wait()
	p.Mu.Lock()
	defer p.Mu.Unlock()
	for _, t := range p.Returned {
		paths = append(paths, t.Request.URL)
	}
	return slices.Clip(paths)
}
