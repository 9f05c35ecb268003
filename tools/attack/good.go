//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// The good client is loadgen at a fixed rate over a few connections of HTTP/2, in a
// process of its own.
const (
	goodConns   = 4
	goodStreams = 64
	goodTimeout = 10 * time.Second
)

// service is what the good client has measured.
type service struct {
	Requests int
	Errors   int           // requests without a whole response of 2xx, and connections that broke
	P99      time.Duration // of all requests
	Usual    time.Duration // what the p99 of three of four seconds is within
	Why      string        // the most frequent error
}

// good is a client that runs.
type good struct {
	cmd *exec.Cmd
	out bytes.Buffer
	err bytes.Buffer
}

// startGood has it ask for d.
func (g *ground) startGood(to *target.Target, rate int, d time.Duration) (*good, error) {
	c := &good{cmd: exec.Command(g.loadgen, "-target", "https://"+to.Addr+to.File, "-insecure", "-yes", "-rate", strconv.Itoa(rate), "-duration", d.String(),
		"-connections", strconv.Itoa(goodConns), "-max-connections", strconv.Itoa(goodConns), "-streams", strconv.Itoa(goodStreams), "-timeout", goodTimeout.String(), "-json", "-quiet")}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.err
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := machine.StartPinned(c.cmd, clientCore()); err != nil {
		return nil, fmt.Errorf("starting the good client: %w", err)
	}
	return c, nil
}

// wait waits for the end of what was due, or of ctx.
func (c *good) wait(ctx context.Context) (service, error) {
	defer context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })()
	_ = c.cmd.Wait() // its status says that all requests have failed, which the report does too
	if err := ctx.Err(); err != nil {
		return service{}, err
	}
	return parseService(c.out.Bytes(), c.err.String())
}

// parseService reads loadgen's report.
func parseService(report []byte, complaint string) (service, error) {
	var r struct {
		Requests  int
		Ends      map[string]int
		Latencies struct {
			P99 time.Duration `json:"99th"`
		}
		Points []struct {
			Length time.Duration
			Drain  bool
			P99    *time.Duration `json:"99th"` // nil: no request ended
		}
		ErrorCounts      map[string]int `json:"error_counts"`
		ConnectionErrors map[string]int `json:"connection_errors"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return service{}, fmt.Errorf("the good client's report: %w\n%s", err, complaint)
	}
	s := service{Requests: r.Requests, Errors: r.Requests - r.Ends["succeeded"], P99: r.Latencies.P99, Usual: r.Latencies.P99}
	var seconds []time.Duration
	for _, p := range r.Points {
		switch {
		case p.Drain:
		case p.P99 == nil:
			seconds = append(seconds, p.Length)
		default:
			seconds = append(seconds, *p.P99)
		}
	}
	if len(seconds) > 0 {
		slices.Sort(seconds)
		s.Usual = seconds[len(seconds)*3/4]
	}
	most := 0
	for _, counts := range []map[string]int{r.ErrorCounts, r.ConnectionErrors} {
		for why, n := range counts {
			if n > most {
				s.Why, most = why, n
			}
		}
	}
	for _, n := range r.ConnectionErrors {
		s.Errors += n
	}
	return s, nil
}
