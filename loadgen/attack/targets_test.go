package attack

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// TestTargetsAreApart: each target has its own statuses and times, in both
// protocols, and what is before the first byte is apart from what follows.
func TestTargetsAreApart(t *testing.T) {
	const slow = 50 * time.Millisecond
	for _, http1 := range []bool{false, true} {
		t.Run(strconv.FormatBool(http1), func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/slow":
					time.Sleep(slow)
				case "/late":
					w.WriteHeader(http.StatusOK)
					w.(http.Flusher).Flush()
					time.Sleep(slow)
				case "/missing":
					w.WriteHeader(http.StatusNotFound)
				}
			})
			cfg := s.config()
			origin := cfg.Targets[0].URL
			cfg.Targets = nil
			for _, path := range []string{"slow", "missing", "late", "slow"} { // twice as often as the others
				cfg.Targets = append(cfg.Targets, vegeta.Target{Method: "GET", URL: origin + path})
			}
			cfg.Pacer, cfg.Requests = perSecond(200), 80
			if cfg.HTTP1 = http1; http1 {
				cfg.Streams, cfg.Connections = 1, 40
			}
			want := []measure.Name{{Method: "GET", URL: origin + "slow"}, {Method: "GET", URL: origin + "missing"}, {Method: "GET", URL: origin + "late"}}
			if got := cfg.Names(); !slices.Equal(got, want) {
				t.Errorf("names %v, want %v", got, want)
			}
			r := attackWith(t, t.Context(), cfg)
			all := make(map[int]*measure.Target)
			r.Total.Targets.Each(func(row int, target *measure.Target) { all[row] = target })
			if len(all) != 3 || all[1].Requests() != 40 || all[2].Requests() != 20 || all[3].Requests() != 20 {
				t.Fatalf("%v", all)
			}
			if all[2].Classes[4] != 20 || all[1].Classes[2] != 40 {
				t.Errorf("statuses %v of one that is missing, %v of one that is there", all[2].Classes, all[1].Classes)
			}
			if p := all[1].Latency.Quantile(0.01); p < slow-slow/50 {
				t.Errorf("a hundredth took %v at most, of a target that takes %v", p, slow)
			}
			first, service := r.Total.FirstByte, r.Total.Service
			if first.Count() != 80 || first.Quantile(0.75) < slow || first.Sum() > service.Sum()-20*slow {
				t.Errorf("%d first bytes: the upper quarter after %v, %v in all; of whole responses %v in all", first.Count(), first.Quantile(0.75), first.Sum(), service.Sum())
			}
			if made := r.Total.Connections; r.Total.Dial.Count() != made || r.Total.TLS.Count() != made || r.Total.TLS.Min() <= 0 || r.Total.Dial.Min() <= 0 {
				t.Errorf("%d connections, %d dialled, %d handshakes", made, r.Total.Dial.Count(), r.Total.TLS.Count())
			}
		})
	}
}
