package hour

import (
	"math/rand/v2"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// process is what the collectors of the process and of the Go runtime say of a
// server, or of a load generator: their series are real, their values made.
type process struct {
	start       time.Time
	descriptors int64 // that may be open
	open        int64
	cpu         float64 // s
	heap        float64
	collections float64
	goroutines  int64
	pause       float64 // s, the longest of the last collections
}

// step adds what an interval of so many requests a second takes.
func (p *process) step(random *rand.Rand, served float64, t traffic) {
	seconds := Scrape.Seconds() * (0.97 + 0.06*random.Float64())
	p.cpu += seconds * (0.02 + served*9e-6 + t.refused*1e-3)
	p.heap = 300<<20 + float64(t.connections)*12_000 + 1.5e9*t.pressure*(0.9+0.1*random.Float64())
	p.collections += seconds * (0.02 + 2.5*t.pressure)
	p.goroutines = t.connections + 40
	p.open = t.connections + 60 + int64(19_000*t.pressure)
	p.pause = 80e-6 + 3e-3*t.pressure*random.Float64()
}

// values are by the name of the series; a name that is not here is left out, except
// for our own.
func (p *process) values() map[string]float64 {
	return map[string]float64{
		"process_cpu_seconds_total":       p.cpu,
		"process_open_fds":                float64(p.open),
		"process_max_fds":                 float64(p.descriptors),
		"process_resident_memory_bytes":   p.heap * 1.15,
		"process_start_time_seconds":      float64(p.start.UnixMilli()) / 1000,
		"go_goroutines":                   float64(p.goroutines),
		"go_sched_gomaxprocs_threads":     2,
		"go_gc_gomemlimit_bytes":          memoryLimit,
		"go_memstats_sys_bytes":           p.heap*1.1 + 2.4e8 + 1.1e9*float64(p.open)/60_000,
		"go_memstats_heap_released_bytes": 2e8,
		"go_memstats_heap_inuse_bytes":    p.heap,
	}
}

// override puts the made values into what the collectors have gathered, and leaves
// out what has none.
func (p *process) override(families []*dto.MetricFamily) []*dto.MetricFamily {
	values := p.values()
	var kept []*dto.MetricFamily
	for _, f := range families {
		name := f.GetName()
		v, made := values[name]
		switch {
		case made && f.GetType() == dto.MetricType_COUNTER:
			f.Metric[0].Counter = &dto.Counter{Value: &v}
		case made:
			f.Metric[0].Gauge = &dto.Gauge{Value: &v}
		case name == "go_gc_duration_seconds":
			summary := f.Metric[0].Summary
			summary.SampleCount, summary.SampleSum = new(uint64(p.collections)), new(p.collections*100e-6)
			for _, q := range summary.Quantile {
				q.Value = new(p.pause * (0.2 + 0.8*q.GetQuantile()))
			}
		case len(name) < 8 || name[:8] != "hotpath_":
			continue
		}
		kept = append(kept, f)
	}
	return kept
}
