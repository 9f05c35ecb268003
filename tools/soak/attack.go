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

// attack is a run of loadgen, at a fixed rate.
type attack struct {
	name        string
	hits        bool // its latencies are those of hits
	rate        int
	http1       bool
	connections int
	targets     string // in vegeta's format
}

// attacks are all of them.
func attacks(s *server, rate int) (all []attack) {
	var hits strings.Builder
	for i := range files {
		fmt.Fprintf(&hits, "GET %s%s\n", s.filesURL(), fileName(i))
	}
	miss := "GET " + s.upstreamURL() + "/miss\n"
	upload := fmt.Sprintf("POST %s/upload\n@%s\n", s.upstreamURL(), s.file("upload"))
	for _, http1 := range []bool{false, true} {
		protocol, share, connections := "HTTP/2", rate*3/4, 8
		if http1 {
			protocol, share, connections = "HTTP/1.1", rate/4, 32
		}
		all = append(all,
			attack{"loadgen " + protocol + ", hits", true, share, http1, connections, hits.String()},
			attack{"loadgen " + protocol + ", misses", false, max(rate/rareShare, 1), http1, 4, miss},
			attack{"loadgen " + protocol + ", uploads", false, max(rate/rareShare, 1), http1, 4, upload})
	}
	return all
}

// start starts the attack; what it returns ends it and waits for its last outcomes.
func (a attack) start(loadgen string, s *server, j *journal) (stop func(), err error) {
	file := s.file(strings.NewReplacer(" ", "-", "/", "-", ",", "").Replace(a.name))
	if err := os.WriteFile(file, []byte(a.targets), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(loadgen, "-targets", file, "-rate", strconv.Itoa(a.rate), "-duration", "24h", "-connections", strconv.Itoa(a.connections),
		"-timeout", "10s", "-cacert", s.file("cert.pem"), "-digest", "first", "-results", "/dev/fd/3", "-json", "-quiet", "-http1="+strconv.FormatBool(a.http1))
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
	c := j.client(a.name)
	read := make(chan struct{})
	go func() {
		defer close(read)
		a.read(results, j, c)
	}()
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-read
		// Its status says whether something failed, which is counted already.
		_ = cmd.Wait()
		_ = results.Close()
		var report struct{ Retries int }
		if err := json.Unmarshal([]byte(out.String()), &report); err != nil {
			j.failure(c, time.Now(), "loadgen's report: "+err.Error())
		}
		j.done(c, 0, report.Retries)
	}, nil
}

// read takes outcomes until there are no more.
func (a attack) read(results io.Reader, j *journal, c *client) {
	decode := vegeta.NewDecoder(results)
	for {
		var r vegeta.Result
		if err := decode(&r); err != nil {
			if !errors.Is(err, io.EOF) {
				j.failure(c, time.Now(), "loadgen's results: "+err.Error())
			}
			return
		}
		switch {
		case r.Error == interrupted && r.Latency < grace:
			// It was due when loadgen was ended, and not sent.
		case r.Error != "":
			j.failure(c, r.End(), r.Error)
		case r.Code != http.StatusOK:
			j.failure(c, r.End(), fmt.Sprint("status ", r.Code))
		case a.hits:
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
