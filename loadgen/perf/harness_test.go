//go:build linux

package perf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

var perf = flag.Bool("perf", false, "run the suites at full length and hold them to their bars")

// patience is how long a program may take for what it does at once.
const patience = 30 * time.Second

// The cores, if the suites run in full.
const (
	serverCore  = 0
	loadgenCore = 1
)

// sizes are those of this run.
func sizes() lengths {
	if *perf {
		return fullLengths
	}
	return shortLengths
}

// scratch is a directory for the whole run.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Arg(0) == netHTTPCommand {
		fmt.Fprintln(os.Stderr, serveNetHTTP(flag.Arg(1)))
		os.Exit(1)
	}
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "hotpath-perf"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// The paths of both programs.
var (
	serverProgram  = program("github.com/e0ac7cd4/hotpath/server")
	loadgenProgram = program("github.com/e0ac7cd4/hotpath/loadgen")
)

func program(importPath string) func() (string, error) {
	return sync.OnceValues(func() (string, error) { return testkit.Program(scratch, importPath) })
}

// command is a program that is not yet running.
func command(t *testing.T, program func() (string, error), args ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, args...)
}

// start starts a program, on a core of its own if the suites run in full.
func start(t *testing.T, cmd *exec.Cmd, core int) {
	t.Helper()
	begin := (*exec.Cmd).Start
	if *perf {
		if runtime.NumCPU() < 2 {
			t.Fatalf("this machine has %d core: the server and the load generator need one each", runtime.NumCPU())
		}
		begin = func(c *exec.Cmd) error { return machine.StartPinned(c, core) }
	}
	if err := begin(cmd); err != nil {
		t.Fatal(err)
	}
}

// server is the server's binary, running.
type server struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   testkit.LogBuffer
	url   string
	admin string // "off": none
}

func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	return startServerWith(t, testkit.FreeAddress(t), args...)
}

// startServerWith starts the server with an admin address, which may be "off".
func startServerWith(t *testing.T, admin string, args ...string) *server {
	t.Helper()
	s := &server{t: t, url: "https://" + testkit.FreeAddress(t), admin: admin}
	s.cmd = command(t, serverProgram, append([]string{
		"-listen", strings.TrimPrefix(s.url, "https://"), "-admin", s.admin}, args...)...)
	s.cmd.Stderr = &s.log
	start(t, s.cmd, serverCore)
	t.Cleanup(func() {
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("the server has ended: %v\n%s", err, s.log.String())
		}
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, s.log.String())
		}
	})
	s.await(func() error {
		if admin == "off" {
			return s.dial()
		}
		_, err := s.get("/readyz")
		return err
	})
	return s
}

// await waits until the server is ready.
func (s *server) await(ready func() error) {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if err := ready(); err == nil {
			return
		} else if time.Now().After(end) {
			s.t.Fatalf("the server is not ready: %v\n%s", err, s.log.String())
		}
	}
}

// dial reports whether the server accepts connections.
func (s *server) dial() error {
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "https://"), patience)
	if err != nil {
		return err
	}
	return c.Close()
}

func (s *server) get(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

// sum adds the series of a metric that have all those labels, each as
// `name="value"`.
func (s *server) sum(metric string, labels ...string) (sum float64) {
	s.t.Helper()
	text, err := s.get("/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
lines:
	for line := range strings.Lines(text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name, _, _ := strings.Cut(series, "{"); name != metric {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(series, l) {
				continue lines
			}
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		sum += v
	}
	return sum
}

// report is what the load generator says in JSON, as far as it is looked at.
type report struct {
	Requests  uint64  `json:"requests"`
	Rate      float64 `json:"reached_rate"`
	Success   float64 `json:"success"`
	Latencies struct {
		Mean time.Duration `json:"mean"`
		P50  time.Duration `json:"50th"`
		P99  time.Duration `json:"99th"`
		P999 time.Duration `json:"99.9th"`
		Max  time.Duration `json:"max"`
	} `json:"latencies"`
	Warmup    uint64   `json:"warmup_requests"`
	Errors    []string `json:"errors"`
	Scheduled uint64   `json:"scheduled"`
	Best      float64  `json:"best"` // of capacity
}

// outcome is a run of the load generator.
type outcome struct {
	report
	exit    int
	stderr  string
	cpu     time.Duration // of the server's processor
	memory  int64         // MiB, the most that it had
	machine string
}

// load runs the load generator against the server and writes its reports.
func (s *server) load(t *testing.T, args ...string) *outcome {
	t.Helper()
	name := reportName(t)
	cmd := command(t, loadgenProgram, append(args,
		"-insecure", "-json", "-quiet", "-html", name+".html")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	serverBefore, timesBefore := s.usage(t)
	began := time.Now()
	start(t, cmd, loadgenCore)
	err := cmd.Wait()
	took := time.Since(began)
	serverAfter, timesAfter := s.usage(t)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	o := &outcome{exit: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	if o.exit > 1 {
		t.Fatalf("%v: %s", cmd.Args, o.stderr)
	}
	if err := json.Unmarshal(stdout.Bytes(), &o.report); err != nil {
		t.Fatalf("%v: %v\n%s\n%s", cmd.Args, err, stdout.String(), o.stderr)
	}
	if err := os.WriteFile(name+".json", stdout.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	o.memory = usage.Maxrss >> 10
	o.cpu = serverAfter - serverBefore
	machineTimes := timesAfter.Since(timesBefore)
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / took.Seconds() }
	o.machine = fmt.Sprintf("for %.1f s the server had %.0f%% of a core, the load generator %.0f%%; of %d cores %.0f%% were idle and %.1f%% were stolen by other machines",
		took.Seconds(), share(o.cpu), share(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()),
		runtime.NumCPU(), share(machineTimes.Idle), share(machineTimes.Stolen))
	t.Logf("%d requests, %.0f/s, mean %v, p50 %v, p99 %v, p99.9 %v, max %v, %d MiB; %s",
		o.Requests, o.Rate, o.Latencies.Mean, o.Latencies.P50, o.Latencies.P99, o.Latencies.P999, o.Latencies.Max, o.memory, o.machine)
	return o
}

// usage is the server's processor time and the machine's times.
func (s *server) usage(t *testing.T) (time.Duration, machine.Times) {
	t.Helper()
	cpu, err := machine.CPUTime(s.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	times, err := machine.ReadTimes()
	if err != nil {
		t.Fatal(err)
	}
	return cpu, times
}

// reportName is where the next report goes, without its ending: report, or
// report-2 for the second of a test.
func reportName(t *testing.T) string {
	base := filepath.Join(testkit.Outputs(t), "report")
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		if _, err := os.Stat(name + ".json"); err != nil {
			return name
		}
	}
}

// miss fails the test with the figures: in full runs alone, others are too short
// for figures.
func (o *outcome) miss(t *testing.T, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	if *perf {
		t.Errorf("%s\n%s", text, o.machine)
		return
	}
	t.Logf("in a short run: %s", text)
}

// hold holds a run to what every suite promises: no errors, both sides count the
// same, and, at the rate that was asked, the mean.
func (o *outcome) hold(s *server, before float64, rate int) {
	t := s.t
	t.Helper()
	if o.Success != 1 || o.Requests == 0 {
		t.Errorf("%.4f%% of %d requests succeeded: %v\n%s", 100*o.Success, o.Requests, o.Errors, o.machine)
	}
	if seen := s.sum("hotpath_requests_total") - before; seen != float64(o.Requests+o.Warmup) {
		t.Errorf("the server has answered %.0f requests, the report has %d and %d of warm-up", seen, o.Requests, o.Warmup)
	}
	if rate > 0 && o.Requests != o.Scheduled {
		t.Errorf("%d requests were due, the report has %d", o.Scheduled, o.Requests)
	}
	if rate > 0 && (o.Rate < 0.999*float64(rate) || o.Rate > 1.001*float64(rate)) {
		o.miss(t, "%.0f requests/s, not within 0.1%% of %d", o.Rate, rate)
	}
	if o.exit != 0 {
		o.miss(t, "an objective was missed: mean %v (bar %v), rate %.0f/s (bar %d)", o.Latencies.Mean, promisedMean, o.Rate, rate)
	}
}
