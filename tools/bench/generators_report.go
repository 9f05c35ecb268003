//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// Rows of the comparison of load generators.
const (
	rowFull    = "full speed"
	rowLow     = "20,000/s"
	rowPromise = "150,000/s"
	rowTwice   = "300,000/s"
	rowStall   = "150,000/s, stall"
)

// generatorSizes are how much of it is measured.
type generatorSizes struct {
	rounds                           int
	full, low, promise, twice, stall time.Duration
}

var (
	fullGenerators  = generatorSizes{rounds: 5, full: 5 * time.Second, low: 5 * time.Second, promise: 60 * time.Second, twice: 10 * time.Second, stall: 10 * time.Second}
	quickGenerators = generatorSizes{rounds: 1, full: 500 * time.Millisecond, low: time.Second, promise: time.Second, twice: time.Second, stall: 2 * time.Second}
)

// stallTime is how long the server is stopped in the row of that name.
const stallTime = 500 * time.Millisecond

// comparison is all runs, by row and generator.
type comparison struct {
	runs     map[[2]string][]*generated
	miscount []string // runs in which the server had answered another number than was reported
}

func (c *comparison) add(round int, row, name string, l *generated) {
	key := [2]string{row, name}
	c.runs[key] = append(c.runs[key], l)
	logRun(round, row, name, l)
}

// median is the median of a figure over the rounds.
func (c *comparison) median(row, name string, figure func(*generated) float64) float64 {
	var all []float64
	for _, l := range c.runs[[2]string{row, name}] {
		all = append(all, figure(l))
	}
	return median(all)
}

// worst is the largest of a figure over the rounds: for what must be 0.
func (c *comparison) worst(row, name string, figure func(*generated) float64) float64 {
	worst := 0.0
	for _, l := range c.runs[[2]string{row, name}] {
		worst = max(worst, figure(l))
	}
	return worst
}

func rateOf(l *generated) float64    { return l.rate }
func meanOf(l *generated) float64    { return milliseconds(l.mean) }
func p99Of(l *generated) float64     { return milliseconds(l.p99) }
func p999Of(l *generated) float64    { return milliseconds(l.p999) }
func maxOf(l *generated) float64     { return milliseconds(l.max) }
func memoryOf(l *generated) float64  { return float64(l.memory) }
func cpuOf(l *generated) float64     { return microseconds(l.cpu) / float64(max(l.requests, 1)) }
func errorsOf(l *generated) float64  { return float64(l.requests) * (1 - l.success) }
func missingOf(l *generated) float64 { return float64(l.scheduled) - float64(l.requests) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// runGenerators compares load generators against hotpath and writes their
// section of the document.
func runGenerators(ctx context.Context, o options) (err error) {
	if err := twoCores(); err != nil {
		return err
	}
	if err := require(ctx, []string{h2load}, o.install); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotpath-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := newSite(dir)
	if err != nil {
		return fmt.Errorf("making the files to serve: %w", err)
	}
	cores := runtime.NumCPU()
	g, err := newGenerator(ctx, dir, s)
	if err != nil {
		return err
	}
	defer g.target.Stop()
	size := fullGenerators
	if o.quick {
		size = quickGenerators
	}
	if o.rounds > 0 {
		size.rounds = o.rounds
	}
	if err := machine.PinSelf(clientCore); err != nil {
		return err
	}
	c := &comparison{runs: make(map[[2]string][]*generated)}
	for round := range size.rounds {
		if err := g.round(ctx, c, size, round); err != nil {
			return err
		}
	}
	a := about{date: time.Now(), command: generatorsCommand, cpu: cpuModel(), cores: cores, kernel: kernelRelease(), rounds: size.rounds}
	a.versions = [][2]string{
		{loadgen, servers.GoVersion(g.loadgen)},
		{h2load, servers.FirstLine(h2load, "--version")},
		{vegeta, moduleVersion(g.vegeta)},
	}
	text := c.report(a, size)
	fmt.Print(text)
	if err := write(o, text, newResults(nil), generatorsCommand); err != nil || o.quick {
		return err
	}
	return c.missed()
}

// round runs every row once.
func (g *generator) round(ctx context.Context, c *comparison, size generatorSizes, round int) error {
	ours, err := g.runLoadgen(ctx, 0, size.full)
	if err != nil {
		return err
	}
	c.add(round, rowFull, loadgen, ours)
	theirs, err := g.runH2load(ctx, ours.requests, 0)
	if err != nil {
		return err
	}
	c.add(round, rowFull, h2load, theirs)
	if theirs, err = g.runVegeta(ctx, 0, size.full); err != nil {
		return err
	}
	c.add(round, rowFull, vegeta, theirs)
	const low = 20_000 // requests/s
	if theirs, err = g.runVegeta(ctx, low, size.low); err != nil {
		return err
	}
	c.add(round, rowLow, vegeta, theirs)
	if theirs, err = g.runH2load(ctx, uint64(low*size.low.Seconds()), low); err != nil {
		return err
	}
	c.add(round, rowLow, h2load, theirs)
	for _, r := range []struct {
		row  string
		rate int
		d    time.Duration
	}{{rowLow, low, size.low}, {rowPromise, 150_000, size.promise}, {rowTwice, 300_000, size.twice}} {
		before, err := g.served(ctx)
		if err != nil {
			return err
		}
		if ours, err = g.runLoadgen(ctx, r.rate, r.d); err != nil {
			return err
		}
		after, err := g.served(ctx)
		if err != nil {
			return err
		}
		if after-before != ours.requests {
			c.miscount = append(c.miscount, fmt.Sprintf("%s, round %d: the server has answered %d, loadgen reports %d", r.row, round+1, after-before, ours.requests))
		}
		c.add(round, r.row, loadgen, ours)
	}
	if ours, err = g.runStall(ctx, 150_000, size.stall, stallTime); err != nil {
		return err
	}
	c.add(round, rowStall, loadgen, ours)
	return nil
}

// report writes the section.
func (c *comparison) report(a about, size generatorSizes) string {
	var b bytes.Buffer
	a.head(&b)
	b.WriteString("\n### What must be shown\n\n")
	writeTable(&b, c.bars())
	fmt.Fprintf(&b, "\n### Full speed, closed loop: 8 connections × 32 streams, 1 KiB, %v\n\n", size.full)
	full := [][]string{{"", loadgen, h2load, vegeta}}
	for _, f := range []struct {
		label    string
		figure   func(*generated) float64
		decimals int
	}{
		{"requests/s", rateOf, 0},
		{"mean latency, ms", meanOf, 3},
		{"CPU of the generator per request, µs", cpuOf, 2},
		{"memory of the generator, MiB", memoryOf, 0},
	} {
		line := []string{f.label}
		for _, name := range full[0][1:] {
			line = append(line, grouped(c.median(rowFull, name, f.figure), f.decimals))
		}
		full = append(full, line)
	}
	writeTable(&b, full)
	b.WriteString("\n### Constant rates: 8 connections × 32 streams, 1 KiB\n\n")
	rates := [][]string{{"", "reached, /s", "mean, ms", "p99, ms", "p99.9, ms", "max, ms", "failed", "CPU per request, µs", "MiB"}}
	for _, r := range []struct {
		row, name string
		d         time.Duration
	}{{rowLow, vegeta, size.low}, {rowLow, h2load, size.low}, {rowLow, loadgen, size.low}, {rowPromise, loadgen, size.promise}, {rowTwice, loadgen, size.twice}, {rowStall, loadgen, size.stall}} {
		rates = append(rates, []string{
			fmt.Sprintf("%s, %s for %v", r.name, r.row, r.d),
			grouped(c.median(r.row, r.name, rateOf), 0),
			grouped(c.median(r.row, r.name, meanOf), 3),
			figure(c.median(r.row, r.name, p99Of), r.name != h2load, 3),
			figure(c.median(r.row, r.name, p999Of), r.name == loadgen, 3),
			figure(c.median(r.row, r.name, maxOf), r.name != h2load, 3),
			grouped(c.median(r.row, r.name, errorsOf), 0),
			grouped(c.median(r.row, r.name, cpuOf), 2),
			grouped(c.median(r.row, r.name, memoryOf), 0),
		})
	}
	writeTable(&b, rates)
	fmt.Fprintf(&b, "\nIn the row with a stall the server is stopped (SIGSTOP) for %v in the middle. vegeta's report has no p99.9, h2load's no percentiles. h2load sends at a rate for each connection (--rps), and its latencies begin when it sends.\n", stallTime)
	return b.String()
}

// promise is a figure of the load generator with its bar and its goal; a bar or a goal
// of "" is none.
type promise struct {
	name, figure string
	bar          string
	met          bool
	goal         string
	reached      bool
}

// promises are those of the load generator.
func (c *comparison) promises() []promise {
	full := c.median(rowFull, loadgen, rateOf)
	overH2load, overVegeta := full/c.median(rowFull, h2load, rateOf), full/c.median(rowFull, vegeta, rateOf)
	off := func(row string, rate float64) float64 {
		return math.Abs(c.median(row, loadgen, rateOf)/rate-1) * 100
	}
	promised := func(f func(*generated) float64) float64 { return c.median(rowPromise, loadgen, f) }
	counts := "equal"
	if len(c.miscount) > 0 {
		counts = c.miscount[0]
	}
	stalled, failed, missing := c.median(rowStall, loadgen, maxOf), c.worst(rowPromise, loadgen, errorsOf), c.worst(rowStall, loadgen, missingOf)
	low := c.median(rowLow, loadgen, cpuOf)
	return []promise{
		{"requests/s at full speed ÷ h2load", grouped(overH2load, 2), "≥ 1.20", overH2load >= 1.2, "", false},
		{"requests/s at full speed ÷ vegeta", grouped(overVegeta, 1), "≥ 12", overVegeta >= 12, "≥ 20", overVegeta >= 20},
		{"20,000/s: CPU of the generator per request", grouped(low, 2) + " µs", "", false, "≤ 6 µs", low <= 6},
		{"150,000/s: off by", grouped(off(rowPromise, 150_000), 3) + " %", "≤ 0.1 %", off(rowPromise, 150_000) <= 0.1, "", false},
		{"150,000/s: mean latency", grouped(promised(meanOf), 3) + " ms", "≤ 3 ms", promised(meanOf) <= 3, "", false},
		{"150,000/s: p99", grouped(promised(p99Of), 3) + " ms", "", false, "≤ 3 ms", promised(p99Of) <= 3},
		{"150,000/s: failed requests", grouped(failed, 0), "0", failed == 0, "", false},
		{"150,000/s: memory", grouped(promised(memoryOf), 0) + " MiB", "≤ 200 MiB", promised(memoryOf) <= 200, "≤ 60 MiB", promised(memoryOf) <= 60},
		{"300,000/s: off by", grouped(off(rowTwice, 300_000), 3) + " %", "≤ 0.1 %", off(rowTwice, 300_000) <= 0.1, "", false},
		{"a stall of 500 ms: longest latency", grouped(stalled, 0) + " ms", "about 500 ms", stalled >= 490 && stalled <= 600, "", false},
		{"a stall of 500 ms: requests that were due and are not counted", grouped(missing, 0), "0", missing == 0, "", false},
		{"the server's count and the report's", counts, "equal", len(c.miscount) == 0, "", false},
	}
}

// bars are the promises as a table.
func (c *comparison) bars() [][]string {
	yes := func(bound string, met bool) string {
		switch {
		case bound == "":
			return ""
		case met:
			return "yes"
		}
		return "no"
	}
	table := [][]string{{"", loadgen, "bar", "met", "goal", "reached"}}
	for _, p := range c.promises() {
		table = append(table, []string{p.name, p.figure, p.bar, yes(p.bar, p.met), p.goal, yes(p.goal, p.reached)})
	}
	return table
}

// missed is an error that names the bars that are not met.
func (c *comparison) missed() error {
	var all []error
	for _, p := range c.promises() {
		if p.bar != "" && !p.met {
			all = append(all, fmt.Errorf("%s: %s, where the bar is %s", p.name, p.figure, p.bar))
		}
	}
	return errors.Join(all...)
}
