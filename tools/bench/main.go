//go:build linux

// Command bench compares hotpath with h2o, nginx and a plain net/http server
// in one run on one machine, and writes the figures to docs/benchmarks.md:
//
//	go run ./tools/bench                        everything, about half an hour
//	go run ./tools/bench -rows '8x32|idle'      some rows, printed only
//	go run ./tools/bench -baseline OLD          an earlier commit or binary beside this tree: hits alone
//	go run ./tools/bench -edge                  misses and entries of an upstream, 20 minutes
//	go run ./tools/bench -features              what hotpath's own features cost a hit, 15 minutes
//	go run ./tools/bench -quick                 does it work at all
//	go run ./tools/bench -generators            loadgen with h2load and vegeta, 15 minutes
//
// Every server serves the same files with the same certificate and is pinned
// to core 0; this program and the load generators are pinned to core 1. Only
// one server has work at a time, and the servers take turns round by round.
// The load comes from h2load over HTTP/2 and from wrk over HTTP/1.1; idle
// connections and handshakes are made here.
//
// It needs Linux and two cores. servers.go has the contenders, measure.go the
// rows, bars.go what hotpath must show.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/section"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// options are the command line.
type options struct {
	only     string
	rows     string
	rounds   int
	quick    bool
	out      string
	server   string
	baseline string
	install  bool

	generators bool
	edge       bool
	features   bool
	caddy      string
}

// defaultOut is the document, seen from the repository's root.
const defaultOut = "docs/benchmarks.md"

func main() {
	log.SetFlags(log.Ltime)
	if len(os.Args) > 1 && os.Args[1] == netHTTPCommand {
		log.Fatal(serveNetHTTP(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == reverseProxyCommand {
		log.Fatal(serveReverseProxy(os.Args[2:]))
	}
	var o options
	flag.StringVar(&o.only, "only", "", "measure these servers, with commas: hotpath, baseline, h2o, nginx, net/http")
	flag.StringVar(&o.rows, "rows", "", "measure the rows that match this regular expression")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of which the median is reported (default 5, or 1 with -quick)")
	flag.BoolVar(&o.quick, "quick", false, "show that it works, in little time; the figures mean nothing")
	flag.StringVar(&o.out, "out", "", "write into this document (default "+defaultOut+" after a whole run, else none)")
	flag.StringVar(&o.server, "server", "", "measure this binary in place of one built from ./server")
	flag.StringVar(&o.baseline, "baseline", "", "measure this commit, or binary, of hotpath beside this tree, and no other server but those of -only")
	flag.BoolVar(&o.install, "install", false, "install what is missing with apt-get")
	flag.BoolVar(&o.edge, "edge", false, "compare servers that stand before an upstream")
	flag.BoolVar(&o.features, "features", false, "measure what features of hotpath cost, beside hotpath without them")
	flag.StringVar(&o.caddy, "caddy", "", "measure this binary of Caddy in place of one built from "+peersModule)
	flag.BoolVar(&o.generators, "generators", false, "compare load generators in place of servers")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	compare := run
	switch {
	case o.generators:
		compare = runGenerators
	case o.edge:
		compare = runEdge
	case o.features:
		compare = runFeatures
	}
	err := compare(ctx, o)
	if ctx.Err() != nil {
		err = errors.New("interrupted; every server has been stopped")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	rows, err := chooseRows(allRows(), o.rows)
	if err != nil {
		return err
	}
	if o.baseline != "" && o.rows == "" {
		rows = baselineRows(rows)
	}
	cores := runtime.NumCPU() // before pinning
	if err := twoCores(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotpath-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	if o.baseline != "" {
		if o.baseline, err = baselineBinary(ctx, o.baseline, dir); err != nil {
			return err
		}
	}
	contenders, err := chooseContenders(ctx, o, dir)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range contenders {
		names = append(names, c.name)
	}
	if err := require(ctx, []string{"h2load", "wrk"}, o.install); err != nil {
		return err
	}
	s, err := newSite(dir)
	if err != nil {
		return fmt.Errorf("making the files to serve: %w", err)
	}
	a := describe(contenders, cores)

	st := &state{site: s, size: fullSizes, runs: make(map[cell]int), res: newResults(names)}
	if o.quick {
		st.size = quickSizes
		st.res.note("A quick run: it shows that everything works, and its figures mean nothing.")
	}
	if o.rounds > 0 {
		st.size.rounds = o.rounds
	}
	a.rounds = st.size.rounds
	if err := machine.PinSelf(clientCore); err != nil {
		return err
	}
	if err := measureAll(ctx, contenders, rows, st); err != nil {
		return err
	}
	text := report(a, st.res)
	fmt.Print(text)
	return write(o, text, st.res, serversCommand)
}

// chooseRows are the rows whose name matches.
func chooseRows(all []row, pattern string) ([]row, error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-rows: %w", err)
	}
	rows := slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !match.MatchString(r.name) })
	if len(rows) == 0 {
		var names []string
		for _, r := range all {
			names = append(names, r.name)
		}
		return nil, fmt.Errorf("-rows %q matches none of %s", pattern, strings.Join(names, ", "))
	}
	return rows, nil
}

// chooseContenders are the servers to be measured; hotpath is built if its
// binary is not given.
func chooseContenders(ctx context.Context, o options, dir string) ([]contender, error) {
	known := []string{hotpath, h2o, nginx, netHTTP}
	if o.baseline != "" {
		known = slices.Insert(known, 1, baseline)
	}
	chosen := known
	if o.baseline != "" {
		chosen = []string{hotpath, baseline}
	}
	if o.only != "" {
		chosen = strings.Split(o.only, ",")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	var contenders []contender
	for _, name := range known {
		if !slices.Contains(chosen, name) {
			continue
		}
		if packages[name] != "" {
			if missing, err := absent(ctx, o, name); err != nil {
				return nil, err
			} else if missing {
				continue
			}
		}
		switch name {
		case hotpath:
			binary := o.server
			if binary == "" {
				binary = filepath.Join(dir, "hotpath")
				if err := servers.Build(ctx, binary, "./server"); err != nil {
					return nil, err
				}
			}
			contenders = append(contenders, hotpathContender(hotpath, binary))
		case baseline:
			contenders = append(contenders, hotpathContender(baseline, o.baseline))
		case h2o:
			contenders = append(contenders, h2oContender())
		case nginx:
			contenders = append(contenders, nginxContender())
		case netHTTP:
			contenders = append(contenders, netHTTPContender(self))
		}
	}
	for _, name := range chosen {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("-only: %q is none of %s", name, strings.Join(known, ", "))
		}
	}
	return contenders, nil
}

// describe collects what a reader needs to judge the figures.
func describe(contenders []contender, cores int) about {
	a := about{
		date:    time.Now(),
		command: strings.Join(append([]string{"go run ./tools/bench"}, os.Args[1:]...), " "),
		cpu:     cpuModel(),
		cores:   cores,
		kernel:  kernelRelease(),
	}
	for _, c := range contenders {
		a.versions = append(a.versions, [2]string{c.name, c.version()})
	}
	wrk, _, _ := strings.Cut(servers.FirstLine("wrk", "-v"), " [")
	a.versions = append(a.versions,
		[2]string{"h2load (client, HTTP/2)", servers.FirstLine("h2load", "--version")},
		[2]string{"wrk (client, HTTP/1.1)", wrk})
	return a
}

// write puts the report into its command's section of the document, and the plot
// of servers beside it: the document that is asked for, or the project's own
// if the run was whole.
func write(o options, text string, r *results, command string) error {
	name := o.out
	if name == "" {
		if o.quick || o.only != "" || o.rows != "" || o.baseline != "" {
			return nil
		}
		name = defaultOut
	}
	document, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	replaced, err := section.Replace(string(document), text, command)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := os.WriteFile(name, []byte(replaced), 0o644); err != nil {
		return err
	}
	if command != serversCommand {
		return nil
	}
	return writePlot(name, r)
}
