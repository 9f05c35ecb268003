package acme

import (
	"context"
	"crypto/x509"
	"time"

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

	failures int       // in a row
	asked    string    // the serial number that suggestion is about
	suggests time.Time // see [Manager.suggested]
	askAgain time.Time
	ordered  time.Time // the last success
}

// apart is the least time between two orders of a name for no other reason than
// that the authority wishes it: one whose wish for a new certificate lies in the
// past, too, would get orders without end.
const apart = time.Hour

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
			return min(wait, spread(recheck))
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

// due is when a certificate is to be renewed. The authority is asked as often as
// it wishes; not for a certificate whose time has come anyway.
func (w *worker) due(ctx context.Context, leaf *x509.Certificate) time.Time {
	if own := renewalOf(leaf, time.Time{}); time.Now().After(own) {
		return own
	}
	if !w.ordered.IsZero() && time.Since(w.ordered) < apart {
		return renewalOf(leaf, time.Time{})
	}
	if serial := leaf.SerialNumber.String(); w.asked != serial || time.Now().After(w.askAgain) {
		free, ok := w.slot(ctx)
		if !ok {
			return renewalOf(leaf, time.Time{})
		}
		w.asked = serial
		w.suggests, w.askAgain = w.manager.suggested(ctx, w.settings, leaf)
		free()
	}
	return renewalOf(leaf, w.suggests)
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
		w.failures, w.ordered = 0, time.Now()
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
