package h1client

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// timeout is that of the tests' requests.
const timeout = 10 * time.Second

// driver is scripted: it hands out tickets when they are due.
type driver struct {
	mu       sync.Mutex
	tickets  []exchange.Ticket // yet to be handed out, by due time
	open     bool              // more of them may come
	outcomes []exchange.Outcome
	returned []exchange.Ticket // by Again
	why      []*exchange.Failure
	taken    int
	rested   bool   // Rest has followed all of these
	resting  func() // what happens while a turn ends
}

func (d *driver) Next(now time.Duration) (t exchange.Ticket, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tickets) == 0 || d.tickets[0].Due > now {
		return t, false
	}
	t, d.tickets = d.tickets[0], d.tickets[1:]
	d.taken++
	return t, true
}

func (d *driver) Done(o *exchange.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outcomes, d.rested = append(d.outcomes, *o), false
}

func (d *driver) Again(t exchange.Ticket, failure *exchange.Failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.returned, d.why = append(d.returned, t), append(d.why, failure)
	d.rested = false
}

func (d *driver) Rest(time.Duration) (until time.Duration, more bool) {
	d.mu.Lock()
	if until, more = 0, d.open; len(d.tickets) > 0 {
		until, more = d.tickets[0].Due, true
	}
	resting := d.resting
	d.resting, d.rested = nil, true
	d.mu.Unlock()
	if resting != nil {
		resting()
	}
	return until, more
}

// add lets the driver hand out a request for each path, due so long after the
// epoch, once the engine asks again.
func (d *driver) add(due time.Duration, requests ...*exchange.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range requests {
		d.tickets = append(d.tickets, exchange.Ticket{Request: r, Due: due, Seq: uint64(d.taken + len(d.tickets))})
	}
}

func (d *driver) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = false
}

func request(t testing.TB, method, url, body string) *exchange.Request {
	t.Helper()
	r, err := exchange.NewRequest(0, &vegeta.Target{Method: method, URL: url, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func options() *wire.Options {
	set := metrics.NewSet(1)
	return &wire.Options{
		Metrics: wire.Metrics{
			Set:      set,
			Received: metrics.NewCounter(set, "received_total", ""),
			Sent:     metrics.NewCounter(set, "sent_total", ""),
			Stalled:  func(metrics.Stripe) {},
		},
		WriteTimeout: 30 * time.Second,
		WriteQuantum: 30 << 10,
	}
}

// start is when a test begins, since the epoch.
const start = time.Second

// peer is a scripted server on one end of a pipe, and the engine on the other.
// Time stands still but for what the test sleeps.
type peer struct {
	*testing.T
	*driver
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
			T: t, driver: &driver{open: true}, conn: server, r: bufio.NewReader(server),
			begun: time.Now(), ended: make(chan *exchange.Failure, 1),
		}
		cfg := &exchange.Config{Epoch: p.begun.Add(-start), Timeout: timeout, Digests: digests}
		p.engine = New(cfg, wire.NewClient(client, nil, options()), p.driver)
		go func() { p.ended <- p.engine.Serve() }()
		defer func() {
			p.conn.Close()
			<-p.ended
			if n := p.taken - len(p.outcomes) - len(p.returned); n != 0 {
				t.Errorf("of %d tickets nothing was heard", n)
			}
			if !p.rested {
				t.Error("the last turn did not end")
			}
		}()
		script(p)
	})
}

// now is the time since the epoch.
func (p *peer) now() time.Duration { return start + time.Since(p.begun) }

// ask makes the engine send requests that are due now.
func (p *peer) ask(requests ...*exchange.Request) {
	p.Helper()
	p.add(p.now(), requests...)
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.outcomes) == 0 {
		p.Fatal("no outcome")
	}
	o := p.outcomes[len(p.outcomes)-1]
	if o.Status != status || !same(o.Failure, failure) {
		p.Errorf("status %d, %v, want status %d, %v", o.Status, o.Failure, status, failure)
	}
	return o
}

// wantOutcomes checks how many there are.
func (p *peer) wantOutcomes(n int) {
	p.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.outcomes) != n {
		p.Errorf("%d outcomes, want %d: %+v", len(p.outcomes), n, p.outcomes)
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
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.returned {
		paths = append(paths, t.Request.URL)
	}
	return slices.Clip(paths)
}
