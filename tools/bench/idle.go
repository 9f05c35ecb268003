//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/e0ac7cd4/hotpath/internal/machine"
)

// openers open connections at the same time: enough that the server is never
// without a handshake to do, few enough for any backlog.
const openers = 8

// measureIdle opens connections that have fetched something and now wait, and
// reads what they have added to the server's memory.
func measureIdle(ctx context.Context, p *process, st *state) ([]value, error) {
	perConn, conns, err := holdIdle(ctx, p, st, "", st.size.idle)
	if err != nil {
		return nil, err
	}
	return []value{{memoryPerConn, perConn}}, closeAll(conns)
}

// holdIdle opens n connections and returns them with the KiB that each takes
// at the server, once it has settled.
func holdIdle(ctx context.Context, p *process, st *state, source string, n int) (float64, []*h2Conn, error) {
	if _, err := awaitIdle(ctx, p); err != nil {
		return 0, nil, err
	}
	before, err := machine.Memory(p.Cmd.Process.Pid)
	if err != nil {
		return 0, nil, err
	}
	conns, err := openMany(ctx, p.Addr, source, n)
	if err != nil {
		return 0, nil, err
	}
	if err := sleep(ctx, st.size.settle); err != nil {
		return 0, nil, errors.Join(err, closeAll(conns))
	}
	after, err := machine.Memory(p.Cmd.Process.Pid)
	if err != nil {
		return 0, nil, errors.Join(err, closeAll(conns))
	}
	return float64(after-before) / float64(n), conns, nil
}

// openMany opens n connections, each with one exchange of the smallest body.
func openMany(ctx context.Context, addr, source string, n int) ([]*h2Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conns := make([]*h2Conn, n)
	var wg sync.WaitGroup
	for first := range openers {
		wg.Go(func() {
			for i := first; i < n; i += openers {
				c, err := openConn(ctx, addr, source, bodies[0])
				if err != nil {
					cancel(fmt.Errorf("opening %d connections: %w", n, err))
					return
				}
				conns[i] = c
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, errors.Join(err, closeAll(conns))
	}
	return conns, nil
}

// closeAll closes what has been opened.
func closeAll(conns []*h2Conn) error {
	var errs []error
	for _, c := range conns {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}
