package acme

import (
	"crypto/x509"
	"math/rand/v2"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// pace is how often something is done about a name for which nothing is due.
type pace struct {
	// recheck is the longest time between two looks at a certificate: another
	// instance may have renewed it.
	recheck time.Duration
	// ask is when to ask the authority again if it does not say, or not answer.
	ask time.Duration
	// least and most bound what it says.
	least, most time.Duration
	// apart is the least time between two orders of a name for no other reason than
	// that the authority suggests it: one whose suggestion always lies in the past
	// would get orders without end.
	apart time.Duration
}

// usual is the pace of a manager, as RFC 9773 has it: six hours in §4.3.3, a minute
// and a day in §4.3.2.
var usual = pace{recheck: 6 * time.Hour, ask: 6 * time.Hour, least: time.Minute, most: 24 * time.Hour, apart: time.Hour}

// again is when to ask the authority again. says is the time that it has named;
// nil: none.
func (p pace) again(now time.Time, says *time.Time) time.Time {
	if says == nil {
		return now.Add(p.ask)
	}
	return now.Add(min(max(says.Sub(now), p.least), p.most))
}

// renewalOf is when a certificate is to be renewed: when a third of its life is
// left, or at the moment in the authority's window, if that is earlier. A window
// that is later would leave less time for failures.
func renewalOf(leaf *x509.Certificate, suggested time.Time) time.Time {
	due := leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
	if !suggested.IsZero() && suggested.Before(due) {
		return suggested
	}
	return due
}

// step is the wait after the first failure, which doubles with each further one,
// up to most.
type step struct{ first, most time.Duration }

// steps are the waits by cause. Authorities count what they have refused: Let's
// Encrypt allows five failed validations of a name in an hour, and limits are over
// after an hour at the earliest. What has not reached it costs nothing.
var steps = map[metrics.ACMEOutcome]step{
	metrics.ACMEUnreachable: {10 * time.Second, 10 * time.Minute},
	metrics.ACMEFiles:       {10 * time.Second, 10 * time.Minute},
	metrics.ACMEHook:        {time.Minute, time.Hour},
	metrics.ACMELimited:     {time.Hour, 12 * time.Hour},
	metrics.ACMEUnproven:    {5 * time.Minute, 12 * time.Hour},
	metrics.ACMERefused:     {5 * time.Minute, 12 * time.Hour},
	metrics.ACMEAccount:     {5 * time.Minute, 12 * time.Hour},
	metrics.ACMEOther:       {5 * time.Minute, 12 * time.Hour},
}

// pause is how long to wait after so many failures in a row, from 1, of which the
// last had that cause.
func pause(cause metrics.ACMEOutcome, failures int) time.Duration {
	s := steps[cause]
	wait := s.first
	for range failures - 1 {
		if wait *= 2; wait >= s.most {
			return s.most
		}
	}
	return wait
}

// spread adds up to a tenth, so that names that failed together do not come back
// together.
func spread(d time.Duration) time.Duration { return d + rand.N(d/10+1) }
