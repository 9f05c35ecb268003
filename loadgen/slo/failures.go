package slo

import (
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// leastSuccess is the share of requests that must succeed for objectives to be met
// of which none is about failures. Latencies are those of successes: one who waits
// for a request that failed has not had it in time, so with more than one in a
// hundred of these even a 99th percentile, the usual objective, is no promise any
// more. Fewer are what a service in order has, and are in the report.
const leastSuccess = 0.99

// failures reports whether the metric counts them: who names it has said how many
// there may be.
func (m Metric) failures() bool {
	return m.kind == errorCount || m.kind == errorRatio || m.kind == success
}

// UnaskedFailures is what the objectives do not say of a run in which too many requests
// failed: a clause such as "389 of 400 requests failed, and no objective is about
// that: add …"; "" if one is about failures, or hardly any failed. Failed is what
// did not succeed: statuses from 400 on as well. What an interruption cut off is no
// failure.
func (o Objectives) UnaskedFailures(r *measure.Run) string {
	for _, one := range o {
		if one.Metric.failures() {
			return ""
		}
	}
	all, failed := r.Total.Requests(), r.Total.Unsuccessful()
	if r.Interrupted {
		cut := r.Total.Ends[exchange.Stopped]
		all, failed = all-cut, failed-cut
	}
	if float64(all-failed) >= leastSuccess*float64(all) {
		return ""
	}
	return human.Count(failed) + " of " + human.Count(all) + " requests failed, and no objective is about that: add errors<=0, or as many as may fail"
}
