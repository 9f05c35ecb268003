//go:build linux

// Command soak shows that no request fails when a server is replaced: it upgrades
// and reloads one of this tree again and again under load, and counts what failed.
//
//	go run ./tools/soak                              a hundred of each, about five minutes
//	go run ./tools/soak -restarts 3 -reloads 3 -rate 500
//
// The server has a site of files and one with an upstream. Hits, misses and uploads
// come from loadgen's engines at a fixed rate, over HTTP/2 and HTTP/1.1, and from
// clients as users have them, in a loop: net/http, curl and Node, as far as the
// machine has them. Each upgrade and each reload is awaited before the next one
// begins.
//
// Whatever failed is printed as it happens: when, of which client, why, and what
// the server was being asked to do. The exit status is 1 if anything did, or if a
// reload closed a connection.
//
//  1. server.go    the server: started, upgraded, reloaded, stopped
//  2. upstream.go  what it stands before
//  3. attack.go    load at a fixed rate
//  4. loop.go      clients in a loop; clients/ has those that are not in Go
//  5. journal.go   what came of their requests
//  6. rounds.go    the upgrades and reloads
//  7. report.go    the tables at the end
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
)

// options are the command line.
type options struct {
	restarts, reloads int
	rate              int // requests/s of hits
	server            string
	java              bool
}

// errFailed is that the tables show a failure.
var errFailed = errors.New("not everything was served")

func main() {
	var o options
	flag.IntVar(&o.restarts, "restarts", 100, "`NUMBER` of upgrades")
	flag.IntVar(&o.reloads, "reloads", 100, "`NUMBER` of reloads")
	flag.IntVar(&o.rate, "rate", 20000, "`RATE` of hits, in requests per second; misses and uploads are a fiftieth of it")
	flag.StringVar(&o.server, "server", "", "run this `BINARY` in place of one built from ./server")
	flag.BoolVar(&o.java, "java", false, "add Java's HttpClient to the clients; that of JDK 17 fails by itself")
	flag.Parse()
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
	case o.restarts < 0 || o.reloads < 0 || o.restarts+o.reloads == 0:
		return fmt.Errorf("-restarts %d, -reloads %d: allowed are 0 and more, and one of them has to happen", o.restarts, o.reloads)
	case o.rate < minRate:
		return fmt.Errorf("-rate %d: allowed are %d and more", o.rate, minRate)
	}
	return nil
}

// settle is how long clients go on before the first change and after the last one:
// a failure that comes late has to be seen too.
const settle = 2 * time.Second

func run(ctx context.Context, o options, out io.Writer) (err error) {
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
	up := startUpstream()
	defer up.Close()
	s, err := startServer(ctx, o.server, dir, up.URL)
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
