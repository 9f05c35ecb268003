package certs

import (
	"cmp"
	"crypto/x509"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/yield"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// maxNames is how many certificates have a metric of their own: those that end
// first are of interest, and each costs every scrape a line.
const maxNames = 32

// publish makes an index of what is in use, and says how it stands: in metrics,
// and in the log as far as it has not.
func (k *Keeper) publish(now time.Time) {
	all := k.candidates()
	k.index.Store(NewIndex(all, now))
	k.reviewed = now

	leaves := make([]*x509.Certificate, len(all))
	for i, c := range all {
		leaves[i] = c.Certificate.Leaf
	}
	first := slices.MinFunc(leaves, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	broken := 0
	for _, w := range k.all() {
		if w.problem != nil {
			broken++
		}
		if !usable(w) {
			continue
		}
		standing := config.StandingOf(w.certificate.Leaf, now)
		if warning := standing.Warning(w.certificate.Leaf); warning != "" && standing != w.warned {
			k.log.Warn(warning, "cert", w.Cert)
		}
		w.warned = standing
	}
	k.metrics.Certificates.Set(int64(len(all)))
	k.metrics.CertificatesBroken.Set(int64(broken))
	k.metrics.CertificateExpiry.Set(first.NotAfter.Unix())
	k.metrics.CertificateNames.Set(firstToEnd(leaves))
}

// Broken is a file that cannot be used as it is now: what was loaded before stays in
// use.
type Broken struct {
	File    string `json:"file"`
	Problem string `json:"problem"`
}

// maxBroken bounds what [Keeper.Broken] returns: what a person reads before mending the
// first.
const maxBroken = 32

// Broken are the files of certificates and keys that cannot be used, at most 32. It
// waits for no file.
func (k *Keeper) Broken() []Broken { return *k.broken.Load() }

// publishBroken has Broken return what was found. k.mu is held.
func (k *Keeper) publishBroken() {
	var all []Broken
	if k.dirError != "" {
		all = append(all, Broken{k.dir, k.dirError})
	}
	for _, w := range k.all() {
		if w.problem != nil {
			all = append(all, Broken{w.problem.Value, w.problem.Problem})
		}
	}
	for _, f := range k.keys {
		if f.problem != "" {
			all = append(all, Broken{f.name, f.problem})
		}
	}
	all = all[:min(len(all), maxBroken)]
	k.broken.Store(&all)
}

// firstToEnd are the names of the certificates that end first, and when they do,
// in seconds since 1970.
func firstToEnd(leaves []*x509.Certificate) map[string]int64 {
	all := make(map[string]int64, len(leaves))
	for _, leaf := range leaves {
		yield.InLoop()
		name, end := nameOf(leaf), leaf.NotAfter.Unix()
		if known, ok := all[name]; !ok || end < known {
			all[name] = end
		}
	}
	if len(all) <= maxNames {
		return all
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(all[a], all[b]), cmp.Compare(a, b))
	})
	for _, name := range names[maxNames:] {
		delete(all, name)
	}
	return all
}

// nameOf is what a certificate is called.
func nameOf(leaf *x509.Certificate) string {
	switch {
	case len(leaf.DNSNames) > 0:
		return strings.ToValidUTF8(leaf.DNSNames[0], "?")
	case len(leaf.IPAddresses) > 0:
		return leaf.IPAddresses[0].String()
	}
	return strings.ToValidUTF8(leaf.Subject.CommonName, "?")
}

// reportProblem logs what is wrong with a pair.
func (k *Keeper) reportProblem(w *watched) {
	text := "a certificate cannot be loaded: the one before stays in use"
	if !usable(w) {
		text = "a certificate cannot be loaded, and there is none before it"
	}
	k.log.Error(text, "file", w.problem.Value, "problem", w.problem.Problem)
}

// reportDir logs why the directory cannot be read, once.
func (k *Keeper) reportDir(err error) {
	if text := err.Error(); text != k.dirError {
		k.dirError = text
		k.log.Error("cert-dir cannot be read: its certificates stay in use", "err", err)
	}
}
