//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"golang.org/x/sys/unix"
)

// manySource is the address that the idle connections come from: the ports of
// 127.0.0.1 alone would do for them, but hardly for what comes after.
const manySource = "127.0.0.2"

// spareFiles are the descriptors that this process needs beside connections.
const spareFiles = 200

// measureMany opens very many connections of which 1 % is active: those are
// h2load's, one stream each in a closed loop, so that the latency is the
// server's and not that of a client in Go. The others are held here; each of
// them must still answer at the end.
func measureMany(ctx context.Context, p *process, st *state) ([]value, error) {
	total, err := withinLimit(st.size.many)
	if err != nil {
		return nil, err
	}
	active := shape{conns: total / 100, streams: 1}
	st.res.note("Row %s: %s connections, %d of them active.", rowMany, grouped(float64(total), 0), active.conns)
	perConn, idle, err := holdIdle(ctx, p, st, manySource, total-active.conns)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := closeAll(idle); err != nil {
			log.Print(err)
		}
	}()
	body := bodies[1]
	url := "https://" + p.Addr + "/" + body.file()
	n, err := st.requests(ctx, rowMany, p.Name, active, url, st.size.manyLoad)
	if err != nil {
		return nil, err
	}
	values, err := measureLoad(ctx, p, body,
		func() (load, error) { return runH2load(ctx, active, url, n, "") },
		func() (time.Duration, error) { return h2loadP99(ctx, active, url, share(n, active, 0.1), st.site) })
	if err != nil {
		return nil, err
	}
	for i, c := range idle {
		if err := c.get(p.Addr, bodies[0]); err != nil {
			return nil, fmt.Errorf("idle connection %d of %d, after the load: %w", i, len(idle), err)
		}
	}
	return append(values, value{memoryPerConn, perConn}), nil
}

// withinLimit lowers n to the connections that this process, and a server with
// the same limit, has descriptors for.
func withinLimit(n int) (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("reading the limit of descriptors: %w", err)
	}
	if limit.Cur < 10*spareFiles {
		return 0, errors.New("the limit of descriptors is too low; raise it with ulimit -n")
	}
	if most := int(min(limit.Cur, 1<<30)) - spareFiles; most < n {
		log.Printf("many: %d connections in place of %d: ulimit -n is %d", most, n, limit.Cur)
		return most, nil
	}
	return n, nil
}
