package acme

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestRenewal: a third of the life before its end, or earlier if the authority
// suggests so.
func TestRenewal(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	leaf := &x509.Certificate{NotBefore: begin, NotAfter: begin.Add(90 * day)}
	for _, tt := range []struct {
		why       string
		suggested time.Time
		want      time.Time
	}{
		{"nothing is suggested", time.Time{}, begin.Add(60 * day)},
		{"earlier: it is about to be revoked", begin.Add(2 * day), begin.Add(2 * day)},
		{"later leaves less time for failures", begin.Add(80 * day), begin.Add(60 * day)},
	} {
		if got := renewalOf(leaf, tt.suggested); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.why, got, tt.want)
		}
	}
}

// TestAgain: an authority makes us neither ask in a loop nor never again.
func TestAgain(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time {
		at := now.Add(d)
		return &at
	}
	end := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) // further away than a duration reaches
	for _, tt := range []struct {
		why  string
		says *time.Time
		want time.Duration
	}{
		{"it says nothing", nil, 6 * time.Hour},
		{"what it says counts", at(2 * time.Hour), 2 * time.Hour},
		{"at once is a loop", at(0), time.Minute},
		{"a moment that has passed, too", at(-time.Hour), time.Minute},
		{"a year is never", at(365 * 24 * time.Hour), 24 * time.Hour},
		{"the end of time, too", &end, 24 * time.Hour},
	} {
		if got := usual.again(now, tt.says).Sub(now); got != tt.want {
			t.Errorf("%s: after %v, want %v", tt.why, got, tt.want)
		}
	}
}

// TestPause: waits double up to an end, and are long for what authorities count.
func TestPause(t *testing.T) {
	for _, tt := range []struct {
		cause    metrics.ACMEOutcome
		failures int
		want     time.Duration
	}{
		{metrics.ACMEUnreachable, 1, 10 * time.Second},
		{metrics.ACMEUnreachable, 3, 40 * time.Second},
		{metrics.ACMEUnreachable, 1000, 10 * time.Minute},
		{metrics.ACMEUnproven, 1, 5 * time.Minute},
		{metrics.ACMEUnproven, 1000, 12 * time.Hour},
		{metrics.ACMELimited, 1, time.Hour},
		{metrics.ACMEHook, 2, 2 * time.Minute},
	} {
		if got := pause(tt.cause, tt.failures); got != tt.want {
			t.Errorf("%v, %d failures: %v, want %v", tt.cause, tt.failures, got, tt.want)
		}
	}
	for cause := metrics.ACMEUnreachable; cause <= metrics.ACMEOther; cause++ {
		if pause(cause, 1) < 10*time.Second {
			t.Errorf("%v has no pause", cause)
		}
	}
	// Five failed validations of a name in an hour are allowed by Let's Encrypt.
	within, n := time.Duration(0), 0
	for ; within <= time.Hour; n++ {
		within += pause(metrics.ACMEUnproven, n+1)
	}
	if n > 5 {
		t.Errorf("%d attempts within an hour", n)
	}
	for range 100 {
		if d := spread(time.Minute); d < time.Minute || d > 66*time.Second {
			t.Errorf("a minute is spread to %v", d)
		}
	}
}
