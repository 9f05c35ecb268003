package acme

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// worker keeps the certificate of one name. It belongs to its goroutine, but for
// missing, which the manager's mutex guards.
type worker struct {
	manager  *Manager
	settings Settings
	store    storage
	name     string
	cancel   context.CancelFunc
	missing  bool // there is no certificate in its time, as far as is known

	failures int    // in a row
	asked    string // the serial number that says is about
	says     acme.RenewalInfo
	askAgain time.Time
	ordered  time.Time // the last one here
}

// minLife is the least time from one certificate of a name to the next.
const minLife = time.Second

func (w *worker) run(ctx context.Context) {
	for {
		wait := w.step(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// step looks whether there is something to be done, does it, and returns how long
// to wait for the next look.
func (w *worker) step(ctx context.Context) (wait time.Duration) {
	leaf, err := w.store.leaf(w.name)
	w.note(leaf)
	if err != nil && w.failures == 0 {
		w.manager.log.Warn("ACME: what is stored cannot be used, and is obtained anew", "name", w.name, "err", err)
	}
	if leaf != nil {
		if wait := time.Until(w.due(ctx, leaf)); wait > 0 {
			return min(wait, max(time.Until(w.askAgain), 0), spread(w.manager.pace.recheck))
		}
	}
	free, ok := w.slot(ctx)
	if !ok {
		return 0
	}
	defer free()
	unlock, err := w.lock(ctx)
	if err != nil {
		return w.failed(ctx, err)
	}
	defer unlock()
	// The instance that held the lock may have done it.
	if now, _ := w.store.leaf(w.name); now != nil && (leaf == nil || !now.Equal(leaf)) {
		w.note(now)
		w.manager.changed()
		w.failures = 0
		return 0
	}
	replaces := leaf
	if w.failures > 0 {
		replaces = nil // which an authority may refuse
	}
	if err := w.manager.order(ctx, w.settings, w.name, replaces); err != nil {
		return w.failed(ctx, err)
	}
	return w.obtained(leaf)
}

// slot waits for one of the places of those that talk to the authority. It reports
// false if ctx has ended.
func (w *worker) slot(ctx context.Context) (free func(), ok bool) {
	select {
	case w.manager.slots <- struct{}{}:
		return func() { <-w.manager.slots }, true
	case <-ctx.Done():
		return nil, false
	}
}

// lock takes the name's lock. Its deadline is that of an order of another
// instance.
func (w *worker) lock(ctx context.Context) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	return lock(ctx, w.store.lock(w.name))
}

// due is when a certificate is to be renewed. The authority is not asked about one
// whose time has come anyway.
func (w *worker) due(ctx context.Context, leaf *x509.Certificate) time.Time {
	own := renewalOf(leaf, time.Time{})
	if !time.Now().Before(own) {
		return own
	}
	w.ask(ctx, leaf)
	suggested := w.says.SelectedTime
	last := w.store.stored(w.name)
	if w.ordered.After(last) {
		last = w.ordered // the storage's clock is late
	}
	if earliest := last.Add(w.manager.pace.apart); !suggested.IsZero() && suggested.Before(earliest) {
		suggested = earliest
	}
	return renewalOf(leaf, suggested)
}

// maxExplanation bounds what is logged of an authority's explanation: a URL.
const maxExplanation = 512

// ask asks the authority when a certificate is to be renewed, if it is time to ask.
// Without an answer, what it has said before stays.
func (w *worker) ask(ctx context.Context, leaf *x509.Certificate) {
	if serial := leaf.SerialNumber.String(); w.asked != serial {
		w.asked, w.says, w.askAgain = serial, acme.RenewalInfo{}, time.Time{}
	}
	if time.Now().Before(w.askAgain) {
		return
	}
	free, ok := w.slot(ctx)
	if !ok {
		return
	}
	defer free()
	info, err := w.manager.renewalInfo(ctx, w.settings, leaf)
	w.askAgain = w.manager.pace.again(time.Now(), info.RetryAfter)
	switch {
	case err != nil:
		w.manager.log.Debug("ACME: when to renew is not known from the authority", "name", w.name, "err", err)
		return
	case info.SameWindow(w.says):
		return // the time that was chosen in it stays: the earliest of many would be its begin
	}
	w.says = info
	if why := info.ExplanationURL; why != "" { // which operators are to see (§4.2)
		w.manager.log.Info("ACME: the authority explains when it suggests to renew",
			"name", w.name, "from", info.SuggestedWindow.Start.UTC(), "to", info.SuggestedWindow.End.UTC(), "see", why[:min(len(why), maxExplanation)])
	}
}

func (w *worker) note(leaf *x509.Certificate) {
	m := w.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	w.missing = leaf == nil || time.Now().After(leaf.NotAfter)
	m.count()
}

func (w *worker) obtained(before *x509.Certificate) time.Duration {
	outcome, text := metrics.ACMEObtained, "ACME: a certificate was obtained"
	if before != nil {
		outcome, text = metrics.ACMERenewed, "ACME: a certificate was renewed"
	}
	w.manager.attempted(outcome)
	w.ordered = time.Now()
	leaf, err := w.store.leaf(w.name)
	w.note(leaf)
	w.manager.changed()
	switch {
	case err != nil || leaf == nil:
		w.manager.log.Error("ACME: what the authority has sent cannot be used", "name", w.name, "err", err)
	case !time.Now().Before(renewalOf(leaf, time.Time{})):
		w.manager.log.Error("ACME: the new certificate is to be renewed at once: is the clock right?", "name", w.name, "from", leaf.NotBefore.UTC(), "ends", leaf.NotAfter.UTC())
	default:
		w.manager.log.Info(text, "name", w.name, "ends", leaf.NotAfter.UTC())
		w.failures = 0
		return minLife
	}
	w.failures++ // or there would be orders without end
	return w.manager.pause(metrics.ACMEOther, w.failures)
}

func (w *worker) failed(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0 // it was given up
	}
	w.failures++
	cause := causeOf(err)
	w.manager.attempted(cause)
	wait := w.manager.pause(cause, w.failures)
	w.manager.log.Error("ACME: no certificate was obtained: what is in use stays",
		"name", w.name, "cause", cause.String(), "failures", w.failures, "next", time.Now().Add(wait).UTC().Truncate(time.Second), "err", err)
	return wait
}

func (m *Manager) attempted(outcome metrics.ACMEOutcome) {
	m.metrics.ACMEAttempts.Add(m.metrics.Stripe(), outcome, 1)
}
