package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// patience is how long a program may take for what it does at once.
const patience = 30 * time.Second

// stack is a server, a load generator and a Prometheus that scrapes both.
type stack struct {
	t          *testing.T
	url        string // of the server
	admin      string // host:port
	loadgen    string // host:port of its metrics
	prometheus string // URL of the API
}

// newStack starts the server, and Prometheus with the configuration that is
// shipped, but scraping every half second.
func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{t: t, loadgen: testkit.FreeAddress(t)}
	s.startServer()
	s.startPrometheus()
	return s
}

// program is the path of one of ours.
func (s *stack) program(name string) string {
	s.t.Helper()
	path, err := testkit.Program(s.t.TempDir(), "github.com/e0ac7cd4/hotpath/"+name)
	if err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *stack) startServer() {
	s.t.Helper()
	server := exec.Command(s.program("server"),
		"-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-memory-limit", "1GiB", "-log-format", "json")
	log, err := server.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.start(server)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var line struct{ Msg, URL, Admin string }
		if err := json.Unmarshal(lines.Bytes(), &line); err == nil && line.Msg == "serving" {
			s.url, s.admin = line.URL, line.Admin
			go func() { _, _ = io.Copy(io.Discard, log) }() // until it ends
			return
		}
	}
	s.t.Fatal("the server does not serve")
}

func (s *stack) startPrometheus() {
	s.t.Helper()
	dir := s.t.TempDir()
	faster := strings.NewReplacer(
		"scrape_interval: 5s", "scrape_interval: 500ms",
		"evaluation_interval: 15s", "evaluation_interval: 1s",
		"interval: 1m ", "interval: 1s ",
		"127.0.0.1:9180", s.admin,
		"127.0.0.1:9190", s.loadgen,
	)
	for _, name := range []string{"prometheus.yml", "rules.yml", "alerts.yml"} {
		text, err := os.ReadFile(filepath.Join("prometheus", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(faster.Replace(string(text))), 0o600)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	address := testkit.FreeAddress(s.t)
	s.prometheus = "http://" + address + "/api/v1/"
	s.start(exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn"))
	s.eventually("a scrape of the server", func() error {
		return s.someValue(`up{job="hotpath"} == 1`, query{})
	})
}

// attack starts the load generator; the function that it returns waits for its
// report.
func (s *stack) attack(args ...string) func() []byte {
	s.t.Helper()
	cmd := exec.Command(s.program("loadgen"),
		append([]string{"-insecure", "-quiet", "-json", "-metrics", s.loadgen}, args...)...)
	var report, log strings.Builder
	cmd.Stdout, cmd.Stderr = &report, &log
	ended := s.start(cmd)
	return func() []byte {
		if err := ended(); err != nil {
			s.t.Fatalf("loadgen: %v\n%s", err, log.String())
		}
		return []byte(report.String())
	}
}

// start starts a program, which is stopped at the test's end. The function that
// it returns waits for its end.
func (s *stack) start(cmd *exec.Cmd) func() error {
	s.t.Helper()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var err error
	ended := make(chan struct{})
	go func() { err = cmd.Wait(); close(ended) }()
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
		case <-time.After(patience):
			s.t.Errorf("%s does not stop", cmd.Path)
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	return func() error { <-ended; return err }
}

func (s *stack) eventually(what string, check func() error) {
	s.t.Helper()
	err := errors.New("not looked yet")
	for end := time.Now().Add(patience); err != nil; err = check() {
		if time.Now().After(end) {
			s.t.Fatalf("waiting for %s: %v", what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// get asks Prometheus' API.
func (s *stack) get(path string, values url.Values, data any) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.prometheus+path+"?"+values.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", response.Status, err)
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return nil
}

// sample is a point in time and a value, which JSON has as a string.
type sample struct{ time, value float64 }

func (p *sample) UnmarshalJSON(text []byte) error {
	var value string
	if err := json.Unmarshal(text, &[]any{&p.time, &value}); err != nil {
		return err
	}
	var err error
	p.value, err = strconv.ParseFloat(value, 64)
	return err
}

type series struct {
	Metric map[string]string
	Values []sample // of a range
	Value  sample   // of a moment
}

// errEmpty is an answer without a number in it.
var errEmpty = errors.New("no value")

// someValue is an error if an expression is wrong, if it has no number in
// the last seconds, which it asks for as a graph does, or if a series has no name by
// q's legend.
func (s *stack) someValue(expr string, q query) error {
	var answer struct{ Result []series }
	now := time.Now()
	err := s.get("query_range", url.Values{
		"query": {expr}, "start": {unix(now.Add(-4 * time.Second))}, "end": {unix(now)}, "step": {"1"},
	}, &answer)
	if err != nil {
		return err
	}
	numbers := false
	for _, one := range answer.Result {
		if q.legend != "" && q.name(one.Metric) == "" {
			return fmt.Errorf("a series without a name: %v", one.Metric)
		}
		numbers = numbers || slices.ContainsFunc(one.Values, func(v sample) bool { return !math.IsNaN(v.value) })
	}
	if !numbers {
		return errEmpty
	}
	return nil
}

func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
