// Command loadgen is a load tester that keeps a rate whatever the server does,
// and measures every latency from the moment a request was due.
//
//	go run ./loadgen -target https://127.0.0.1:8443/ -insecure -rate 150000 -duration 30s
//	go run ./loadgen capacity -target … -slo 'mean<=3ms,errors<=0'   the highest rate that holds
//	go run ./loadgen compare A.json B.json                          what changed between two runs
//	go run ./loadgen agent                                          takes part in others' attacks
//	go run ./loadgen origin -rule '/* latency=20ms size=10k'       answers, as an origin behind an edge
//	go run ./loadgen version                                        what was built
//
// # The way of a request
//
//  1. flags.go          the command line becomes an attack.Config
//  2. attack/           when it is due, and on which connection
//  3. h2client/, h1client/   it is sent, and its response verified
//  4. attack/recorder.go     its outcome is tallied (measure), each second
//  5. report/, slo/     what came of all: live, as text, JSON, a page, a verdict
//
// fleet/ does 2 to 4 on several machines, capacity/ does them all again and
// again; origin/ is a server for what is tested to ask. Package main only wires:
// run.go, capacity.go, compare.go, agent.go, origin.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // an objective was missed, every request failed, or something could not be done
	exitUsage   = 2 // the command line was wrong, or a comparison has no answer
)

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	ctx, stop := untilSignal()
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// untilSignal is a context that a signal ends. A second one ends the process at once,
// but for SIGHUP: when a terminal is closed it comes from the kernel and often from
// the shell as well. Under nohup it does nothing, as there it was asked for.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, stop
	}
	hung, stopHangup := signal.NotifyContext(ctx, syscall.SIGHUP)
	context.AfterFunc(hung, stop) // Ctrl-C behind a SIGHUP is the second signal
	return hung, func() { stopHangup(); stop() }
}

// streams are the process's, or a test's.
type streams struct{ in, out, err *os.File }

func printVersion(_ context.Context, _ []string, s streams) error {
	_, err := fmt.Fprintln(s.out, buildinfo.Line("loadgen"))
	return err
}

// commands are what may come first, but for flags, which attack.
var commands = map[string]func(context.Context, []string, streams) error{
	"capacity": runCapacity,
	"compare":  runCompare,
	"agent":    runAgent,
	"origin":   runOrigin,
	"version":  printVersion,
	"help":     printHelp,
}

// printHelp is -h of the command that is named behind it, or of an attack.
func printHelp(ctx context.Context, args []string, s streams) error {
	if len(args) > 0 && args[0] == "capacity" {
		return runCapacity(ctx, []string{"-h"}, s)
	}
	if len(args) > 0 && args[0] == "compare" {
		return runCompare(ctx, []string{"-h"}, s)
	}
	if len(args) > 0 && args[0] == "agent" {
		return runAgent(ctx, []string{"-h"}, s)
	}
	if len(args) > 0 && args[0] == "origin" {
		return runOrigin(ctx, []string{"-h"}, s)
	}
	return runAttack(ctx, []string{"-h"}, s)
}

// choose is the command that args name, and its arguments.
func choose(args []string) (command func(context.Context, []string, streams) error, rest []string, err error) {
	if len(args) == 0 {
		return runAttack, args, nil
	}
	switch args[0] {
	case "-version", "--version", "-v", "-V":
		return printVersion, nil, nil
	case "-?":
		return printHelp, nil, nil
	}
	switch command, ok := commands[args[0]]; {
	case ok:
		return command, args[1:], nil
	case strings.HasPrefix(args[0], "-"):
		return runAttack, args, nil
	}
	names := slices.Sorted(maps.Keys(commands))
	return nil, nil, usageError{fmt.Errorf("%q is no command: allowed are %s, or flags, which attack; -h lists both%s",
		args[0], strings.Join(names, ", "), meant("", suggest.Nearest(args[0], names)))}
}

// run runs a command and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	command, args, err := choose(args)
	if err == nil {
		err = command(ctx, args, s)
	}
	switch {
	case err == nil, errors.Is(err, errHelp):
		return exitOK
	case errors.Is(err, errMissed):
		return exitFailure // the verdicts have said it
	}
	lines(s.err, err)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailure
}
