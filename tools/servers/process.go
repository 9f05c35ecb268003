//go:build linux

package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
)

const (
	startTimeout = 10 * time.Second // for a server to answer; all of them take less than one
	stopTimeout  = 5 * time.Second  // for a server to end after SIGTERM; then it is killed
)

// Launch is what Start starts.
type Launch struct {
	Name   string // in errors
	Addr   string // that it will listen on
	Cmd    *exec.Cmd
	Output string // file for what it writes
	Core   int    // that it is pinned to, as machine.StartPinned counts

	// Answers asks the server for something, and returns nil when it has it.
	Answers func(context.Context) error
}

// Process is a server that runs.
type Process struct {
	Name string
	Addr string // 127.0.0.1:port
	Cmd  *exec.Cmd

	output string
	exited chan struct{} // closed when it has ended
}

// Start starts the server and waits until it answers.
func Start(ctx context.Context, l Launch) (*Process, error) {
	p := &Process{Name: l.Name, Addr: l.Addr, Cmd: l.Cmd, output: l.Output, exited: make(chan struct{})}
	output, err := os.Create(l.Output)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	l.Cmd.Stdout, l.Cmd.Stderr = output, output
	// A group of its own: an interrupt at the terminal reaches this program
	// alone, which then ends the servers in order.
	l.Cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := machine.StartPinned(l.Cmd, l.Core); err != nil {
		return nil, fmt.Errorf("starting %s: %w", l.Name, err)
	}
	go func() {
		// How it ended is of interest only if it should not have, and
		// then its output says more than the status.
		_ = l.Cmd.Wait()
		close(p.exited)
	}()
	if err := p.awaitReady(ctx, l.Answers); err != nil {
		p.Stop()
		return nil, fmt.Errorf("starting %s: %w\n%s", l.Name, err, p.Tail())
	}
	return p, nil
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// awaitReady asks until there is an answer.
func (p *Process) awaitReady(ctx context.Context, answers func(context.Context) error) error {
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
			return fmt.Errorf("no answer on %s: %w", p.Addr, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the process and its group, and waits for it.
func (p *Process) Stop() {
	// An error means that it has ended already.
	_ = syscall.Kill(-p.Cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
	}
	_ = syscall.Kill(-p.Cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

// Tail is the end of what the server has written.
func (p *Process) Tail() string {
	const most = 2000 // bytes: a few lines, or the head of a Go trace
	data, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(data[max(0, len(data)-most):]))
}
