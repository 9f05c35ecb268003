package certs

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/filewatch"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// Interval is the time between two looks at the files. No new certificate is more
// urgent than that, and to look at 2,000 files takes some 5 ms.
const Interval = 2 * time.Second

// reviewTime is the time between two looks at the clock, for certificates that
// begin or end: they do so by the minute.
const reviewTime = time.Minute

// Listed is a pair that an operator named.
type Listed struct {
	config.Pair
	Hosts []string // see [Candidate]
}

// Sources are where certificates come from. Without any, the keeper makes one.
type Sources struct {
	Pairs []Listed // the first is the default
	Dir   string   // of further ones, "" for none: see [config.ListPairs]

	// Expected are pairs whose files are about to be made, and may not be there
	// yet: those that are obtained from an authority.
	Expected []Listed
}

// Keeper has the certificates in use. [New] makes one.
type Keeper struct {
	metrics *metrics.Hotpath
	log     *slog.Logger
	index   atomic.Pointer[Index]
	broken  atomic.Pointer[[]Broken]

	mu       sync.Mutex // guards what follows; no handshake takes it
	listed   []*watched
	dir      string
	found    []*watched       // in dir, sorted
	expected []*watched       // see Sources
	own      *tls.Certificate // self-signed; in use if there is no other
	dirError string           // that was reported, "" if dir can be read
	keys     []*keyFile
	reviewed time.Time // the last look at the clock
}

// New makes a keeper of what s has.
func New(s Sources, m *metrics.Hotpath, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{metrics: m, log: log}
	if err := k.Configure(s); err != nil {
		return nil, err
	}
	return k, nil
}

// Configure makes these the sources, all at once: all that is listed must load,
// and of all together one at least. If that is not so, nothing changes. Files that
// are in use and have not changed are not read again.
func (k *Keeper) Configure(s Sources) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := make(map[config.Pair]*watched, len(k.listed)+len(k.found))
	for _, w := range k.all() {
		known[w.Pair] = w
	}
	var listed, found, expected, broken []*watched
	again := make(map[config.Pair]*watched)
	for _, l := range s.Pairs {
		if w := again[l.Pair]; w != nil { // of several sites
			w.hosts = slices.Concat(w.hosts, l.Hosts)
			continue
		}
		w := known[l.Pair].renewed(l, true)
		if problem := w.load(); problem != nil {
			return problem
		}
		again[l.Pair] = w
		listed = append(listed, w)
	}
	for _, l := range s.Expected {
		if again[l.Pair] != nil {
			continue // it is listed
		}
		w := known[l.Pair].renewed(l, true)
		switch problem := w.load(); {
		case problem == nil:
		case w.files.There():
			w.files.Again()
			broken = append(broken, w)
		default:
			w.problem = nil // its time is still to come
		}
		again[l.Pair] = w
		expected = append(expected, w)
	}
	if s.Dir != "" {
		pairs, err := config.ListPairs(s.Dir)
		if err != nil {
			return fmt.Errorf("looking for certificates: %w", err)
		}
		for _, p := range pairs {
			if again[p] != nil {
				continue
			}
			w := known[p].renewed(Listed{Pair: p}, false)
			if problem := w.load(); problem != nil { // the others do without it
				w.files.Again()
				broken = append(broken, w)
			}
			found = append(found, w)
		}
	}
	if s.Dir != "" && !slices.ContainsFunc(listed, usable) && !slices.ContainsFunc(found, usable) {
		return fmt.Errorf("no certificate: cert-dir %q has no pair that can be used", s.Dir)
	}
	if s.Dir == "" && len(listed) == 0 && k.own == nil { // what is expected may not come
		own, fingerprint, err := SelfSigned()
		if err != nil {
			return err
		}
		k.own = &own
		k.log.Info("no certificate given: made a self-signed one", "sha256", fingerprint)
	}
	k.listed, k.dir, k.found, k.expected, k.dirError = listed, s.Dir, found, expected, ""
	for _, w := range broken {
		k.reportProblem(w)
	}
	k.publish(time.Now())
	k.publishBroken()
	return nil
}

func (k *Keeper) all() []*watched { return slices.Concat(k.listed, k.found, k.expected) }

// Certificate is what a client is presented: it is a [tls.Config]'s GetCertificate.
func (k *Keeper) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return k.index.Load().Find(hello), nil
}

// Run looks at the files every Interval, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			k.look(now)
		}
	}
}

// Look is the look at the files, at once: for what has changed them.
func (k *Keeper) Look() { k.look(time.Now()) }

// look brings what is in use up to date with the files.
func (k *Keeper) look(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lookAtKeys()
	changed := k.list()
	for _, w := range k.all() {
		swapped, broke := w.look()
		if swapped {
			leaf := w.certificate.Leaf
			k.log.Info("a certificate was loaded", "file", w.Cert, "names", leaf.DNSNames, "ends", leaf.NotAfter.UTC())
		}
		if broke {
			k.reportProblem(w)
		}
		changed = changed || swapped || broke
	}
	if changed || now.Sub(k.reviewed) >= reviewTime {
		k.publish(now)
	}
	k.publishBroken()
}

// list brings the pairs up to date with the directory, and reports whether one has
// gone. The last certificate in use stays, whatever becomes of its files.
func (k *Keeper) list() (changed bool) {
	if k.dir == "" {
		return false
	}
	pairs, err := config.ListPairs(k.dir)
	if err != nil {
		k.reportDir(err)
		return false
	}
	k.dirError = ""
	inUse := 0
	for _, w := range k.all() {
		if usable(w) {
			inUse++
		}
	}
	var found []*watched
	for _, w := range k.found {
		if w.gone() && (!usable(w) || inUse > 1) {
			if usable(w) {
				inUse--
			}
			k.log.Info("a certificate is not used any more: its files are gone", "file", w.Cert)
			changed = true
			continue
		}
		found = append(found, w)
	}
	known := make(map[config.Pair]bool, len(k.listed)+len(found))
	for _, w := range slices.Concat(k.listed, found) {
		known[w.Pair] = true
	}
	for _, p := range pairs {
		if !known[p] {
			found = append(found, &watched{Pair: p, files: filewatch.Of(p.Cert, p.Key)})
		}
	}
	slices.SortFunc(found, func(a, b *watched) int { return cmp.Compare(a.Cert, b.Cert) })
	k.found = found
	return changed
}

// candidates are the certificates in use, the default first: the first that is
// listed, else the one called default, else the first by name.
func (k *Keeper) candidates() []Candidate {
	var all []Candidate
	for _, w := range k.all() {
		if !usable(w) {
			continue
		}
		all = append(all, Candidate{Certificate: w.certificate, Hosts: w.hosts, Listed: w.listed})
		if name := filepath.Base(w.Cert); len(k.listed) == 0 && (name == "default.crt" || name == "default.pem") {
			last := len(all) - 1
			all[0], all[last] = all[last], all[0]
		}
	}
	if len(all) == 0 {
		return []Candidate{{Certificate: k.own}}
	}
	return all
}
