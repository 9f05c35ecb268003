package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/fleet"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// runner runs an attack: in this process, or on other machines.
type runner func(context.Context, attack.Config, attack.Hooks) (attack.Summary, error)

// runner is the one that was asked for.
func (o *options) runner(s streams) (runner, error) {
	if o.workers == "" {
		return attack.Run, nil
	}
	token, err := o.token()
	if err != nil {
		return nil, err
	}
	options := fleet.Options{Workers: o.workerList(), Token: token, Log: slog.New(slog.NewTextHandler(s.err, nil))}
	return func(ctx context.Context, cfg attack.Config, h attack.Hooks) (attack.Summary, error) {
		return fleet.Run(ctx, options, cfg, h)
	}, nil
}

// runAttack is the command without a name.
func runAttack(ctx context.Context, args []string, s streams) error {
	o, err := parseFlags("attack", args, s.out)
	if err != nil {
		return err
	}
	cfg, err := o.config(s.in)
	if err != nil {
		return err
	}
	start, err := o.runner(s)
	if err != nil {
		return err
	}
	if err := o.confirm(ctx, &cfg, s); err != nil {
		return err
	}
	results, err := o.openResults()
	if err != nil {
		return err
	}
	exporter, err := startExporter(o.metrics)
	if err != nil {
		return errors.Join(err, results.close())
	}
	live := o.live(&cfg, s)
	r, err := o.measure(ctx, start, cfg, live, exporter, results)
	live.Done()
	if err := errors.Join(err, results.close(), exporter.stop()); err != nil {
		return err
	}
	return o.report(r, s.out)
}

// display shows an attack while it runs.
type display interface {
	Phase(string)
	Point(measure.Point)
	Done()
}

// silent is a display that shows nothing.
type silent struct{}

func (silent) Phase(string)        {}
func (silent) Point(measure.Point) {}
func (silent) Done()               {}

func (o *options) live(cfg *attack.Config, s streams) display {
	if o.quiet {
		return silent{}
	}
	return report.LiveTo(s.err, report.LiveOptions{Duration: cfg.Duration, Requests: cfg.Requests})
}

// measure runs the attack and gathers what it measures.
func (o *options) measure(ctx context.Context, start runner, cfg attack.Config, live display, x *exporter, results *resultsFile) (*measure.Run, error) {
	r := o.describe(&cfg)
	hooks := attack.Hooks{
		Phase:   live.Phase,
		Metrics: x.wireMetrics(),
		Begin:   func(at time.Time) { results.begin(o.name, at.Add(-cfg.Warmup)) },
		Interval: func(i *measure.Interval) {
			x.interval(i)
			live.Point(r.Add(i))
		},
	}
	if x != nil || results != nil {
		hooks.Outcomes = func(batch []exchange.Outcome) {
			x.outcomes(batch)
			results.add(batch)
		}
	}
	summary, err := start(ctx, cfg, hooks)
	if err != nil {
		return nil, err
	}
	r.Begin, r.Duration, r.Scheduled = summary.Begin, summary.Duration, summary.Scheduled
	r.Warmup, r.Interrupted = summary.Warmup, summary.Interrupted
	return r, nil
}

// describe is what is known of a run before it begins.
func (o *options) describe(cfg *attack.Config) *measure.Run {
	r := &measure.Run{
		Name:        o.name,
		Target:      cfg.Targets[0].URL,
		Targets:     len(cfg.Targets),
		Protocol:    cfg.Protocol(),
		Pace:        o.pace(),
		Asked:       o.rate.perSecond(),
		Connections: cfg.Connections,
		Streams:     cfg.Streams,
		Timeout:     cfg.Timeout,
		Total:       measure.NewTally(),
	}
	if o.workers != "" {
		r.Agents = len(o.workerList())
	}
	return r
}

// report writes all that was asked for, and whether the objectives are met.
func (o *options) report(r *measure.Run, out io.Writer) error {
	verdicts := o.objectives.Judge(r)
	if o.json {
		if err := report.JSON(out, r, verdicts); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	} else if err := report.Text(out, r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	} else if len(verdicts) > 0 {
		fmt.Fprintf(out, "\n%s", slo.Lines(verdicts))
	}
	err := errors.Join(
		writeFile(o.html, func(w io.Writer) error { return report.HTML(w, r, o.objectives, verdicts) }),
		writeFile(o.hdr, func(w io.Writer) error { return report.HDR(w, r) }),
	)
	if err == nil && !slo.AllMet(verdicts) {
		return errMissed
	}
	return err
}

// writeFile writes a file, where one was asked for.
func writeFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
