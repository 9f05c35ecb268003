// Command quicbench measures what a hit costs the server's process over HTTP/3,
// beside HTTP/2: its processor time for a request of a stored page of 1 KiB.
//
//	go run ./tools/quicbench
//	go run ./tools/quicbench -requests 200000 -rounds 5 -connections 8 -streams 32
//
// Both have clients of Go, quic-go's and net/http's, whose own time is not counted:
// they are in this process. Rounds go by turns, so that what else the machine does
// meets both. The machine should do nothing else.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quic-go/quic-go/http3"
	"golang.org/x/sync/errgroup"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

func main() {
	var o options
	flag.IntVar(&o.requests, "requests", 100_000, "requests of a round")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each protocol")
	flag.IntVar(&o.connections, "connections", 8, "connections of a protocol")
	flag.IntVar(&o.streams, "streams", 32, "requests at once on each")
	flag.Parse()
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quicbench:", err)
		os.Exit(1)
	}
}

type options struct{ requests, rounds, connections, streams int }

// startWait is how long the server may take to start.
const startWait = 30 * time.Second

func run(o options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "quicbench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := startServer(dir)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Fprintf(out, "%d connections × %d requests at once, 1 KiB\n", o.connections, o.streams)
	for round := range o.rounds {
		for _, protocol := range []string{"h2", "h3"} {
			cost, err := s.measure(o, protocol)
			if err != nil {
				return fmt.Errorf("%s: %w", protocol, err)
			}
			fmt.Fprintf(out, "round %d  %s  %.2f µs of CPU per request\n", round+1, protocol, float64(cost.Nanoseconds())/1e3/float64(o.requests))
		}
	}
	return nil
}

// server is the one that is measured.
type server struct {
	cmd        *exec.Cmd
	url, admin string
	identity   testkit.Identity
}

func startServer(dir string) (*server, error) {
	program, err := testkit.Program(dir, "github.com/e0ac7cd4/hotpath/server")
	if err != nil {
		return nil, err
	}
	s := &server{identity: testkit.NewIdentity()}
	cert, key, err := s.identity.Write(dir, "server")
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "site")
	if err := errors.Join(os.Mkdir(root, 0o700), os.WriteFile(filepath.Join(root, "1k"), []byte(strings.Repeat("x", 1<<10)), 0o600)); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(program, "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-cert", cert, "-key", key, "-root", root, "-http3", "on")
	log, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	timer := time.AfterFunc(startWait, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	serving := regexp.MustCompile(`msg=serving url=(\S+) admin=(\S+)`)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if at := serving.FindStringSubmatch(lines.Text()); at != nil {
			s.url, s.admin = at[1], "http://"+at[2]
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return s, nil
		}
	}
	return nil, fmt.Errorf("the server has not started: %w", s.cmd.Wait())
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt) // it has ended, or does now
	_ = s.cmd.Wait()
}

// measure sends a round's requests and returns the server's processor time for them.
func (s *server) measure(o options, protocol string) (time.Duration, error) {
	clients := make([]*http.Client, o.connections)
	for i := range clients {
		c, end := s.client(protocol)
		defer end()
		if clients[i] = c; s.ask(c) != nil { // the handshake and the miss are not measured
			return 0, s.ask(c)
		}
	}
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(context.Background())
	workers := o.connections * o.streams
	for worker := range workers {
		n := o.requests / workers
		if worker < o.requests%workers {
			n++
		}
		group.Go(func() error {
			for ; n > 0 && ctx.Err() == nil; n-- {
				if err := s.ask(clients[worker%o.connections]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	after, err := s.cpu()
	return after - before, err
}

// client is one with a connection of its own.
func (s *server) client(protocol string) (c *http.Client, end func()) {
	trust := &tls.Config{RootCAs: s.identity.Pool()}
	if protocol == "h3" {
		t := &http3.Transport{TLSClientConfig: trust, DisableCompression: true}
		return &http.Client{Transport: t}, func() { _ = t.Close() }
	}
	t := &http.Transport{TLSClientConfig: trust, DisableCompression: true, ForceAttemptHTTP2: true, MaxConnsPerHost: 1}
	return &http.Client{Transport: t}, t.CloseIdleConnections
}

func (s *server) ask(c *http.Client) error {
	r, err := c.Get(s.url + "/1k")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n != 1<<10 || r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s with %d bytes, %w", r.Status, n, err)
	}
	return nil
}

// cpu is the processor time that the server's process has taken.
func (s *server) cpu() (time.Duration, error) {
	r, err := http.Get(s.admin + "/metrics")
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); ok {
			seconds, err := strconv.ParseFloat(value, 64)
			return time.Duration(seconds * float64(time.Second)), err
		}
	}
	return 0, errors.New("no process_cpu_seconds_total among the metrics")
}
