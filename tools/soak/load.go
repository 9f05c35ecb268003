//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Of the rate of hits, three quarters come over HTTP/2; misses and uploads are each
// a hundredth over each protocol.
const (
	minRate    = 100
	rareShare  = 100
	uploadSize = 64 << 10
)

// What is in flight when loadgen is ended may take so long, and is a failure with
// this text if it takes longer.
const (
	grace       = time.Second
	interrupted = "interrupted"
)

// load is a run of loadgen, at a fixed rate.
type load struct {
	name     string
	hits     bool // its latencies are those of hits
	rate     int
	http1    bool
	targets  string // in vegeta's format
	template string // in place of them: a URL with {n}
	keys     int    // for how many numbers that stands

	seed uint32 // of the order of keys

	// comesBack: it is ended and started again under load. What it gives up then is no
	// failure of the server; what would never be answered is a timeout of the others.
	comesBack bool

	// strict: a connection that breaks is a failure too, not only a request.
	strict bool

	// excuses reports whether a failure is the origin's; nil: none is.
	excuses func(begin, end time.Time, why string) bool
}

// loads are all of them.
func loads(s *server, rate int) (all []load) {
	miss := "GET " + s.upstreamURL() + "/miss\n"
	for _, http1 := range []bool{false, true} {
		protocol, share := share(http1, rate)
		rare := max(rate/rareShare, 1)
		all = append(all,
			load{name: "loadgen " + protocol + ", hits", hits: true, rate: share, http1: http1, targets: s.hitTargets()},
			load{name: "loadgen " + protocol + ", misses", rate: rare, http1: http1, targets: miss},
			load{name: "loadgen " + protocol + ", uploads", rate: rare, http1: http1, targets: s.uploadTargets()})
	}
	return all
}

// share is what a protocol has of the rate of hits.
func share(http1 bool, rate int) (protocol string, share int) {
	if http1 {
		return "HTTP/1.1", rate / 4
	}
	return "HTTP/2", rate * 3 / 4
}

// connections is over how many connections it goes. One of HTTP/1.1 has one request in
// flight: up to 128, as many as keep up with 200 misses/s if one takes half a second, as
// it does when a dozen programs wait for two processors.
func (l load) connections() int {
	if l.http1 {
		return min(max(4, l.rate/2), 128)
	}
	return 8
}

func (s *server) hitTargets() string {
	var hits strings.Builder
	for i := range files {
		fmt.Fprintf(&hits, "GET %s%s\n", s.filesURL(), fileName(i))
	}
	return hits.String()
}

func (s *server) uploadTargets() string {
	return fmt.Sprintf("POST %s/upload\n@%s\n", s.upstreamURL(), s.file("upload"))
}

// start starts it; what it returns ends it and waits for its last outcomes.
func (l load) start(loadgen string, s *server, j *journal, c *client) (stop func(), err error) {
	args := []string{"-rate", strconv.Itoa(l.rate), "-duration", "24h", "-connections", strconv.Itoa(l.connections()),
		"-timeout", "10s", "-cacert", s.file("cert.pem"), "-digest", "first", "-results", "/dev/fd/3", "-json", "-quiet", "-http1=" + strconv.FormatBool(l.http1)}
	if l.template != "" {
		args = append(args, "-target", l.template, "-keys", strconv.Itoa(l.keys), "-seed", fmt.Sprint(l.seed))
	} else {
		file := s.file(strings.NewReplacer(" ", "-", "/", "-", ",", "").Replace(l.name))
		if err := os.WriteFile(file, []byte(l.targets), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "-targets", file)
	}
	cmd := exec.Command(loadgen, args...)
	results, written, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	cmd.ExtraFiles = []*os.File{written}
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	_ = written.Close() // the process has its own
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		l.read(results, j, c)
	}()
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-read
		// Its status says whether something failed, which is counted already.
		_ = cmd.Wait()
		_ = results.Close()
		var report struct {
			Retries          int
			ConnectionErrors map[string]int `json:"connection_errors"`
		}
		if err := json.Unmarshal([]byte(out.String()), &report); err != nil {
			j.failure(c, time.Now(), "loadgen's report: "+err.Error())
		}
		j.done(c, 0, report.Retries)
		for why, n := range report.ConnectionErrors {
			for range n {
				if l.strict {
					j.failure(c, time.Now(), "a connection: "+why)
				}
			}
		}
	}, nil
}

// read takes outcomes until there are no more.
func (l load) read(results io.Reader, j *journal, c *client) {
	decode := vegeta.NewDecoder(results)
	for {
		var r vegeta.Result
		if err := decode(&r); err != nil {
			if !errors.Is(err, io.EOF) {
				j.failure(c, time.Now(), "loadgen's results: "+err.Error())
			}
			return
		}
		why := r.Error
		if why == "" && r.Code != http.StatusOK {
			why = fmt.Sprint("status ", r.Code)
		}
		switch {
		case r.Error == interrupted && (l.comesBack || r.Latency < grace):
			// It was due when loadgen was ended, and not sent.
		case why != "" && l.excuses != nil && l.excuses(r.Timestamp, r.End(), why):
			j.excuse(c)
		case why != "":
			j.failure(c, r.End(), why)
		case l.hits:
			j.hit(c, r.End(), r.Latency)
		default:
			j.done(c, 1, 0)
		}
	}
}

// buildLoadgen builds loadgen into dir.
func buildLoadgen(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "loadgen")
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", file, "./loadgen").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building loadgen: %w\n%s", err, text)
	}
	return file, nil
}
