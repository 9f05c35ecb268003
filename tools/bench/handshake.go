//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// shakers make handshakes at the same time, each one after the other.
const shakers = 4

// measureHandshakes makes full TLS 1.3 handshakes and reads what they cost the
// server: accept, handshake, session tickets, close.
func measureHandshakes(ctx context.Context, p *process, st *state) ([]value, error) {
	spent, err := spentOnHandshakes(ctx, p, st.size.handshakes, func(int) string { return "localhost" })
	if err != nil {
		return nil, err
	}
	return []value{{cpuPerHandshake, spent}}, nil
}

// spentOnHandshakes is the processor time of n handshakes, in µs for each; the ith is
// for serverName(i).
func spentOnHandshakes(ctx context.Context, p *process, n int, serverName func(i int) string) (float64, error) {
	before, err := awaitIdle(ctx, p)
	if err != nil {
		return 0, err
	}
	n -= n % shakers
	failed := make([]error, shakers)
	var wg sync.WaitGroup
	for i := range shakers {
		wg.Go(func() {
			for k := range n / shakers {
				if err := shake(ctx, p.Addr, serverName(k*shakers+i)); err != nil {
					failed[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return 0, err
	}
	after, err := awaitIdle(ctx, p)
	return microseconds(after-before) / float64(n), err
}

// shake makes one handshake and ends the connection in order: with a
// close_notify and a FIN, and the server's end read, so that no server meets a
// reset.
func shake(ctx context.Context, addr, serverName string) error {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	c, err := dialTLS(ctx, addr, "", serverName)
	if err != nil {
		return err
	}
	defer c.Close()
	if state := c.ConnectionState(); state.Version != tls.VersionTLS13 || state.DidResume {
		return fmt.Errorf("not a full TLS 1.3 handshake: %s, resumed: %v", tls.VersionName(state.Version), state.DidResume)
	}
	if err := errors.Join(c.CloseWrite(), c.NetConn().(*net.TCPConn).CloseWrite()); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	if err := c.SetReadDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		return fmt.Errorf("reading to the server's end: %w", err)
	}
	return nil
}
