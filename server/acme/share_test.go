package acme

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit/pebble"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// pair are two instances with one storage and one authority, which validates at the
// first alone.
type pair struct {
	one, two *instance
	a        *pebble.Authority
	s        Settings
	roots    *x509.CertPool

	mu   sync.Mutex
	seen map[string]bool // serial numbers of what was stored, by either
}

// newPair makes them, with names that both keep and present.
func newPair(t *testing.T, o pebble.Options, at pace, names ...string) *pair {
	t.Helper()
	p := &pair{one: newInstance(t), two: newInstance(t), seen: make(map[string]bool)}
	p.a = p.one.authority(o)
	p.s, p.roots = settingsOf(t, p.a), p.a.Roots(t)
	for _, i := range []*instance{p.one, p.two} {
		t.Cleanup(i.Stop) // before the storage goes
		i.pace = at
		i.present(p.s, names...)
		stored := i.changed
		i.changed = func() {
			p.see(names)
			stored()
		}
	}
	p.two.Configure(p.s, names)
	p.one.Configure(p.s, names)
	return p
}

// see notes what is stored. The one that has stored it calls it before anyone can
// replace it.
func (p *pair) see(names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		if leaf, err := storageOf(p.s).leaf(name); err == nil && leaf != nil {
			p.seen[leaf.SerialNumber.String()] = true
		}
	}
}

func (p *pair) certificates() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.seen)
}

// sum is what both have counted.
func (p *pair) sum(o metrics.ACMEOutcome) uint64 { return p.one.attempts(o) + p.two.attempts(o) }

// settled checks, when nothing is due, that what was ordered are as many
// certificates as were seen, and that both have one account.
func (p *pair) settled(names int) {
	t := p.one.t
	t.Helper()
	p.one.eventually("each order is one certificate that was seen", func() bool {
		n := p.certificates()
		return p.a.Issued() == n && p.sum(metrics.ACMEObtained) == uint64(names) && p.sum(metrics.ACMERenewed) == uint64(n-names)
	})
	for o := metrics.ACMEUnreachable; o <= metrics.ACMEOther; o++ {
		if n := p.sum(o); n != 0 {
			t.Errorf("%d attempts failed: %v", n, o)
		}
	}
	files, err := filepath.Glob(filepath.Join(p.s.Storage, "*", "accounts", "*.json"))
	if err != nil || len(files) != 1 || p.a.Accounts() != 1 {
		t.Errorf("%d accounts at the authority, want 1; files: %q, %v", p.a.Accounts(), files, err)
	}
}

// TestShareRenewals: of instances with one storage, one renews a certificate when
// its time has come, and both present it before the last one has ended.
func TestShareRenewals(t *testing.T) {
	t.Parallel() // most of it is waiting
	names := []string{"a.example", "b.example"}
	p := newPair(t, pebble.Options{Valid: 24}, usual, names...) // renewed every 16 s
	both := []*instance{p.one, p.two}
	for _, i := range both {
		i.eventually("each name has a certificate", func() bool {
			for _, name := range names {
				if _, err := i.presented(name, p.roots); err != nil {
					return false
				}
			}
			return i.m.ACMEMissing.Value() == 0
		})
	}
	const renewals = 2
	shown := map[*instance]map[string]bool{p.one: {}, p.two: {}}
	end := time.Now().Add(renewals * patience)
	for min(len(shown[p.one]), len(shown[p.two])) < len(names)*(1+renewals) {
		if time.Now().After(end) {
			t.Fatalf("%d and %d certificates were presented", len(shown[p.one]), len(shown[p.two]))
		}
		for _, i := range both {
			for _, name := range names {
				leaf, err := i.presented(name, p.roots)
				if err != nil {
					t.Fatalf("a client of %s: %v", name, err)
				}
				shown[i][leaf.SerialNumber.String()] = true
			}
			if n := i.m.ACMEMissing.Value(); n != 0 {
				t.Errorf("%d names have no certificate", n)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.settled(len(names))
}

// TestShareSuggested: if the authority suggests to renew at once, instances with one
// storage do so once, however often that is.
func TestShareSuggested(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := newPair(t, pebble.Options{}, quick, "a.example")
	var before *x509.Certificate
	for round := range 5 {
		var leaf *x509.Certificate
		p.one.eventually("both present what is new", func() bool {
			one, err := p.one.presented("a.example", p.roots)
			two, err2 := p.two.presented("a.example", p.roots)
			leaf = one
			return err == nil && err2 == nil && one.Equal(two) && (before == nil || !one.Equal(before))
		})
		if n := p.certificates(); n != round+1 {
			t.Fatalf("%d certificates after %d suggestions", n, round)
		}
		before = leaf
		p.a.Suggest(t, leaf, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	}
	p.one.eventually("the last suggestion is followed", func() bool { return p.certificates() == 6 })
	n := p.a.Asked() + 6
	p.one.eventually("the last one was asked about by now", func() bool { return p.a.Asked() >= n })
	p.settled(1)
	p.one.eventually("each order says which it replaces", func() bool { return p.a.Replacements() == 5 })
}

// TestShareApart: an authority whose suggestion has always passed gets one order an
// hour from all instances together, however often they start.
func TestShareApart(t *testing.T) {
	t.Parallel() // most of it is waiting
	at := quick
	at.apart = time.Hour
	p := newPair(t, pebble.Options{}, at, "apart.example")
	p.one.eventually("there is a certificate", func() bool { return p.certificates() == 1 })
	leaf, err := storageOf(p.s).leaf("apart.example")
	if err != nil {
		t.Fatal(err)
	}
	p.a.Suggest(t, leaf, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	n := p.a.Asked() + 6
	p.one.eventually("it was asked about", func() bool { return p.a.Asked() >= n })
	p.settled(1)
	if n := p.certificates(); n != 1 {
		t.Errorf("%d certificates within the hour, want 1", n)
	}
	before := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(CertificateFile(p.s, "apart.example"), before, before); err != nil {
		t.Fatal(err)
	}
	p.one.eventually("it is renewed after the hour", func() bool { return p.certificates() == 2 })
	p.settled(1)
}
