package h1client

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

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
	*testing.T
	*exchangetest.Driver
	conn   net.Conn
	r      *bufio.Reader
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
		p := &peer{
			T: t, Driver: exchangetest.NewDriver(), conn: server, r: bufio.NewReader(server),
			begun: time.Now(), ended: make(chan *exchange.Failure, 1),
		}
		cfg := &exchange.Config{Epoch: p.begun.Add(-start), Timeout: timeout, Digests: digests}
		p.engine = New(cfg, wire.NewClient(client, nil, exchangetest.Options()), p.Driver)
		go func() { p.ended <- p.engine.Serve() }()
		defer func() {
			p.conn.Close()
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
	p.want("GET", path, "")
}

// want reads a request.
func (p *peer) want(method, path, body string) {
	p.Helper()
	r, err := http.ReadRequest(p.r)
	if err != nil {
		p.Fatalf("reading a request: %v", err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil {
		p.Fatalf("reading a request's content: %v", err)
	}
	if r.Method != method || r.RequestURI != path || string(got) != body {
		p.Fatalf("got %s %s %.40q, want %s %s %.40q", r.Method, r.RequestURI, got, method, path, body)
	}
}

func (p *peer) send(raw string) {
	p.Helper()
	if _, err := io.WriteString(p.conn, raw); err != nil {
		p.Fatalf("writing: %v", err)
	}
	synctest.Wait()
}

// silence is how long wantSilence listens.
const silence = time.Microsecond

// wantSilence checks that nothing is sent until something happens.
func (p *peer) wantSilence() {
	p.Helper()
	synctest.Wait()
	_ = p.conn.SetReadDeadline(time.Now().Add(silence))
	if b, err := p.r.ReadByte(); err == nil {
		p.Fatalf("%q was sent, want nothing", b)
	}
	_ = p.conn.SetReadDeadline(time.Time{})
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
	if b, err := io.ReadAll(p.r); err != nil || len(b) > 0 {
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
