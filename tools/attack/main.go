//go:build linux

// Command attack performs every known attack against a server on this machine while a
// well-behaved client measures what the server still does, and prints a scoreboard:
//
//	go run ./tools/attack                        a minute each, eighty minutes in all; writes docs/security.md
//	go run ./tools/attack -short                 one or two seconds each, under four minutes in all
//	go run ./tools/attack -list                  what the attacks are
//	go run ./tools/attack -only 'reset|flood'    some of them; with -out docs/security.md their rows
//	go run ./tools/attack -with nginx            nginx in place of hotpath; or h2o
//	go run ./tools/attack -against https://127.0.0.1:8443/file -pid 4711
//
// Nothing but loopback is attacked: target.Dial refuses everything else. The server has
// core 0; the good client, which is loadgen, the attackers and the origin have core 1.
// The attackers are a process that runs while no other would, and in the long form the
// origin is another, so that what they compute keeps nothing waiting: what the good
// client waits for is the server.
//
// The exit status is 1 if a row fails its bar. In the short form the times of the
// server's limits are a second, so that they are met within it; p99 is printed and has
// no bar.
//
//  1. catalog/     what is done
//  2. own.go       hotpath with a site of files and one with an origin, or another server
//  3. origin/      what stands behind it; originprocess.go has it in a process
//  4. good.go      the well-behaved client
//  5. attackers/   the process that attacks
//  6. watch.go     the server's memory, processor time and gauges meanwhile
//  7. round.go     one attack
//  8. judge.go     the bars
//  9. report.go    the scoreboard
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/attack/attackers"
	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// options are the command line.
type options struct {
	list    bool
	only    string
	short   bool
	length  time.Duration
	rate    int
	server  string
	with    string
	against string
	pid     int
	out     string
}

// form is how long and how much, in the short or the long form.
type form struct {
	alone   time.Duration // of the good client before an attack
	attack  time.Duration
	rate    int // of the good client, requests/s
	clients func(catalog.Attack) int
	asking  time.Duration // of the admin listener, one time to the next
	strict  bool          // p99 has a bar
}

// takes is how long an attack is performed at least.
func (f form) takes(a catalog.Attack) time.Duration {
	if f.strict {
		return 0
	}
	return a.Takes.Short
}

// errFailed is that a row has failed its bar.
var errFailed = errors.New("not every row passes")

// asPart is this program when it has started itself as one of its parts.
func asPart(args []string) (ended bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	switch args[0] {
	case attackers.Command:
		return true, attackers.Perform(os.Stdin, os.Stdout)
	case originCommand:
		return true, serveOrigin(os.Stdin, os.Stdout, false)
	case idleOrigin:
		return true, serveOrigin(os.Stdin, os.Stdout, true)
	}
	return false, nil
}

func main() {
	if ended, err := asPart(os.Args[1:]); ended {
		if err != nil {
			fmt.Fprintln(os.Stderr, "attack:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.BoolVar(&o.list, "list", false, "print the attacks: name, reference, what is done, what has to come of it")
	flag.StringVar(&o.only, "only", "", "perform the attacks whose name matches this regular `EXPRESSION`")
	flag.BoolVar(&o.short, "short", false, "one or two seconds each, with few connections: does everything hold")
	flag.DurationVar(&o.length, "for", 0, "`TIME` of each attack (default 1m, or 1.5s with -short)")
	flag.IntVar(&o.rate, "rate", 0, "`RATE` of the good client, in requests per second (default 20000, or 500 with -short)")
	flag.StringVar(&o.server, "server", "", "attack this `BINARY` of hotpath in place of one built from ./server")
	flag.StringVar(&o.with, "with", "", "attack this `SERVER` in place of hotpath: nginx or h2o")
	flag.StringVar(&o.against, "against", "", "attack the server on loopback that has this `URL` of a file; what needs an origin or a limit of its own is left out")
	flag.IntVar(&o.pid, "pid", 0, "with -against: the `PROCESS` of that server, whose memory and processor time are read")
	flag.StringVar(&o.out, "out", "", "write the table into this `DOCUMENT`, in which the rows of others stay with -only (default "+defaultOut+" after a whole run, else none)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted; every process has been stopped")
		}
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

// check returns what is wrong with the command line.
func (o options) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: flags alone are allowed", flag.Arg(0))
	case o.with != "" && !slices.Contains(others, o.with):
		return fmt.Errorf("-with %q: allowed are %s", o.with, strings.Join(others, " and "))
	case o.with != "" && o.against != "":
		return errors.New("-with starts a server, -against has one: one of the two")
	case o.server != "" && (o.with != "" || o.against != ""):
		return errors.New("-server is a binary of hotpath: neither -with nor -against makes sense beside it")
	case o.pid != 0 && o.against == "":
		return errors.New("-pid is of the server of -against")
	case o.pid < 0:
		return fmt.Errorf("-pid %d: allowed are processes", o.pid)
	case o.length < 0 || o.length > time.Hour:
		return fmt.Errorf("-for %v: allowed are up to an hour", o.length)
	case o.only != "" && o.out != "" && (o.rate != 0 || o.short || o.against != ""):
		return errors.New("-only with -out: the rows of a table have one server and one rate, that of the long form; none of -against, -rate and -short makes sense beside it")
	case o.rate < 0 || o.rate > maxRate:
		return fmt.Errorf("-rate %d: allowed are 1 to %d", o.rate, maxRate)
	}
	if o.against != "" {
		_, err := target.Parse(o.against)
		return err
	}
	return nil
}

// maxRate is what no one core serves over TLS.
const maxRate = 1_000_000

// form is what the options come to.
func (o options) form() form {
	f := form{alone: 15 * time.Second, attack: time.Minute, rate: 20000, asking: 2 * time.Second, strict: true, clients: func(a catalog.Attack) int { return a.Long }}
	if o.short {
		f = form{alone: time.Second, attack: 1500 * time.Millisecond, rate: 500, asking: every, clients: func(a catalog.Attack) int { return a.Short }}
	}
	if o.length > 0 {
		f.attack = o.length
		f.alone = min(f.alone, max(o.length, time.Second))
	}
	if o.rate > 0 {
		f.rate = o.rate
	}
	return f
}

// chosen are the attacks whose name matches.
func (o options) chosen() ([]catalog.Attack, error) {
	match, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	all := catalog.All()
	chosen := slices.DeleteFunc(slices.Clone(all), func(a catalog.Attack) bool { return !match.MatchString(a.Name) })
	if len(chosen) == 0 {
		var names []string
		for _, a := range all {
			names = append(names, a.Name)
		}
		return nil, fmt.Errorf("-only %q matches none of %s", o.only, strings.Join(names, ", "))
	}
	return chosen, nil
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	attacks, err := o.chosen()
	if err != nil {
		return err
	}
	if o.list {
		return list(out, attacks)
	}
	dir, err := os.MkdirTemp("", "hotpath-attack")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cores := runtime.NumCPU() // before pinning
	g, err := newGround(ctx, o, dir)
	if err != nil {
		return err
	}
	defer g.close()
	if cores > 1 {
		if err := machine.PinSelf(clientCore()); err != nil {
			return err
		}
	}
	b := board{form: o.form(), server: g.name, version: g.version(), cores: cores}
	for i, a := range attacks {
		if why := g.lacks(a); why != "" {
			fmt.Fprintf(out, "%d/%d  %-30s left out: %s\n", i+1, len(attacks), a.Name, why)
			continue
		}
		r, err := g.round(ctx, a, b.form)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		b.rows = append(b.rows, r)
		fmt.Fprintf(out, "%d/%d  %s\n", i+1, len(attacks), r.line())
	}
	if len(b.rows) == 0 {
		return errors.New("no attack is left")
	}
	fmt.Fprint(out, "\n"+b.text())
	if err := b.write(o); err != nil {
		return err
	}
	if b.failed() > 0 {
		return errFailed
	}
	return nil
}
