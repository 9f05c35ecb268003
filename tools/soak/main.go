//go:build linux

// Command soak shows that no request fails when a server is replaced, and that a server
// that is left alone does not grow.
//
//	go run ./tools/soak                              a hundred upgrades and reloads, about five minutes
//	go run ./tools/soak -restarts 3 -reloads 3 -rate 500
//	go run ./tools/soak -duration 2m                 one process under all that there is; or 8h
//
// The server has a site of files and one with an upstream. Hits, misses and uploads
// come from loadgen's engines at a fixed rate, over HTTP/2 and HTTP/1.1.
//
// The first form upgrades and reloads it again and again, each awaited before the next
// one begins, and has clients beside loadgen as users have them, in a loop: net/http,
// curl, Node and Java, as far as the machine has them. It fails if a request does, or if
// a reload closes a connection.
//
// With -duration the server is one process all the while. Misses are of more keys than
// its cache has room for; it is purged in every way and reloaded, its clients and its
// origin go away and come back, and one attack of tools/attack/catalog after the other is
// performed on it, in a process that runs while no other would. The bars: memory's slope,
// goroutines, permits, reservations and descriptors as before when all have gone, no
// failure of the good client but while the origin was away, no panic, and no race if
// -server is a binary with the race detector.
//
// Whatever failed is printed as it happens: when, of which client, why, and what the
// server was being asked to do. The exit status is 1 if a bar is missed.
//
//  1. server.go    the server: started, upgraded, reloaded, stopped
//  2. origin.go    what it stands before, and what is excused while that is away
//  3. load.go      load at a fixed rate
//  4. loop.go      clients in a loop; program.go and clients/ have those that are not in Go
//  5. journal.go   what came of their requests; report.go prints it
//  6. rounds.go    the upgrades and reloads
//  7. soak.go      the run with -duration; mix.go has what is mixed in
//  8. sample.go    what the server is like at a moment
//  9. slope.go     the line through its memory
//  10. judge.go    the bars
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
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/attackers"
)

// options are the command line.
type options struct {
	restarts, reloads int
	duration          time.Duration // of the other form; 0: upgrades and reloads
	samples           string
	only              string // attacks
	cache             int    // bytes
	rate              int    // requests/s of hits; 0: the form's
	server            string
	java              bool
	upgrades          bool // a flag of the form without -duration was given
}

// Rates of hits, if none is given. A server that is attacked, too, is not to be full of
// what is served.
const (
	upgradeRate = 20000
	soakRate    = 2000
)

// errFailed is that the tables show it.
var errFailed = errors.New("not everything was served, or a bar is missed")

func main() {
	if len(os.Args) > 1 && os.Args[1] == attackers.Command {
		if err := attackers.Perform(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "soak:", err)
			os.Exit(1)
		}
		return
	}
	o := options{cache: soakCache}
	flag.IntVar(&o.restarts, "restarts", 100, "`NUMBER` of upgrades")
	flag.IntVar(&o.reloads, "reloads", 100, "`NUMBER` of reloads")
	flag.DurationVar(&o.duration, "duration", 0, "in place of these: `TIME` for which one process is under load and attacks, and has to come out as it went in")
	flag.StringVar(&o.samples, "samples", "", "with -duration: CSV `FILE` for what the server was like all the while")
	flag.StringVar(&o.only, "only", "", "with -duration: the attacks whose name matches this regular `EXPRESSION`")
	flag.IntVar(&o.rate, "rate", 0, "`RATE` of hits, in requests per second; what else is asked for is a share of it (default 20000, or 2000 with -duration)")
	flag.StringVar(&o.server, "server", "", "run this `BINARY` in place of one built from ./server")
	flag.BoolVar(&o.java, "java", false, "have Java's HttpClient among the clients if it is older than 24, too, and may fail by itself")
	flag.Parse()
	flag.Visit(func(f *flag.Flag) {
		o.upgrades = o.upgrades || f.Name == "restarts" || f.Name == "reloads" || f.Name == "java"
	})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// check returns what is wrong with the command line.
func (o options) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: flags alone are allowed", flag.Arg(0))
	case o.restarts < 0 || o.reloads < 0 || o.restarts+o.reloads == 0 && o.duration == 0:
		return fmt.Errorf("-restarts %d, -reloads %d: allowed are 0 and more, and one of them has to happen", o.restarts, o.reloads)
	case o.duration != 0 && o.duration < minDuration:
		return fmt.Errorf("-duration %v: allowed are %v and more", o.duration, minDuration)
	case o.duration != 0 && o.upgrades:
		return errors.New("-restarts, -reloads and -java are of a run without -duration")
	case (o.samples != "" || o.only != "") && o.duration == 0:
		return errors.New("-samples and -only are of a run with -duration")
	case o.rate < minRate:
		return fmt.Errorf("-rate %d: allowed are %d and more", o.rate, minRate)
	}
	return nil
}

// minDuration is what all that is mixed in needs, to happen once.
const minDuration = 10 * time.Second

// settle is how long clients go on before the first change and after the last one:
// a failure that comes late has to be seen too.
const settle = 2 * time.Second

func run(ctx context.Context, o options, out io.Writer) (err error) {
	switch {
	case o.rate != 0:
	case o.duration > 0:
		o.rate = soakRate
	default:
		o.rate = upgradeRate
	}
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotpath-soak")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.server == "" {
		o.server = filepath.Join(dir, "hotpath")
		if text, err := exec.CommandContext(ctx, "go", "build", "-o", o.server, "./server").CombinedOutput(); err != nil {
			return fmt.Errorf("building the server: %w\n%s", err, text)
		}
	}
	if o.duration > 0 {
		return runSoak(ctx, o, dir, out)
	}
	return runUpgrades(ctx, o, dir, out)
}

// runUpgrades is the form with -restarts and -reloads.
func runUpgrades(ctx context.Context, o options, dir string, out io.Writer) error {
	up, err := startOrigin()
	if err != nil {
		return err
	}
	defer up.down()
	s, err := startServer(ctx, o.server, dir, up.url(), setup{})
	if err != nil {
		return err
	}
	j := newJournal(out)
	clients, err := startClients(ctx, s, j, o)
	if err == nil {
		pause(ctx, settle)
		err = playRounds(ctx, o, s, j)
		if err == nil {
			pause(ctx, settle)
		}
		err = errors.Join(err, ctx.Err())
		clients.stop()
	}
	err = errors.Join(err, s.stop())
	j.report()
	if err == nil && !j.clean() {
		err = errFailed
	}
	if err != nil && !errors.Is(err, errFailed) {
		err = fmt.Errorf("%w\nthe end of the server's log:\n%s", err, s.tail())
	}
	return err
}

// pause waits for d, or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
