//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
)

// The server has one core and the client another: neither takes time from the
// other, and a figure per core needs no division.
const (
	serverCore = 0
	clientCore = 1
)

const (
	startTimeout = 10 * time.Second // for a server to answer; all of them take less than one
	stopTimeout  = 5 * time.Second  // for a server to end after SIGTERM; then it is killed
)

// process is a running contender.
type process struct {
	name   string
	addr   string // 127.0.0.1:port
	cmd    *exec.Cmd
	log    string        // file of its output
	exited chan struct{} // closed when it has ended
}

// start runs c on a free port, pinned to the server's core, and waits until it
// answers.
func start(ctx context.Context, c contender, s *site) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return startOn(ctx, c, s, addr, serverCore, func(ctx context.Context) error {
		conn, err := openConn(ctx, addr, "", bodies[0])
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// startOn runs c on an address and a core, and waits until answers, which asks
// for a file, returns nil.
func startOn(ctx context.Context, c contender, s *site, addr string, core int, answers func(context.Context) error) (*process, error) {
	dir, err := os.MkdirTemp(s.dir, "server")
	if err != nil {
		return nil, err
	}
	cmd, err := c.command(s, dir, addr)
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", c.name, err)
	}
	p := &process{name: c.name, addr: addr, cmd: cmd, log: filepath.Join(dir, "output"), exited: make(chan struct{})}
	output, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	// A group of its own: an interrupt at the terminal reaches this program
	// alone, which then ends the servers in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := machine.StartPinned(cmd, core); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	go func() {
		// How it ended is of interest only if it should not have, and
		// then its output says more than the status.
		_ = cmd.Wait()
		close(p.exited)
	}()
	if err := p.awaitReady(ctx, answers); err != nil {
		p.stop()
		return nil, fmt.Errorf("starting %s: %w\n%s", c.name, err, p.tail())
	}
	return p, nil
}

// awaitReady asks until there is an answer.
func (p *process) awaitReady(ctx context.Context, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return errors.New("it has ended")
		case <-ctx.Done():
			return fmt.Errorf("no answer on %s: %w", p.addr, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the process and its group, and waits for it.
func (p *process) stop() {
	// An error means that it has ended already.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

// tail is the end of what the server has written.
func (p *process) tail() string {
	const most = 2000 // bytes: a few lines, or the head of a Go trace
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(data[max(0, len(data)-most):]))
}

// awaitIdle waits until p uses next to no processor, so that what a
// measurement has caused is in it, and returns its processor time.
func (p *process) awaitIdle(ctx context.Context) (time.Duration, error) {
	const (
		step  = 50 * time.Millisecond
		quiet = step / 50 // 2 % of a core: timers and the runtime's own threads
		limit = 60        // steps: a garbage collection of everything is done by then
	)
	last, err := machine.CPUTime(p.cmd.Process.Pid)
	for range limit {
		if err != nil {
			return 0, err
		}
		if err := sleep(ctx, step); err != nil {
			return 0, err
		}
		var now time.Duration
		now, err = machine.CPUTime(p.cmd.Process.Pid)
		if now-last < quiet {
			return now, err
		}
		last = now
	}
	return last, err
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// freeAddr is an address of the loopback interface on which nothing listens now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
