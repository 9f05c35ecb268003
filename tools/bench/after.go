//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// rowAfter is about connections that have asked for rare things.
const rowAfter = "after-h1"

const (
	afterConns = 16
	// afterWarm is how many hits a connection has before it is measured.
	afterWarm = 8
)

// measureAfter compares the processor time of a hit on HTTP/1.1 connections that
// have asked for a range, sent a POST and missed before, with that of a hit on
// fresh ones. Both kinds are measured by turns, so that they meet the same
// machine; handshakes are not in it.
func measureAfter(ctx context.Context, p *process, st *state) ([]value, error) {
	var conns [2][]*h1Conn
	defer func() {
		for _, c := range append(conns[0], conns[1]...) {
			_ = c.tls.Close() // all is measured
		}
	}()
	hit := placeHit + bodies[1].file()
	for kind := range conns {
		for range afterConns {
			c, err := openH1(ctx, p.Addr)
			if err != nil {
				return nil, err
			}
			conns[kind] = append(conns[kind], c)
			if kind == 1 {
				for _, head := range []string{
					"GET " + hit + " HTTP/1.1\r\nHost: " + p.Addr + "\r\nRange: bytes=0-9\r\n\r\n",
					"POST " + placeMiss + " HTTP/1.1\r\nHost: " + p.Addr + "\r\nContent-Length: 3\r\n\r\nabc",
					"GET " + placeMiss + bodies[1].file() + " HTTP/1.1\r\nHost: " + p.Addr + "\r\n\r\n",
				} {
					if _, err := c.exchange(head); err != nil {
						return nil, err
					}
				}
			}
			if err := c.hits(p.Addr, hit, afterWarm); err != nil {
				return nil, err
			}
		}
	}
	var spent [2]time.Duration
	const turns = 4
	for range turns {
		for kind := range conns {
			before, err := awaitIdle(ctx, p)
			if err != nil {
				return nil, err
			}
			var wg sync.WaitGroup
			errs := make([]error, afterConns)
			for i, c := range conns[kind] {
				wg.Go(func() { errs[i] = c.hits(p.Addr, hit, st.size.hits) })
			}
			wg.Wait()
			after, err := awaitIdle(ctx, p)
			if err != nil {
				return nil, err
			}
			for _, err := range errs {
				if err != nil {
					return nil, err
				}
			}
			spent[kind] += after - before
		}
	}
	return []value{
		{cpuPerRequest, microseconds(spent[1]) / float64(turns*afterConns*st.size.hits)},
		{cpuAfterRare, float64(spent[1]) / float64(spent[0])},
	}, nil
}

// h1Conn is a client's end of an HTTP/1.1 connection with one exchange at a time.
type h1Conn struct {
	tls *tls.Conn
	in  *bufio.Reader
}

func openH1(ctx context.Context, addr string) (*h1Conn, error) {
	security := clientTLS.Clone()
	security.NextProtos = []string{"http/1.1"}
	dialer := tls.Dialer{Config: security}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &h1Conn{tls: conn.(*tls.Conn), in: bufio.NewReader(conn)}, nil
}

// exchange sends a request and reads the whole response.
func (c *h1Conn) exchange(request string) (*http.Response, error) {
	if err := c.tls.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c.tls, request); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, err
}

// hits makes n exchanges that must be answered 200, one after the other.
func (c *h1Conn) hits(addr, path string, n int) error {
	request := "GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n"
	for range n {
		resp, err := c.exchange(request)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, resp.Status)
		}
	}
	return nil
}
