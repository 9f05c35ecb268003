package acme

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/pebble"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// suggesting is an authority that answers nothing but when to renew.
func suggesting(t *testing.T, answer http.HandlerFunc) Settings {
	t.Helper()
	return scripted(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/dir" {
			fmt.Fprintf(w, `{"newNonce":"https://%[1]s/nonce","newOrder":"https://%[1]s/order","renewalInfo":"https://%[1]s/renewal"}`, r.Host)
			return
		}
		answer(w, r)
	})
}

// TestAsk: the moment in the authority's window is chosen once for each window, and
// counts until the authority names another. It does not outlive its certificate.
func TestAsk(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	var begin, asked atomic.Int64 // begin is of a window of two days; 0: it does not answer
	s := suggesting(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if begin.Load() == 0 {
			cancel()
			<-r.Context().Done()
			return
		}
		start := time.Unix(begin.Load(), 0).UTC()
		w.Header().Set("Retry-After", "0")
		fmt.Fprintf(w, `{"suggestedWindow":{"start":%q,"end":%q},"explanationURL":"https://ca.example/incident%s"}`,
			start.Format(time.RFC3339), start.Add(2*day).Format(time.RFC3339), strings.Repeat("x", 2*maxExplanation))
	})
	leaf := testkit.Template{Hosts: []string{"a.example"}, Begin: now, End: now.Add(90 * day)}.Make().TLS.Leaf
	i := newInstance(t)
	i.pace = pace{} // it is asked whenever that is considered
	w := &worker{manager: i.Manager, settings: s, store: storageOf(s), name: "a.example"}
	within := func(why string, from, to time.Time) time.Time {
		t.Helper()
		due := w.due(ctx, leaf)
		if due.Before(from) || due.After(to) {
			t.Errorf("%s: due at %v, want from %v to %v", why, due, from, to)
		}
		return due
	}

	begin.Store(now.Add(10 * day).Unix())
	first := within("a window that is early", now.Add(10*day-time.Second), now.Add(12*day))
	for range 5 {
		within("the same window", first, first)
	}
	if n := asked.Load(); n != 6 {
		t.Errorf("the authority was asked %d times, want 6", n)
	}
	if n := i.log.Count("https://ca.example/incident"); n != 1 {
		t.Errorf("%d lines of the log have the explanation, want 1", n)
	}
	if n := strings.Count(i.log.String(), "x"); n > 2*maxExplanation {
		t.Error("an explanation without end is logged")
	}
	begin.Store(now.Add(-3 * day).Unix())
	past := within("a window that has passed", now.Add(-3*day-time.Second), now.Add(-day))
	begin.Store(0)
	within("no answer", past, past)
	if n := asked.Load(); n != 8 {
		t.Errorf("the authority was asked %d times, want 8", n)
	}
	leaf = testkit.Template{Hosts: []string{"a.example"}, Begin: now, End: now.Add(90 * day)}.Make().TLS.Leaf
	own := renewalOf(leaf, time.Time{})
	within("another certificate, and no answer", own, own)
}

// TestRenewEarly: a certificate whose life has just begun is renewed if the
// authority suggests so, as before it revokes many, and once. The order says which
// one it replaces.
func TestRenewEarly(t *testing.T) {
	t.Parallel() // most of it is waiting
	i := newInstance(t)
	i.pace = quick
	a := i.authority(pebble.Options{})
	s := settingsOf(t, a)
	defer i.Stop() // before the storage goes
	i.Configure(s, []string{"early.example"})
	first := i.obtains("at first", s, "early.example")
	asked := func(why string) {
		t.Helper()
		n := a.Asked() + 3
		i.eventually("it is asked "+why, func() bool { return a.Asked() >= n })
	}
	asked("about the first")
	if n := i.attempts(metrics.ACMERenewed); n != 0 {
		t.Fatalf("%d renewals, and none was suggested", n)
	}
	a.Suggest(t, first, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	second := i.obtains("renewed", s, "early.example")
	if first.Equal(second) {
		t.Error("what was renewed is the same")
	}
	asked("about the second")
	if n := i.attempts(metrics.ACMERenewed); n != 1 {
		t.Errorf("%d renewals, want 1", n)
	}
	i.eventually("the authority has issued two, of which one replaces the other", func() bool { return a.Issued() == 2 && a.Replacements() == 1 })
	if !strings.Contains(i.log.String(), a.Directory+"#why") {
		t.Error("the log has no explanation")
	}
}

// TestRenewApart: an authority whose suggestion has always passed gets one order an
// hour, also if the storage's clock is two hours late.
func TestRenewApart(t *testing.T) {
	t.Parallel() // most of it is waiting
	i := newInstance(t)
	i.pace = quick
	i.pace.apart = time.Hour
	a := i.authority(pebble.Options{})
	s := settingsOf(t, a)
	defer i.Stop() // before the storage goes
	i.Configure(s, []string{"apart.example"})
	first := i.obtains("at first", s, "apart.example")
	late := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(CertificateFile(s, "apart.example"), late, late); err != nil {
		t.Fatal(err)
	}
	a.Suggest(t, first, late, late.Add(time.Hour))
	n := a.Asked() + 5
	i.eventually("it was asked", func() bool { return a.Asked() >= n })
	if n := i.attempts(metrics.ACMERenewed); n != 0 || a.Issued() != 1 {
		t.Errorf("%d renewals, and %d certificates were issued, want none and the first", n, a.Issued())
	}
}

// TestRenewNotLater: an authority that would have a certificate renewed when it has
// ended is not believed.
func TestRenewNotLater(t *testing.T) {
	t.Parallel() // most of it is waiting
	i := newInstance(t)
	i.pace = quick
	i.pace.apart = time.Hour // Pebble's own window is all of so short a life
	a := i.authority(pebble.Options{Valid: 6})
	s := settingsOf(t, a)
	defer i.Stop() // before the storage goes
	i.Configure(s, []string{"later.example"})
	first := i.obtains("at first", s, "later.example")
	a.Suggest(t, first, first.NotAfter.Add(time.Hour), first.NotAfter.Add(2*time.Hour))
	n := a.Asked() + 2
	i.eventually("it was asked", func() bool { return a.Asked() >= n })
	if second := i.obtains("renewed", s, "later.example"); first.Equal(second) {
		t.Error("what was renewed is the same")
	}
}
