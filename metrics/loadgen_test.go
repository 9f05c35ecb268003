package metrics

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestLoadgen(t *testing.T) {
	m := NewLoadgen([]string{"connect", "timeout"}, []string{"succeeded", "cut"}, "1.2.3")
	problems, err := testutil.CollectAndLint(m)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	m.Requests.Add(0, Class2xx, 1)
	m.Requests.Add(0, Class5xx, 1)
	m.Failures.Add(0, 1, 7)
	m.SetRates(0.5, 0.25)
	const want = `
# HELP hotpath_loadgen_asked_rate Requests per second that were due in the last second; 0 in a closed loop.
# TYPE hotpath_loadgen_asked_rate gauge
hotpath_loadgen_asked_rate 0.5
# HELP hotpath_loadgen_failures_total Requests of the load test without a whole response, by what went wrong.
# TYPE hotpath_loadgen_failures_total counter
hotpath_loadgen_failures_total{kind="connect"} 0
hotpath_loadgen_failures_total{kind="timeout"} 7
# HELP hotpath_loadgen_requests_total Requests of the load test that were answered, by the status class of the response.
# TYPE hotpath_loadgen_requests_total counter
hotpath_loadgen_requests_total{class="1xx"} 0
hotpath_loadgen_requests_total{class="2xx"} 1
hotpath_loadgen_requests_total{class="3xx"} 0
hotpath_loadgen_requests_total{class="4xx"} 0
hotpath_loadgen_requests_total{class="5xx"} 1
`
	if err := testutil.CollectAndCompare(m, strings.NewReader(want),
		"hotpath_loadgen_asked_rate", "hotpath_loadgen_failures_total", "hotpath_loadgen_requests_total"); err != nil {
		t.Error(err)
	}
}
