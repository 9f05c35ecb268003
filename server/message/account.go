package message

import (
	"sync"
	"time"
)

// Account is what those who answer an exchange note of it for the access log. Its
// methods may be called from any goroutine, since a fetch may outlive its exchange;
// those of a nil Account do nothing: the log has no use for it.
type Account struct {
	mu    sync.Mutex
	noted Noted
	asked time.Time // when an upstream was first asked
}

// Noted is what an [Account] has.
type Noted struct {
	Site string // "" if the request is for none
	ID   string // of the request, as an upstream got it; "" if none did

	// Upstream is the one that was asked last, as the configuration has it; "" if
	// none was asked for this request: one that waits for another's fetch asks
	// none itself. Head and Total are the time since the first was asked, to the
	// head and to the end of the answer, or to its failure; 0 if that has not come.
	Upstream    string
	Head, Total time.Duration
}

// For notes the site.
func (a *Account) For(site string) {
	if a != nil {
		a.mu.Lock()
		a.noted.Site = site
		a.mu.Unlock()
	}
}

// Named notes the request's ID.
func (a *Account) Named(id string) {
	if a != nil {
		a.mu.Lock()
		a.noted.ID = id
		a.mu.Unlock()
	}
}

// Asks notes that an upstream is about to be asked, the wait for a turn included.
func (a *Account) Asks(upstream string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked.IsZero() {
		a.asked = time.Now()
	}
	a.noted.Upstream, a.noted.Head, a.noted.Total = upstream, 0, 0
}

// Answers notes that the head of an upstream's answer has come.
func (a *Account) Answers() {
	if a != nil {
		a.mu.Lock()
		a.noted.Head = time.Since(a.asked)
		a.mu.Unlock()
	}
}

// Ends notes that no more of an upstream's answer comes, or is needed. What ends an
// exchange calls it before the exchange ends. The first call counts.
func (a *Account) Ends() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.asked.IsZero() && a.noted.Total == 0 {
		a.noted.Total = time.Since(a.asked)
	}
}

// Tunnels notes that the answer is a tunnel, whose end is no end of an answer.
func (a *Account) Tunnels() {
	if a != nil {
		a.mu.Lock()
		a.asked = time.Time{}
		a.mu.Unlock()
	}
}

// Noted is what was noted so far.
func (a *Account) Noted() Noted {
	if a == nil {
		return Noted{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.noted
}
