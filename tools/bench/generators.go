//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// Names of the load generators.
const (
	loadgen = "loadgen"
	h2load  = "h2load"
	vegeta  = "vegeta"
)

// generated is what a load generator reports of one run, and what it took.
type generated struct {
	requests, scheduled uint64
	rate                float64 // per second
	success             float64 // share
	mean, p99, p999     time.Duration
	max                 time.Duration
	cpu                 time.Duration // of its process
	memory              int64         // MiB, the most that it had
}

// generator runs loads from the client's core.
type generator struct {
	loadgen, vegeta string // binaries
	dir             string
	target          *process
	admin           string // of the target
	url             string
	cacert          string
}

// newGenerator builds what is to be compared and starts the server.
func newGenerator(ctx context.Context, dir string, s *site) (*generator, error) {
	g := &generator{loadgen: filepath.Join(dir, "loadgen"), dir: dir, cacert: s.cert}
	if err := servers.Build(ctx, g.loadgen, "./loadgen"); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "go", "tool", "-n", "vegeta").Output()
	if err != nil {
		return nil, fmt.Errorf("building vegeta: %w", err)
	}
	g.vegeta = strings.TrimSpace(string(out))
	server := filepath.Join(dir, "server")
	if err := servers.Build(ctx, server, "./server"); err != nil {
		return nil, err
	}
	c := hotpathContender(hotpath, server)
	if g.admin, err = freeport.Address(); err != nil {
		return nil, err
	}
	c.command = func(s *site, _, addr string) (*exec.Cmd, error) {
		return exec.Command(server, "-listen", addr, "-admin", g.admin, "-cert", s.cert, "-key", s.key, "-root", s.root), nil
	}
	if g.target, err = start(ctx, c, s); err != nil {
		return nil, err
	}
	g.url = "https://" + g.target.Addr + "/" + bodies[1].file()
	return g, nil
}

// command runs a program to its end, on this process's core.
func (g *generator) command(ctx context.Context, out io.Writer, name string, args ...string) (*generated, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return nil, errors.New("the system does not show what a process used")
	}
	return &generated{
		cpu:    cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		memory: usage.Maxrss >> 10,
	}, nil
}

// vegetaReport is the JSON that vegeta reports, and loadgen after it.
type vegetaReport struct {
	Requests  uint64  `json:"requests"`
	Scheduled uint64  `json:"scheduled"`
	Rate      float64 `json:"rate"`
	Reached   float64 `json:"reached_rate"` // loadgen's alone
	Success   float64 `json:"success"`
	Latencies struct {
		Mean time.Duration `json:"mean"`
		P99  time.Duration `json:"99th"`
		P999 time.Duration `json:"99.9th"`
		Max  time.Duration `json:"max"`
	} `json:"latencies"`
}

func (r *vegetaReport) into(l *generated) {
	l.requests, l.scheduled, l.rate, l.success = r.Requests, r.Scheduled, r.Rate, r.Success
	if r.Reached > 0 {
		l.rate = r.Reached
	}
	l.mean, l.p99, l.p999, l.max = r.Latencies.Mean, r.Latencies.P99, r.Latencies.P999, r.Latencies.Max
}

// runLoadgen attacks at a rate, 0 for full speed, for d.
func (g *generator) runLoadgen(ctx context.Context, rate int, d time.Duration) (*generated, error) {
	var out strings.Builder
	l, err := g.command(ctx, &out, g.loadgen, "-target", g.url, "-cacert", g.cacert, "-rate", strconv.Itoa(rate),
		"-duration", d.String(), "-connections", "8", "-streams", "32", "-json", "-quiet")
	if err != nil {
		return nil, err
	}
	var r vegetaReport
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		return nil, fmt.Errorf("reading loadgen's report: %w", err)
	}
	r.into(l)
	return l, nil
}

// runVegeta is the same with as many workers as loadgen has streams.
func (g *generator) runVegeta(ctx context.Context, rate int, d time.Duration) (*generated, error) {
	results := filepath.Join(g.dir, "results.bin")
	targets := filepath.Join(g.dir, "targets")
	if err := os.WriteFile(targets, []byte("GET "+g.url+"\n"), 0o644); err != nil {
		return nil, err
	}
	l, err := g.command(ctx, io.Discard, g.vegeta, "attack", "-targets", targets, "-root-certs", g.cacert,
		"-rate", strconv.Itoa(rate), "-max-workers", "256", "-workers", "256", "-connections", "8", "-max-connections", "8",
		"-max-body", "0", "-prometheus-addr", "", "-duration", d.String(), "-output", results)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	if _, err := g.command(ctx, &out, g.vegeta, "report", "-type", "json", results); err != nil {
		return nil, err
	}
	var r vegetaReport
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		return nil, fmt.Errorf("reading vegeta's report: %w", err)
	}
	r.into(l)
	return l, nil
}

// runH2load sends a number of requests, at a rate or, if that is 0, at full speed.
func (g *generator) runH2load(ctx context.Context, requests uint64, rate int) (*generated, error) {
	n := requests / 256 * 256
	args := []string{"-n", strconv.FormatUint(n, 10), "-c", "8", "-m", "32", "-t", "1"}
	if rate > 0 {
		args = append(args, "--rps", strconv.Itoa(rate/8)) // of each connection
	}
	var out strings.Builder
	l, err := g.command(ctx, &out, "h2load", append(args, g.url)...)
	if err != nil {
		return nil, err
	}
	r, err := parseH2load(out.String())
	if err != nil {
		return nil, fmt.Errorf("h2load: %w", err)
	}
	l.requests, l.rate, l.success, l.mean = uint64(r.requests), r.rate(), 1, r.mean
	return l, nil
}

// runStall has the server stopped for a while in the middle of a run.
func (g *generator) runStall(ctx context.Context, rate int, d, stall time.Duration) (*generated, error) {
	pid := g.target.Cmd.Process.Pid
	stopped := make(chan error, 1)
	timer := time.AfterFunc(d/2, func() {
		err := syscall.Kill(pid, syscall.SIGSTOP)
		time.Sleep(stall)
		stopped <- errors.Join(err, syscall.Kill(pid, syscall.SIGCONT))
	})
	l, err := g.runLoadgen(ctx, rate, d)
	if timer.Stop() {
		return nil, errors.Join(err, errors.New("the run ended before its middle"))
	}
	if stopErr := <-stopped; stopErr != nil {
		return nil, fmt.Errorf("stopping the server for a while: %w", stopErr)
	}
	return l, err
}

// served is how many requests the server has answered.
func (g *generator) served(ctx context.Context) (uint64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("asking the server for its count: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("asking the server for its count: %w", err)
	}
	var sum float64
	for line := range strings.Lines(string(text)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(series, "hotpath_requests_total{") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("the server's count: %q: %w", line, err)
		}
		sum += n
	}
	return uint64(sum), nil
}

// logRun writes what a run gave to the log.
func logRun(round int, row, name string, l *generated) {
	log.Printf("%-16s round %d  %-8s %s requests/s  mean %v  p99 %v  max %v  %.2f µs of CPU each  %d MiB",
		row, round+1, name, grouped(l.rate, 0), l.mean, l.p99, l.max, microseconds(l.cpu)/float64(max(l.requests, 1)), l.memory)
}

// twoCores checks that there is one for the server and one for the client.
func twoCores() error {
	if runtime.NumCPU() <= clientCore {
		return errors.New("the server and the client need a core each: this machine has one")
	}
	return nil
}
