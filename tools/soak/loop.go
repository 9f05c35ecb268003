//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// clients are all that ask the server.
type clients struct {
	cancel context.CancelFunc
	loops  sync.WaitGroup
	stops  []func()
}

// startClients starts the loads, and a loop for each client that the machine has.
func startClients(ctx context.Context, s *server, j *journal, o options) (*clients, error) {
	if err := os.WriteFile(s.file("upload"), make([]byte, uploadSize), 0o600); err != nil {
		return nil, err
	}
	loadgen, err := buildLoadgen(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	loops, err := goLoops(s)
	if err != nil {
		return nil, err
	}
	programs, err := programLoops(ctx, s, j, o.java)
	if err != nil {
		return nil, err
	}
	loops = append(loops, programs...)
	ctx, cancel := context.WithCancel(ctx)
	all := &clients{cancel: cancel}
	for _, l := range loads(s, o.rate) {
		stop, err := l.start(loadgen, s, j, j.client(l.name))
		if err != nil {
			all.stop()
			return nil, fmt.Errorf("starting %s: %w", l.name, err)
		}
		all.stops = append(all.stops, stop)
	}
	for _, l := range loops {
		c := j.client(l.name)
		for range l.workers {
			all.loops.Go(func() {
				for ctx.Err() == nil {
					l.once(ctx, j, c)
					pause(ctx, rand.N(2*l.rest+1))
				}
			})
		}
	}
	return all, nil
}

// stop ends all clients, and waits for the requests that are in flight.
func (c *clients) stop() {
	c.cancel()
	c.loops.Wait()
	for _, stop := range c.stops {
		stop()
	}
}

// loop is a client that asks, rests and asks again.
type loop struct {
	name    string
	workers int
	rest    time.Duration // mean of a time by chance
	once    func(context.Context, *journal, *client)
}

// Rests of a client that is busy, but leaves the machine to the load at a fixed rate,
// and of one that is idle for longer than a drain waits for the next request on a
// connection of HTTP/1.1.
const (
	busy = 20 * time.Millisecond
	lazy = 400 * time.Millisecond
)

// goLoops are net/http's client, busy and lazy, with each protocol: hits, misses
// and uploads in turn.
func goLoops(s *server) (loops []loop, err error) {
	pem, err := os.ReadFile(s.file("cert.pem"))
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	for _, http1 := range []bool{false, true} {
		protocols, name := new(http.Protocols), "HTTP/2"
		if http1 {
			name = "HTTP/1.1"
		}
		protocols.SetHTTP1(http1)
		protocols.SetHTTP2(!http1)
		for _, rest := range []time.Duration{busy, lazy} {
			how := map[time.Duration]string{busy: "busy", lazy: "lazy"}[rest]
			get := &http.Client{Timeout: patience, Transport: &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: trusted}, Protocols: protocols, MaxIdleConnsPerHost: 8,
			}}
			loops = append(loops, loop{"net/http " + name + ", " + how, 3, rest, func(_ context.Context, j *journal, c *client) {
				if err := oneOfThree(get, s); err != nil {
					j.failure(c, time.Now(), err.Error())
				} else {
					j.done(c, 1, 0)
				}
			}})
		}
	}
	return loops, nil
}

// oneOfThree sends a hit, a miss or an upload. It is not ended early: it would be a
// failure that is none.
func oneOfThree(get *http.Client, s *server) (err error) {
	kind := [3]struct {
		method, url string
		upload      int
	}{
		{"GET", s.filesURL() + fileName(0), 0},
		{"GET", s.upstreamURL() + "/miss", 0},
		{"POST", s.upstreamURL() + "/upload", uploadSize},
	}[rand.N(3)]
	r, err := http.NewRequest(kind.method, kind.url, strings.NewReader(strings.Repeat("u", kind.upload)))
	if err != nil {
		return err
	}
	// An upload that crosses with the end of an idle connection of HTTP/1.1 gets no
	// answer, and may be sent again only if it says so (RFC 9112 §9.3.1): net/http takes
	// this field for that, and does not send it if it has no value.
	r.Header["Idempotency-Key"] = nil
	answer, err := get.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	got, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", kind.method, kind.url, err)
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%s %s: %s", kind.method, kind.url, answer.Status)
	case strings.HasPrefix(kind.url, s.filesURL()):
		if len(got) != fileSize {
			return fmt.Errorf("%s %s: %d bytes, want %d", kind.method, kind.url, len(got), fileSize)
		}
	case string(got) != fmt.Sprint(kind.upload):
		return fmt.Errorf("%s %s: %q, want %d", kind.method, kind.url, got, kind.upload)
	}
	return nil
}
