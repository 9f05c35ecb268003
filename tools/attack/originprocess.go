//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
)

// originCommand has this program be the origin, and idleOrigin one that runs while no
// other process would.
const (
	originCommand = "origin"
	idleOrigin    = "idle-origin"
)

// closing is how long the origin may take to end.
const closing = 5 * time.Second

// serveOrigin is that process: it writes its address, and then for each line that it
// reads how many requests it is answering. It ends with what it reads.
func serveOrigin(in io.Reader, out io.Writer, idle bool) error {
	if idle {
		if err := machine.IdleSelf(); err != nil {
			return err
		}
	}
	s, err := origin.Start(originPath)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, s.Addr)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		fmt.Fprintln(out, s.Busy())
	}
	return s.Close()
}

// originProcess is the origin, in a process of its own on the clients' core. It is an
// accomplice of the attackers: what it takes of the core is not to be missing to the good
// client. So if that client's p99 has a bar, it runs while no other would, as they do.
type originProcess struct {
	addr string // 127.0.0.1:port
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// startOrigin starts it; it ends with ctx.
func startOrigin(ctx context.Context, idle bool) (*originProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	command := originCommand
	if idle {
		command = idleOrigin
	}
	cmd := exec.CommandContext(ctx, self, command)
	cmd.Stderr, cmd.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	if err := machine.StartPinned(cmd, clientCore()); err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	o := &originProcess{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if o.addr, err = o.line(); err != nil {
		return nil, errors.Join(fmt.Errorf("the origin's address: %w", err), o.close())
	}
	return o, nil
}

func (o *originProcess) line() (string, error) {
	text, err := o.out.ReadString('\n')
	return strings.TrimSuffix(text, "\n"), err
}

// busy is how many requests it is answering.
func (o *originProcess) busy() (int, error) {
	_, err := io.WriteString(o.in, "\n")
	text := ""
	if err == nil {
		text, err = o.line()
	}
	if err != nil {
		return 0, fmt.Errorf("asking the origin for what it is answering: %w", err)
	}
	return strconv.Atoi(text)
}

func (o *originProcess) close() error {
	defer time.AfterFunc(closing, func() { _ = o.cmd.Process.Kill() }).Stop()
	return errors.Join(o.in.Close(), o.cmd.Wait())
}
