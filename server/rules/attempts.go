package rules

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/e0ac7cd4/hotpath/metrics"
)

const (
	// maxAttempts is how many passwords are being verified or wait for it. At
	// 50 ms each the last waits for some seconds, which a person does.
	maxAttempts = 32

	// maxAttemptsOfClient is how many of these are one client's: the others are
	// for those who are not guessing.
	maxAttemptsOfClient = 4
)

var (
	errBusy       = errors.New("too many passwords wait to be verified")
	errClientBusy = errors.New("too many passwords of the client wait to be verified")
)

// Attempts verifies passwords for all sites, within a part of the processor: a hash
// is made to take long, and anybody may send a password.
//
// A quarter of the cores, one at least, compute at a time, and rest after each
// password for as long as it took, so that on two cores a quarter of the processor is
// the most that guesses take. Requests with the same credentials wait for one
// attempt.
type Attempts struct {
	metrics *metrics.Hotpath
	stripe  metrics.Stripe
	inner   [sha256.BlockSize]byte // key of the HMAC, as both of its hashes begin with it
	outer   [sha256.BlockSize]byte
	permits chan struct{}
	compare func(hash, password []byte) error

	mu      sync.Mutex
	running map[attempt]*outcome
	clients map[netip.Prefix]int // of running
}

// attempt names credentials and what they are held against.
type attempt struct {
	list *userList
	digest
}

// outcome is what comes of an attempt.
type outcome struct {
	done  chan struct{} // closed when right is known
	right bool
}

// digest is a keyed hash of credentials: it names them, and reveals nothing to
// whom compares it or reads memory.
type digest [sha256.Size]byte

// NewAttempts makes the attempts of a process.
func NewAttempts(m *metrics.Hotpath) *Attempts {
	a := &Attempts{
		metrics: m, stripe: m.Stripe(),
		permits: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/4)),
		compare: bcrypt.CompareHashAndPassword,
		running: make(map[attempt]*outcome), clients: make(map[netip.Prefix]int),
	}
	var key [sha256.Size]byte
	_, _ = rand.Read(key[:]) // never fails
	copy(a.inner[:], key[:])
	copy(a.outer[:], key[:])
	for i := range a.inner {
		a.inner[i] ^= 0x36 // RFC 2104 §2
		a.outer[i] ^= 0x5c
	}
	return a
}

// digest is the HMAC of credentials, of [maxCredentials] at most. It does not
// allocate, as crypto/hmac does.
func (a *Attempts) digest(credentials string) digest {
	var room [sha256.BlockSize + maxCredentials]byte
	first := sha256.Sum256(append(append(room[:0], a.inner[:]...), credentials...))
	return sha256.Sum256(append(append(room[:0], a.outer[:]...), first[:]...))
}

// verify reports whether a password is the hash's. It waits for its turn until ctx
// ends; an error is that it has none.
func (a *Attempts) verify(ctx context.Context, of attempt, client netip.Addr, hash, password []byte) (right bool, err error) {
	o, err := a.join(of, networkOf(client), hash, password)
	if err != nil {
		a.metrics.LimitBreaches.Add(a.stripe, metrics.LimitPasswords, 1)
		return false, err
	}
	select {
	case <-o.done:
		return o.right, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// join returns the attempt that is under way, or begins one, which no client's end
// ends: it costs what it costs.
func (a *Attempts) join(of attempt, client netip.Prefix, hash, password []byte) (*outcome, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch o := a.running[of]; {
	case o != nil:
		return o, nil
	case a.clients[client] >= maxAttemptsOfClient:
		return nil, errClientBusy
	case len(a.running) >= maxAttempts:
		return nil, errBusy
	}
	o := &outcome{done: make(chan struct{})}
	a.running[of] = o
	a.clients[client]++
	go func() {
		a.permits <- struct{}{}
		began := time.Now()
		o.right = a.compare(hash, password) == nil
		took := time.Since(began)
		a.end(of, client)
		close(o.done)
		time.Sleep(took)
		<-a.permits
	}()
	return o, nil
}

func (a *Attempts) end(of attempt, client netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.running, of)
	if a.clients[client]--; a.clients[client] == 0 {
		delete(a.clients, client)
	}
}

// networkOf is whom an address counts as: of IPv6 a household has 64 bits.
func networkOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // zero for what is no address: all of those are one client
	return p
}
