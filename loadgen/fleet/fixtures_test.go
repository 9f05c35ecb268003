package fleet

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// token is what agents and coordinators of the tests share.
const token = "the tests' token, of 20 or more"

// target is a server that counts requests.
type target struct {
	url  string
	hits atomic.Uint64
}

func newTarget(t *testing.T) *target {
	t.Helper()
	s := new(target)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.hits.Add(1)
		_, _ = w.Write([]byte("hello"))
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that tests break
	server.StartTLS()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// config is an attack on it, of two targets: open loop if rate is not 0.
func (s *target) config(rate int, d time.Duration, requests uint64) attack.Config {
	cfg := attack.Config{
		Targets:  []vegeta.Target{{Method: "GET", URL: s.url + "/a"}, {Method: "POST", URL: s.url + "/b", Body: []byte("content")}},
		Duration: d, Requests: requests, Connections: 7, Streams: 8, Timeout: 10 * time.Second, Insecure: true,
	}
	if rate > 0 {
		cfg.Pacer = vegeta.ConstantPacer{Freq: rate, Per: time.Second}
	}
	return cfg
}

// machine is an agent that can be killed.
type machine struct {
	net.Listener
	address string
	end     func() // the agent's ctx

	mu    sync.Mutex
	conns []*net.TCPConn
}

func startAgent(t *testing.T) *machine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{Listener: l, address: l.Addr().String()}
	ctx, end := context.WithCancel(context.Background())
	m.end = end
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = Serve(ctx, m, AgentConfig{Token: token})
	}()
	t.Cleanup(func() {
		end()
		<-over
	})
	return m
}

func startAgents(t *testing.T, n int) (machines []*machine, addresses []string) {
	t.Helper()
	for range n {
		m := startAgent(t)
		machines, addresses = append(machines, m), append(addresses, m.address)
	}
	return machines, addresses
}

func (m *machine) Accept() (net.Conn, error) {
	nc, err := m.Listener.Accept()
	if err == nil {
		m.mu.Lock()
		m.conns = append(m.conns, nc.(*net.TCPConn))
		m.mu.Unlock()
	}
	return nc, err
}

// kill is what the others see when the process dies.
func (m *machine) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, nc := range m.conns {
		_ = nc.SetLinger(0)
		_ = nc.Close()
	}
	_ = m.Close() // last: it has the agent end its attacks in good order
}

// record is what hooks were given.
type record struct {
	total     *measure.Tally
	intervals []*measure.Interval
	due       uint64
	begin     time.Time

	mu   sync.Mutex
	seen map[uint64]time.Duration // Seq: Due
	bad  []exchange.Outcome       // seen before, or not of its target
	open bool                     // targets take turns by Seq
}

func newRecord(cfg attack.Config) *record {
	return &record{open: cfg.Pacer != nil, total: measure.NewTally(), seen: make(map[uint64]time.Duration)}
}

func (r *record) hooks() attack.Hooks {
	return attack.Hooks{
		Begin: func(at time.Time) { r.begin = at },
		Interval: func(i *measure.Interval) {
			r.intervals = append(r.intervals, i)
			r.due += i.Due
			r.total.Merge(i.Tally)
		},
		Outcomes: func(batch []exchange.Outcome) {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, o := range batch {
				if _, twice := r.seen[o.Seq]; twice || r.open && o.Request.Target != int(o.Seq%2) {
					r.bad = append(r.bad, o)
				}
				r.seen[o.Seq] = o.Due
			}
		},
	}
}

// check is true of every attack.
func (r *record) check(t *testing.T, s attack.Summary) {
	t.Helper()
	for i, interval := range r.intervals {
		if interval.Index != i {
			t.Errorf("interval %d has index %d", i, interval.Index)
		}
	}
	if r.begin.IsZero() || !r.begin.Equal(s.Begin) {
		t.Errorf("began at %v, and the hook was given %v", s.Begin, r.begin)
	}
	if len(r.bad) > 0 {
		t.Errorf("%d outcomes came twice or with another target: %+v", len(r.bad), r.bad[0])
	}
}
