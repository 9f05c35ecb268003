package acme

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// Bounds of what is done at once.
const (
	// orders is how many certificates are ordered at once: authorities limit
	// orders, and a thousand names take some ten minutes by it.
	orders = 4
	// connsEach is how many connections an order has to the authority.
	connsEach = 2

	// Descriptors are what orders have open at most: connections, a lock of the
	// name and one of the account, a file, and pipe and process of a hook.
	Descriptors = orders * (connsEach + 2 + 1 + 4)

	// Bytes are what orders hold at most: an answer in a buffer of twice its
	// size, and once more decoded, for each connection, with heads and TLS.
	Bytes = orders * connsEach * (3*maxAnswer + 2*maxHead + 128<<10)
)

// Settings are what certificates are obtained by. They are comparable: others are
// another authority, storage or way of proof.
type Settings struct {
	Directory string // URL of the authority's directory; "": no certificates are obtained
	Email     string // for its notices, "" for none
	CAFile    string // PEM file of what signs its own certificate; "": the system's
	Storage   string // directory
	Challenge string // ByAny, ByTLS, ByHTTP or ByDNS
	HTTP      bool   // HTTP-01 can be answered: there is a listener
	DNSHook   string // program that changes TXT records, "" for none

	// External account binding (RFC 8555 §7.3.4), "" for none.
	EABKeyID, EABKeyFile string
}

// Manager keeps certificates for names. [New] makes one.
type Manager struct {
	log     *slog.Logger
	metrics *metrics.Hotpath
	changed func() // after a certificate was stored
	board   *board
	slots   chan struct{} // a token for each order under way
	reads   chan struct{} // and for each look for another instance's challenge
	pause   func(cause metrics.ACMEOutcome, failures int) time.Duration
	pace    pace
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows; nothing waits while it is held
	settings Settings
	workers  map[string]*worker
}

// New makes a manager of no names. changed is called after each certificate that
// was stored, from any goroutine.
func New(changed func(), m *metrics.Hotpath, log *slog.Logger) *Manager {
	return &Manager{
		log: log, metrics: m, changed: changed,
		board:   &board{open: make(map[string]acme.Challenge)},
		slots:   make(chan struct{}, orders),
		reads:   make(chan struct{}, mostReads),
		pause:   func(c metrics.ACMEOutcome, n int) time.Duration { return spread(pause(c, n)) },
		pace:    usual,
		workers: make(map[string]*worker),
	}
}

// Configure has certificates kept for these names, each once, and for no others.
// What goes on for a name that stays is not disturbed, unless settings changed.
func (m *Manager) Configure(s Settings, names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wanted := make(map[string]bool, len(names))
	if s.Directory != "" {
		for _, name := range names {
			wanted[name] = true
		}
	}
	for name, w := range m.workers {
		if s != m.settings || !wanted[name] {
			w.cancel()
			delete(m.workers, name)
		}
	}
	m.settings = s
	for name := range wanted {
		if m.workers[name] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		w := &worker{manager: m, settings: s, store: storageOf(s), name: name, cancel: cancel, missing: true}
		m.workers[name] = w
		m.running.Go(func() { w.run(ctx) })
	}
	m.count()
}

// Stop ends all work, and waits for that: an order that is under way is given up,
// which takes as long as the hook takes to remove its record.
func (m *Manager) Stop() {
	m.Configure(Settings{}, nil)
	done := make(chan struct{})
	go func() {
		m.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(stopTime):
		m.log.Warn("ACME: the stop does not wait for it any longer: does acme-storage answer?")
	}
}

// stopTime is how long a stop waits: more than a hook may take to remove a record.
const stopTime = 15 * time.Second

// mostReads is how many files are read at once for handshakes and requests of
// strangers: storage that hangs keeps no more of them.
const mostReads = 4

// managed reports whether a certificate is kept for a name, and the storage of its
// challenges.
func (m *Manager) managed(name string) (storage, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.workers[name]
	if w == nil {
		return "", false
	}
	return w.store, true
}

// count shows how many names there are, and how many of them have no certificate.
// m.mu is held.
func (m *Manager) count() {
	missing := 0
	for _, w := range m.workers {
		if w.missing {
			missing++
		}
	}
	m.metrics.ACMENames.Set(int64(len(m.workers)))
	m.metrics.ACMEMissing.Set(int64(missing))
}
