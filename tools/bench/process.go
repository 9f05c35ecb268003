//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// The server has one core and the client another: neither takes time from the
// other, and a figure per core needs no division.
const (
	serverCore = 0
	clientCore = 1
)

// process is a running contender.
type process = servers.Process

// start runs c on a free port, pinned to the server's core, and waits until it
// answers.
func start(ctx context.Context, c contender, s *site) (*process, error) {
	addr, err := freeport.Address()
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
	return servers.Start(ctx, servers.Launch{Name: c.name, Addr: addr, Cmd: cmd, Output: filepath.Join(dir, "output"), Core: core, Answers: answers})
}

// awaitIdle waits until p uses next to no processor, so that what a
// measurement has caused is in it, and returns its processor time.
func awaitIdle(ctx context.Context, p *process) (time.Duration, error) {
	const (
		step  = 50 * time.Millisecond
		quiet = step / 50 // 2 % of a core: timers and the runtime's own threads
		limit = 60        // steps: a garbage collection of everything is done by then
	)
	last, err := machine.CPUTime(p.Cmd.Process.Pid)
	for range limit {
		if err != nil {
			return 0, err
		}
		if err := sleep(ctx, step); err != nil {
			return 0, err
		}
		var now time.Duration
		now, err = machine.CPUTime(p.Cmd.Process.Pid)
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
