package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/fleet"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// runner runs an attack: in this process, or on other machines.
type runner func(context.Context, attack.Config, attack.Hooks) (attack.Summary, error)

// runner is the one that was asked for.
func (o *options) runner(cfg *attack.Config, s streams) (runner, error) {
	if o.workers == "" {
		return attack.Run, nil
	}
	token, err := o.token()
	if err != nil {
		return nil, err
	}
	options := fleet.Options{Workers: o.workerList(), Token: token, Log: slog.New(slog.NewTextHandler(s.err, nil))}
	if err := options.Check(*cfg); err != nil {
		return nil, usageError{fmt.Errorf("-workers: %w", err)}
	}
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
	cfg, err := o.config(ctx, s.in)
	if err != nil {
		return err
	}
	start, err := o.runner(&cfg, s)
	if err != nil {
		return err
	}
	if err := o.confirm(ctx, &cfg, s); err != nil {
		return err
	}
	o.noteProxy(&cfg, s)
	o.replay.note(s)
	witness, err := o.startWitness(ctx, &cfg)
	if err != nil {
		return err
	}
	pages, err := openFiles(s.out, o.html, o.hdr)
	if err != nil {
		return err
	}
	if err := o.verdictFiles.open(s.out); err != nil {
		return err
	}
	results, err := o.openResults(s.out)
	if err != nil {
		return err
	}
	exporter, err := o.startExporter()
	if err != nil {
		return errors.Join(err, results.close())
	}
	live := o.live(&cfg, s)
	o.reader.start(&cfg)
	r, err := o.measure(ctx, start, cfg, live, exporter, results, witness)
	live.Done()
	// What was measured is reported, whatever else went wrong.
	err = errors.Join(err, o.reader.stop(), results.close())
	if r == nil {
		return errors.Join(err, exporter.stop(s.err))
	}
	had, failed := witness.end(ctx)
	r.Origin = had
	err = errors.Join(err, failed)
	if stalled := results.stalled(); stalled > r.Duration/1000 {
		fmt.Fprintf(s.err, "loadgen: connections waited %s in all for %s to be written: the latencies have that in them\n", human.Duration(stalled), o.results)
	}
	err = errors.Join(o.report(r, pages, o.reportTo(s)), err)
	exporter.stay(o.metricsStay)
	return errors.Join(err, exporter.stop(s.err))
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
	known := cfg.Duration
	if known == attack.Forever {
		known = 0
	}
	return report.LiveTo(s.err, report.LiveOptions{Duration: known, Requests: cfg.Requests})
}

// measure runs the attack and gathers what it measures.
func (o *options) measure(ctx context.Context, start runner, cfg attack.Config, live display, x *exporter, results *resultsFile, witness *witness) (*measure.Run, error) {
	r := o.describe(&cfg)
	hooks := attack.Hooks{
		Phase:   live.Phase,
		Metrics: x.wireMetrics(),
		Begin: func(at time.Time) {
			results.begin(o.name, at.Add(-cfg.Warmup))
			witness.begin(ctx, at, cfg.Warmup)
		},
		Interval: func(i *measure.Interval) {
			x.interval(i)
			live.Point(r.Add(i))
		},
	}
	if results != nil {
		hooks.Outcomes = func(batch []exchange.Outcome) { results.add(batch) }
	}
	if o.reader != nil {
		hooks.Feed = o.reader.Feed
	}
	summary, err := start(ctx, cfg, hooks)
	if err != nil {
		return nil, err
	}
	r.Begin, r.Duration, r.Scheduled = summary.Begin, summary.Duration, summary.Scheduled
	r.Warmup, r.Interrupted, r.Grown, r.Busy = summary.Warmup, summary.Interrupted, summary.Grown, summary.Busy
	if note := o.partOf(r); note != "" {
		r.Notes = append(r.Notes, note)
	}
	if summary.Spoken != 0 {
		speaks(r, summary.Spoken, &cfg)
	}
	r.Fallback = summary.Fallback
	if o.reader != nil {
		r.Targets = max(1, int(o.reader.Taken()))
	}
	if summary.Exhausted && (o.requests > 0 || o.duration != attack.Forever) {
		r.Notes = append(r.Notes, "The targets ended before their time, after "+human.Duration(r.Duration)+".")
	}
	if cfg.Duration > r.Duration && !summary.Interrupted && !summary.Exhausted {
		r.Notes = append(r.Notes, ranOut(&cfg, r.Duration))
	}
	if _, constant := cfg.Pacer.(vegeta.ConstantPacer); !constant && r.Duration > 0 {
		r.Asked = float64(r.Scheduled) / r.Duration.Seconds() // 0 in a closed loop
	}
	return r, nil
}

// partOf says how much of what was asked for the verdicts on an interrupted run are
// over, "" if there is nothing to say: what was kept for a second was not shown to be
// kept for a minute.
func (o *options) partOf(r *measure.Run) string {
	const verdicts = "The verdicts are over no more than "
	switch {
	case !r.Interrupted || len(o.objectives) == 0:
	case o.requests > 0:
		return verdicts + human.Count(r.Total.Requests()) + " of the " + human.Count(o.requests) + " requests that were asked for."
	case o.duration > 0 && o.duration != attack.Forever:
		return verdicts + human.Duration(r.Duration) + " of the " + human.Exact(o.duration) + " that were asked for."
	}
	return ""
}

// ranOut says why a run was over before its time that nothing has ended.
func ranOut(cfg *attack.Config, after time.Duration) string {
	if p, ok := cfg.Pacer.(vegeta.LinearPacer); ok && p.Slope > 0 {
		return "The rate had risen to the highest that there is after " + human.Duration(after) + ": the run ended there."
	}
	return "The rate had fallen to 0 after " + human.Duration(after) + ": the run ended there."
}

// describe is what is known of a run before it begins.
func (o *options) describe(cfg *attack.Config) *measure.Run {
	r := &measure.Run{
		Name:        o.name,
		Target:      exchange.ShownURL(cfg.Targets[0].URL),
		Targets:     len(cfg.Targets),
		Names:       cfg.Names(),
		Pattern:     cfg.Pattern.String(),
		Pace:        o.pace(),
		Asked:       o.rate.perSecond(),
		Connections: cfg.Connections,
		PerRequest:  cfg.PerRequest,
		Timeout:     cfg.Timeout,
		Total:       measure.NewTally(),
	}
	if o.workers != "" {
		r.Agents = len(o.workerList())
	}
	if note := proxyNote(cfg); note != "" {
		r.Notes = append(r.Notes, note)
	}
	speaks(r, cfg.Preferred(), cfg)
	return r
}

// speaks notes of a run which versions of HTTP it speaks.
func speaks(r *measure.Run, p exchange.Protocols, cfg *attack.Config) {
	r.Protocol, r.Streams = p.String(), cfg.Streams
	if p == exchange.HTTP1 || cfg.PerRequest {
		r.Streams = 1
	}
}

// failedAll reports whether there were requests and none of them succeeded: with
// no objectives that could say so, that is a failure too.
func failedAll(r *measure.Run) bool {
	return r.Total.Requests() > 0 && r.Total.Succeeded() == 0
}

// report writes all that was asked for, and whether the objectives are met.
func (o *options) report(r *measure.Run, pages files, out io.Writer) error {
	verdicts := o.objectives.Judge(r)
	var failed error // which costs the files nothing: a terminal may be closed
	if o.json {
		failed = report.JSON(out, r, verdicts)
	} else if failed = report.Text(out, r); failed == nil && len(verdicts) > 0 {
		fmt.Fprintf(out, "\n%s", slo.Lines(verdicts))
	}
	if failed != nil {
		failed = fmt.Errorf("writing the report: %w", failed)
	}
	err := errors.Join(
		failed,
		pages.write(o.html, func(w io.Writer) error { return report.HTML(w, r, o.objectives, verdicts) }),
		pages.write(o.hdr, func(w io.Writer) error { return report.HDR(w, r) }),
		o.verdictFiles.write(report.RunSuite(r, verdicts)),
	)
	if err == nil && (!slo.AllMet(verdicts) || len(verdicts) == 0 && failedAll(r)) {
		return errMissed
	}
	return err
}
