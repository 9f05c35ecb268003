package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/capacity"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// runCapacity searches for the highest rate that holds the objectives.
func runCapacity(ctx context.Context, args []string, s streams) error {
	o, err := parseFlags("capacity", args, s.out)
	if err != nil {
		return err
	}
	where := capacity.Config{Min: o.minRate.perSecond(), Max: o.maxRate.perSecond(), Precision: o.precision}
	if err := where.Check(); err != nil {
		return usageError{err}
	}
	o.rate = rate{capacity.DefaultStart, time.Second} // of the warm-up
	if o.minRate.freq > 0 {
		o.rate = o.minRate
	}
	cfg, err := o.config(ctx, s.in)
	if err != nil {
		return err
	}
	start, err := o.runner(&cfg, s)
	if err != nil {
		return err
	}
	most := cfg
	most.Pacer = nil // it goes as far as it can
	if o.maxRate.freq > 0 {
		most.Pacer = o.maxRate.pacer()
	}
	if err := o.confirm(ctx, &most, s); err != nil {
		return err
	}
	o.noteProxy(&cfg, s)
	exporter, err := o.startExporter()
	if err != nil {
		return err
	}
	pages, err := openFiles(s.out, o.html)
	if err != nil {
		return errors.Join(err, exporter.stop(s.err))
	}
	if err := o.verdictFiles.open(s.out); err != nil {
		return errors.Join(err, exporter.stop(s.err))
	}
	found := &report.Capacity{Target: exchange.ShownURL(cfg.Targets[0].URL), Objectives: o.objectives}
	live := o.live(&cfg, s)
	tries := &prober{options: o, start: start, cfg: cfg, most: max(cfg.MaxConnections, cfg.Connections), live: live, exporter: exporter}
	tries.cfg.MaxConnections = 0 // all requests of a probe are sent over as many
	result, err := capacity.Search(ctx, where, func(ctx context.Context, rate float64) (bool, error) {
		p, err := tries.try(ctx, rate)
		if err != nil {
			return false, err
		}
		found.Probes = append(found.Probes, *p)
		return p.Held, nil
	})
	live.Done()
	found.Best, found.Confirmed, found.Low, found.High = result.Best, result.Confirmed, result.Low, result.High
	if limit := found.OwnLimit(); limit != report.NoLimit && !(limit == report.InFlight && tries.enough) {
		found.Limit, found.Confirmed = limit, false
	}
	if ctx.Err() != nil { // Ctrl-C: the report so far
		found.Interrupted, err = true, nil
	}
	if err != nil {
		return errors.Join(err, exporter.stop(s.err))
	}
	err = o.reportCapacity(found, pages, o.reportTo(s))
	exporter.stay(o.metricsStay)
	return errors.Join(err, exporter.stop(s.err))
}

// prober tries rates, over as many connections as they need.
type prober struct {
	*options
	start    runner
	cfg      attack.Config // its connections are those of the next try
	most     int           // to how many they may grow
	enough   bool          // more were tried, and the server answered no more for it
	live     display
	exporter *exporter
}

// helps is how much more must be answered over more connections for them to have
// been what was missing: less is noise.
const helps = 1.05

// try tries a rate. If it is missed while requests waited for room, it is tried
// again over more connections, as long as that helps: only then is it known
// whether the server or this side was the limit.
func (p *prober) try(ctx context.Context, rate float64) (*report.Probe, error) {
	best, err := p.probe(ctx, p.cfg, rate)
	for err == nil && !best.Held && best.Crowded() && !p.enough && p.cfg.Connections < p.most {
		more := p.cfg
		need := 2 * best.Run.Needed() / best.Run.Streams // of which half are free on average
		more.Connections = min(max(2*more.Connections, need), p.most)
		var next *report.Probe
		if next, err = p.probe(ctx, more, rate); err != nil {
			break
		}
		if !next.Held && next.Run.Answered() < helps*best.Run.Answered() {
			p.enough = true
			break
		}
		p.cfg, best = more, next
	}
	return best, err
}

// probe attacks at a rate and judges the run.
func (p *prober) probe(ctx context.Context, cfg attack.Config, perSecond float64) (*report.Probe, error) {
	o := p.options
	o.rate = rate{int(math.Round(perSecond * 1000)), 1000 * time.Second} // it may be a fraction
	cfg.Pacer = vegeta.ConstantPacer{Freq: o.rate.freq, Per: o.rate.per}
	text := "trying " + human.Rate(perSecond)
	if cfg.Connections > o.connections {
		text += fmt.Sprintf(" over %d connections", cfg.Connections)
	}
	p.live.Phase(text)
	r, err := o.measure(ctx, p.start, cfg, p.live, p.exporter, nil, nil)
	if err != nil {
		return nil, err
	}
	if r.Interrupted && ctx.Err() == nil {
		return nil, errors.New("an attack ended before its time, and not by us")
	} else if r.Interrupted {
		return nil, ctx.Err()
	}
	verdicts := o.objectives.Judge(r)
	return &report.Probe{Rate: perSecond, Run: r, Verdicts: verdicts, Held: slo.AllMet(verdicts) && kept(r)}, nil
}

// keptShare is how much of the rate that was asked for must have been answered,
// whatever the status, which is a matter of objectives:
// a rate that the server, or this machine, falls behind is not held, whatever
// the latencies of those requests are that were.
const keptShare = 0.99

func kept(r *measure.Run) bool { return r.Answered() >= keptShare*r.Asked }

// reportCapacity writes all that was asked for. No rate that holds is an
// objective missed.
func (o *options) reportCapacity(c *report.Capacity, pages files, out io.Writer) error {
	write := report.CapacityText
	if o.json {
		write = report.CapacityJSON
	}
	if err := write(out, c); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	err := errors.Join(
		pages.write(o.html, func(w io.Writer) error { return report.CapacityHTML(w, c) }),
		o.verdictFiles.write(report.CapacitySuite(c)),
	)
	if err == nil && c.Best == 0 {
		return errMissed
	}
	return err
}
