package fleet

import (
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// TestTargetsArrive: agents count by target, and their counts are added up.
func TestTargetsArrive(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	_, workers := startAgents(t, 3)
	cfg := target.config(600, 0, 300)
	url := cfg.Targets[0].URL
	cfg.Targets = []vegeta.Target{{Method: "GET", URL: url}, {Method: "GET", URL: url + "?b"}, {Method: "GET", URL: url + "?c"}}
	r := newRecord(cfg)
	run(t, t.Context(), workers, cfg, r.hooks())
	rows := 0
	r.total.Targets.Each(func(row int, target *measure.Target) {
		rows++
		if target.Requests() != 100 || target.Classes[2] != 100 || target.Latency.Count() != 100 {
			t.Errorf("row %d: %d requests, %d succeeded, %d timed", row, target.Requests(), target.Classes[2], target.Latency.Count())
		}
	})
	if rows != 3 {
		t.Errorf("%d targets, want 3", rows)
	}
	if r.total.FirstByte.Count() != 300 || r.total.Dial.Count() != r.total.Connections || r.total.TLS.Count() != r.total.Connections {
		t.Errorf("%d first bytes, %d dialled and %d handshakes of %d connections", r.total.FirstByte.Count(), r.total.Dial.Count(), r.total.TLS.Count(), r.total.Connections)
	}
}
