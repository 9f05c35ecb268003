//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// shape is how the client loads the server.
type shape struct {
	name    string // in row names
	conns   int
	streams int // concurrent ones per connection; 0 is HTTP/1.1
}

var shapes = []shape{
	{"h2-8x32", 8, 32},
	{"h2-64x8", 64, 8},
	{"h2-256x1", 256, 1},
	{"h1-64", 64, 0},
}

// load is what a client reports of one run.
type load struct {
	requests int
	elapsed  time.Duration
	mean     time.Duration
	p99      time.Duration // 0 if the client does not report it
	cipher   string        // "" if the client does not report it
}

func (l load) rate() float64 { return float64(l.requests) / l.elapsed.Seconds() }

// runH2load makes exactly n requests, shared among the connections, on one
// thread. Every one of them must be answered 200. logFile, if not empty,
// receives a line for each. Each request has the fields as well, "name: value".
func runH2load(ctx context.Context, s shape, url string, n int, logFile string, fields ...string) (load, error) {
	var args []string
	for _, f := range fields {
		args = append(args, "-H", f)
	}
	return runH2loadWith(ctx, s, url, n, logFile, args)
}

// runPaced is runH2load at a rate, in requests per second.
func runPaced(ctx context.Context, s shape, url string, n, rate int, logFile string) error {
	_, err := runH2loadWith(ctx, s, url, n, logFile, []string{"--rps=" + strconv.Itoa(rate/s.conns)})
	return err
}

func runH2loadWith(ctx context.Context, s shape, url string, n int, logFile string, args []string) (load, error) {
	args = append(args, "-t", "1", "-c", strconv.Itoa(s.conns), "-m", strconv.Itoa(s.streams), "-n", strconv.Itoa(n))
	if logFile != "" {
		args = append(args, "--log-file="+logFile)
	}
	out, err := client(ctx, "h2load", append(args, url)...)
	if err != nil {
		return load{}, err
	}
	l, err := parseH2load(out)
	if err == nil && l.requests != n {
		err = fmt.Errorf("%d of %d requests were answered", l.requests, n)
	}
	if err != nil {
		return load{}, fmt.Errorf("h2load %s: %w", url, err)
	}
	return l, nil
}

// runWrk makes requests over HTTP/1.1 for d, which it takes in whole seconds.
// If the connection is not multiplexed, h2load needs more processor per
// request than the servers do and would be the measure; wrk needs less.
func runWrk(ctx context.Context, s shape, url string, d time.Duration, fields ...string) (load, error) {
	seconds := max(1, int(d.Round(time.Second).Seconds()))
	args := []string{"-t", "1", "-c", strconv.Itoa(s.conns), "-d", strconv.Itoa(seconds), "--latency"}
	for _, f := range fields {
		args = append(args, "-H", f)
	}
	out, err := client(ctx, "wrk", append(args, url)...)
	if err != nil {
		return load{}, err
	}
	l, err := parseWrk(out)
	if err != nil {
		return load{}, fmt.Errorf("wrk %s: %w", url, err)
	}
	return l, nil
}

// client runs a load generator, which inherits this process's core.
func client(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// calibrate finds the number of requests that take about d: it makes more and
// more until a run is long enough for the connections' handshakes, which are in
// the time, not to matter.
func calibrate(ctx context.Context, s shape, url string, d time.Duration) (int, error) {
	const growth = 8 // most; a short run's rate is far too low
	n := share(0, s, 0)
	for {
		l, err := runH2load(ctx, s, url, n, "")
		if err != nil {
			return 0, err
		}
		missing := d.Seconds() / l.elapsed.Seconds()
		n = share(n, s, min(missing, growth))
		if missing < 2 {
			return n, nil
		}
	}
}

// share is part times n requests in whole rounds of all of s's streams, at
// least four of them: fewer are mostly handshakes.
func share(n int, s shape, part float64) int {
	width := s.conns * s.streams
	return max(4, int(float64(n)*part)/width) * width
}

// least is so many requests that the handshakes of s's connections do not count
// beside them, although each costs hundreds of hits: rounds of all streams, or
// fewer if the bodies make up for it.
func least(s shape, b body, rounds int) int {
	const volume = 256 << 20
	width := s.conns * s.streams
	return width * min(rounds, max(1, volume/(width*int(b.size))))
}
