package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command's flags say.
type options struct {
	out        string
	check      bool
	prometheus string
	boards     string
	moments    string
	keep       bool
	repository string
}

func main() {
	o := options{repository: "."}
	flag.StringVar(&o.out, "o", "", "folder for the pictures; it is made")
	flag.BoolVar(&o.check, "check", false, "fail if a panel has an error, is empty against expectation, or cuts its legend")
	flag.StringVar(&o.boards, "boards", "", "dashboards to draw, by their file's name without .json, separated by commas; all by default")
	flag.StringVar(&o.moments, "moments", "", "moments of the scripted hour to draw, separated by commas; all by default")
	flag.StringVar(&o.prometheus, "prometheus", "", "URL of a running Prometheus, of which the last hour is drawn in place of the scripted one")
	flag.BoolVar(&o.keep, "keep", false, "go on serving the page, for a browser, until interrupted")
	flag.Parse()
	if flag.NArg() > 0 || (o.out == "" && !o.check && !o.keep) {
		fmt.Fprintln(os.Stderr, "usage: dashboards-look [-check] [-keep] [-o DIR] [-boards NAME,...] [-moments NAME,...] [-prometheus URL]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards-look:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop is called above
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	if missing := lacking(o); missing != "" {
		if os.Getenv("HOTPATH_REQUIRE_TOOLS") == "1" {
			return fmt.Errorf("%s is not installed, and HOTPATH_REQUIRE_TOOLS=1", missing)
		}
		fmt.Fprintf(out, "dashboards-look: skipped: %s is not installed\n", missing)
		return nil
	}
	all, err := readBoards(filepath.Join(o.repository, "dashboards", "grafana"))
	if err != nil {
		return err
	}
	boards, err := choose("dashboard", all, o.boards, func(b board) string { return b.name })
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dashboards-look")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	begin := time.Now()
	modules, err := install(ctx, filepath.Join(o.repository, "tools", "dashboards-look"), out)
	if err != nil {
		return err
	}
	if err := bundle(ctx, filepath.Join(o.repository, "tools", "dashboards-look"), modules, dir); err != nil {
		return err
	}
	source, err := startSource(ctx, o, dir)
	if err != nil {
		return err
	}
	defer source.stop()
	source.moments, err = choose("moment", source.moments, o.moments, func(m moment) string { return m.name })
	if err != nil {
		return err
	}
	page, err := serve(ctx, files{modules: modules, bundle: dir, boards: all}, source.url)
	if err != nil {
		return err
	}
	defer page.stop()
	fmt.Fprintf(out, "the page is served after %.1f s\n", time.Since(begin).Seconds())
	err = draw(ctx, o, page.url, boards, source.moments, out)
	if o.keep {
		for _, b := range boards {
			for _, m := range source.moments {
				fmt.Fprintln(out, address(page.url, b, m, "dark"))
			}
		}
		<-ctx.Done()
	}
	return err
}

// lacking names a program that is needed and not installed.
func lacking(o options) string {
	programs := []string{"node", "npm", "chromium"}
	if o.prometheus == "" {
		programs = append(programs, "prometheus", "promtool")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return p
		}
	}
	return ""
}

// choose are those that names, separated by commas, has; all of them if it is empty.
func choose[T any](kind string, all []T, names string, nameOf func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var known []string
	for _, one := range all {
		known = append(known, nameOf(one))
	}
	var chosen []T
	for name := range strings.SplitSeq(names, ",") {
		at := slices.Index(known, name)
		if at < 0 {
			return nil, fmt.Errorf("there is no %s %q; there are %s", kind, name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[at])
	}
	return chosen, nil
}
