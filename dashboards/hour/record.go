package hour

import (
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// The targets of the hour, as their job and instance.
var (
	servers   = [2]target{{"hotpath", "edge-a:9180"}, {"hotpath", "edge-b:9180"}}
	loadTests = target{"loadgen", "loadgen:9190"}
)

type target struct{ job, instance string }

// event happens once, at a time from the hour's beginning.
type event struct {
	at     time.Duration
	server int
	act    func(s *server, now time.Time)
}

// configuration is the number of the one that both servers begin with.
const configuration = 71_012_345

var events = []event{
	{6 * time.Minute, 0, reload(configuration + 1)},
	{6*time.Minute + 10*time.Second, 1, reload(configuration + 1)},
	{8 * time.Minute, 0, purge(metrics.PurgeURL, 40)},
	{8*time.Minute + 30*time.Second, 1, purge(metrics.PurgeGroup, 12)},
	{10 * time.Minute, 0, func(s *server, _ time.Time) { s.m.ACMEAttempts.Add(0, metrics.ACMERenewed, 1) }},
	{19 * time.Minute, 0, func(s *server, now time.Time) { s.certificates(now, 2*day+8*time.Hour) }},
	{33 * time.Minute, 0, func(s *server, _ time.Time) { s.m.Panics.Add(0, 1) }},
	{33 * time.Minute, 0, func(s *server, _ time.Time) { s.m.AdminRefused.Add(0, 3) }},
	{39*time.Minute + 50*time.Second, 1, func(s *server, _ time.Time) { s.m.Draining.Set(1) }}, // it restarts
	{40*time.Minute + 50*time.Second, 0, purge(metrics.PurgeTag, 3)},
	{41*time.Minute + 30*time.Second, 0, func(s *server, now time.Time) {
		s.m.Reloads.Add(0, metrics.ReloadInvalid, 1)
		s.m.ConfigRefused.Set(now.Unix())
	}},
	{41*time.Minute + 30*time.Second, 0, func(s *server, _ time.Time) {
		s.m.CertificatesBroken.Set(1)
		s.m.KeyFilesBroken.Set(1)
	}},
	{42 * time.Minute, 0, func(s *server, _ time.Time) {
		s.m.ACMEAttempts.Add(0, metrics.ACMEUnproven, 1)
		s.m.ACMEMissing.Set(1)
	}},
}

func reload(hash int64) func(*server, time.Time) {
	return func(s *server, now time.Time) {
		s.m.Reloads.Add(0, metrics.ReloadApplied, 1)
		s.m.ConfigLoaded.Set(now.Unix())
		s.m.ConfigHash.Set(hash)
	}
}

func purge(form metrics.PurgeForm, n uint64) func(*server, time.Time) {
	return func(s *server, _ time.Time) {
		s.m.Purges.Add(0, form, n)
		s.cache.Evicted[metrics.EvictRemoved] += n
	}
}

// Record writes the hour that ends at a time as OpenMetrics text with timestamps.
func Record(w io.Writer, end time.Time) error {
	begin := end.Add(-Length)
	// Both servers were started before, one an hour later than the other.
	running := [2]*server{newServer(begin.Add(-26*time.Hour), 1, configuration), newServer(begin.Add(-25*time.Hour), 2, configuration)}
	started := [2]int{}
	var generating *generator
	scrape := scraper{w: w}
	for at := time.Duration(0); at <= Length; at += Scrape {
		p, now := phaseAt(at), begin.Add(at)
		for i := range running {
			switch {
			case p.down[i]:
				running[i] = nil
			case running[i] == nil:
				started[i]++
				running[i] = newServer(now.Add(-2*time.Second), uint64(10*started[i]+i), configuration+1)
			}
			for _, e := range events {
				if e.server == i && e.at == at && running[i] != nil {
					e.act(running[i], now)
				}
			}
			if running[i] == nil {
				scrape.up(servers[i], now, 0)
				continue
			}
			load := p.test
			if i != 0 {
				load = test{}
			}
			running[i].step(p.traffic, load)
			scrape.take(servers[i], now, running[i].m, &running[i].process)
		}
		if p.test.asked == 0 {
			generating = nil
			scrape.up(loadTests, now, 0)
			continue
		}
		if generating == nil {
			generating = newGenerator(now)
		}
		generating.step(p.test)
		scrape.take(loadTests, now, generating.m, &generating.process)
	}
	if scrape.err == nil {
		_, scrape.err = expfmt.FinalizeOpenMetrics(w)
	}
	return scrape.err
}

// phaseAt is the one of a time; an end belongs to what ends.
func phaseAt(at time.Duration) phase {
	for _, p := range script {
		if at <= p.length {
			return p
		}
		at -= p.length
	}
	return script[len(script)-1]
}

// scraper writes what a scrape would have found. Its first error ends it.
type scraper struct {
	w   io.Writer
	err error
}

func (s *scraper) take(t target, now time.Time, program prometheus.Collector, p *process) {
	families, err := metrics.NewRegistry(program).Gather()
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("gather %s: %w", t.instance, err)
	}
	for _, f := range p.override(families) {
		s.write(t, now, f)
	}
	s.up(t, now, 1)
}

func (s *scraper) up(t target, now time.Time, v float64) {
	s.write(t, now, &dto.MetricFamily{
		Name: new("up"), Type: dto.MetricType_GAUGE.Enum(),
		Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &v}}},
	})
}

func (s *scraper) write(t target, now time.Time, f *dto.MetricFamily) {
	if s.err != nil {
		return
	}
	f.Help = nil
	for _, m := range f.Metric {
		m.TimestampMs = new(now.UnixMilli())
		m.Label = append(m.Label,
			&dto.LabelPair{Name: new("job"), Value: &t.job}, &dto.LabelPair{Name: new("instance"), Value: &t.instance})
	}
	_, s.err = expfmt.MetricFamilyToOpenMetrics(s.w, f)
}
