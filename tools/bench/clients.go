//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
)

// measureClients has a million clients ask once each, by the addresses that a trusted
// proxy names, and reads what a server with limits remembers of them.
func measureClients(ctx context.Context, p *process, st *state) ([]value, error) {
	if _, err := awaitIdle(ctx, p); err != nil {
		return nil, err
	}
	before, err := machine.Memory(p.Cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	const conns = 4
	failed := make([]error, conns)
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() { failed[i] = askAs(ctx, p.Addr, i*knownClients/conns, (i+1)*knownClients/conns) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	if err := sleep(ctx, st.size.settle); err != nil {
		return nil, err
	}
	after, err := machine.Memory(p.Cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	return []value{{memoryGrowth, float64(after-before) / 1024}}, nil
}

// askAs asks, over one connection of HTTP/1.1 and without waiting for answers in
// between, as the clients from first to before end.
func askAs(ctx context.Context, addr string, first, end int) error {
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}} // as for clientTLS
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		var b bytes.Buffer
		for i := first; i < end; i++ {
			fmt.Fprintf(&b, "GET /%s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 10.%d.%d.%d\r\n\r\n", bodies[0].file(), addr, i>>16&255, i>>8&255, i&255)
			if b.Len() < 16<<10 && i+1 < end {
				continue
			}
			if _, err := conn.Write(b.Bytes()); err != nil {
				sent <- err
				return
			}
			b.Reset()
		}
		sent <- nil
	}()
	r := bufio.NewReaderSize(conn, 64<<10)
	for i := first; i < end; i++ {
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("client %d: %w", i, err)
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("client %d: %s", i, answer.Status)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return fmt.Errorf("client %d: %w", i, err)
		}
	}
	return <-sent
}
