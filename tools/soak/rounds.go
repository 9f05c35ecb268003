//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

// window is the time before and after a reload in which latencies are compared.
const window = time.Second

// playRounds upgrades and reloads the server in turn, as often as was asked for.
func playRounds(ctx context.Context, o options, s *server, j *journal) error {
	for i := range max(o.restarts, o.reloads) {
		if i < o.restarts {
			err := j.during(fmt.Sprintf("upgrade %d", i+1), func() error { return s.upgrade(ctx, i) })
			if err != nil {
				return err
			}
		}
		if i < o.reloads {
			if err := reloadOnce(ctx, s, j, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// reloadOnce reloads the server between two windows, and notes how many
// connections it has closed in them.
func reloadOnce(ctx context.Context, s *server, j *journal, i int) error {
	pause(ctx, window)
	before, err := s.closed(ctx)
	if err != nil {
		return err
	}
	at := time.Now()
	if err := j.during(fmt.Sprintf("reload %d", i+1), func() error { return s.reload(ctx, i) }); err != nil {
		return err
	}
	pause(ctx, window)
	after, err := s.closed(ctx)
	if err != nil {
		return err
	}
	j.reload(at, int(after-before))
	return nil
}
