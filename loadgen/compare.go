package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/e0ac7cd4/hotpath/loadgen/compare"
	"github.com/e0ac7cd4/hotpath/loadgen/report"
)

// comparing is the command line of compare.
type comparing struct {
	least float64
	json  bool
	html  string
	verdictFiles
}

func (c *comparing) flags() *flag.FlagSet {
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Float64Var(&c.least, "least", compare.DefaultLeast, "least change of a latency, or of a closed loop's rate, that counts, as a `SHARE`")
	f.BoolVar(&c.json, "json", false, "report as JSON")
	f.StringVar(&c.html, "html", "", "`FILE` for a report as a page; - is the standard output, and the report goes to the standard error then")
	c.verdictFiles.flags(f)
	return f
}

// runCompare says what changed between two runs. Worse is errMissed.
func runCompare(_ context.Context, args []string, s streams) error {
	var o comparing
	f := o.flags()
	names, err := parseAmong(f, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return help(s.out, f)
	case err != nil:
	case len(names) != 2:
		err = fmt.Errorf("%d files: wanted are two reports of loadgen -json: loadgen compare A.json B.json [flags]", len(names))
	case !(o.least >= 0 && o.least <= 10):
		err = fmt.Errorf("-least %v: allowed are 0 to 10, 0.05 being 5%%", o.least)
	}
	if err != nil {
		return usageError{err}
	}
	a, errA := readRun(names[0])
	b, errB := readRun(names[1])
	if err := errors.Join(errA, errB); err != nil {
		return usageError{err}
	}
	if o.html == standard && o.verdictFiles.standard() {
		return usageError{errors.New("-html and -junit: one of them may be -, the standard output")}
	}
	pages, err := openFiles(s.out, o.html)
	if err != nil {
		return err
	}
	if err := o.verdictFiles.open(s.out); err != nil {
		return err
	}
	c := compare.Compare(a, b, compare.Settings{NameA: names[0], NameB: names[1], Least: o.least})
	out, write := io.Writer(s.out), report.CompareText
	if o.html == standard || o.verdictFiles.standard() {
		out = s.err
	}
	if o.json {
		write = report.CompareJSON
	}
	if err := write(out, c); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	err = errors.Join(
		pages.write(o.html, func(w io.Writer) error { return report.CompareHTML(w, c) }),
		o.verdictFiles.write(report.CompareSuite(c)),
	)
	switch {
	case err != nil:
		return err
	case c.Outcome == compare.Worse:
		return errMissed
	case c.Outcome == compare.Unsaid:
		// No answer is no pass: a job that asks would be green for ever.
		return usageError{errors.New(report.CompareResult(c))}
	}
	return nil
}

// parseAmong reads flags that stand before, between or behind other arguments,
// which are names; behind -- there are names alone.
func parseAmong(f *flag.FlagSet, args []string) (names []string, err error) {
	args = withoutStandard(args)
	var mistakes []error
	for len(args) > 0 {
		if args[0] == "--" {
			return append(names, args[1:]...), errors.Join(mistakes...)
		}
		if len(args[0]) < 2 || args[0][0] != '-' {
			names, args = append(names, args[0]), args[1:]
			continue
		}
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			mistakes = append(mistakes, explain(f, err))
		}
		rest := f.Args()
		if before := len(args) - len(rest) - 1; before >= 0 && args[before] == "--" {
			rest = args[before:] // Parse has taken it
		}
		args = rest
	}
	return names, errors.Join(mistakes...)
}

func readRun(name string) (*compare.Run, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := compare.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}
