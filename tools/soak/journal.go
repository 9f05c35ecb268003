//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// span is a time in which something was done to the server.
type span struct {
	what       string
	begin, end time.Time // a zero end: it goes on
}

// client is what came of a client's requests.
type client struct {
	name     string
	requests int
	again    int            // times that a request was sent once more, as RFC 9113 §8.7 allows
	excused  int            // that failed because the origin was away
	failed   map[string]int // by why
}

// failures is the sum of all kinds.
func (c *client) failures() (n int) {
	for _, count := range c.failed {
		n += count
	}
	return n
}

// hit is the response to one, in the little that millions of them may take.
type hit struct {
	ended   uint32 // milliseconds since the journal's begin
	latency uint32 // microseconds
}

// change is what a reload did to hits and connections.
type change struct {
	at     time.Time
	closed int // connections, by the server
}

// journal is what came of all requests. Its methods are safe for concurrent use.
type journal struct {
	begin time.Time

	mu      sync.Mutex
	out     io.Writer
	printed int
	spans   []span
	clients []*client
	hits    []hit
	reloads []change
}

func newJournal(out io.Writer) *journal { return &journal{begin: time.Now(), out: out} }

// client adds one.
func (j *journal) client(name string) *client {
	c := &client{name: name, failed: make(map[string]int)}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.clients = append(j.clients, c)
	return c
}

// done counts requests that were answered, and how often one was sent again.
func (j *journal) done(c *client, requests, again int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.requests += requests
	c.again += again
}

// excuse counts a request that failed because the origin was away.
func (j *journal) excuse(c *client) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.requests++
	c.excused++
}

// sums are those of all clients.
func (j *journal) sums() (requests, failed int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.clients {
		requests += c.requests
		failed += c.failures()
	}
	return requests, failed
}

// unserved are the clients of which no request succeeded.
func (j *journal) unserved() (names []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.clients {
		if c.requests <= c.excused+c.failures() {
			names = append(names, c.name)
		}
	}
	return names
}

// mostPrinted is how many failures are printed: what a server that is down
// causes would hide them all.
const mostPrinted = 200

// failure counts and prints a request that failed at a moment.
func (j *journal) failure(c *client, at time.Time, why string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.requests++
	c.failed[why]++
	if j.printed++; j.printed > mostPrinted {
		return
	}
	fmt.Fprintf(j.out, "%s (%.3f s): %s: %s; %s\n", at.Format("15:04:05.000"), at.Sub(j.begin).Seconds(), c.name, why, j.meanwhile(at))
}

// meanwhile says what was being done to the server at a moment, or what was done
// last before it.
func (j *journal) meanwhile(at time.Time) string {
	var last span
	var open []string
	for _, s := range j.spans {
		switch {
		case s.begin.After(at):
		case s.end.IsZero() || s.end.After(at):
			open = append(open, fmt.Sprintf("%.3f s after the begin of %s", at.Sub(s.begin).Seconds(), s.what))
		case s.end.After(last.end):
			last = s
		}
	}
	switch {
	case len(open) > 0:
		return strings.Join(open, ", ")
	case last.what != "":
		return fmt.Sprintf("%.3f s after the end of %s", at.Sub(last.end).Seconds(), last.what)
	}
	return "before anything was done"
}

// during does something to the server, and notes when.
func (j *journal) during(what string, do func() error) error {
	j.mu.Lock()
	i := len(j.spans)
	j.spans = append(j.spans, span{what: what, begin: time.Now()})
	j.mu.Unlock()
	err := do()
	j.mu.Lock()
	j.spans[i].end = time.Now()
	j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// hit counts a hit that ended at a moment.
func (j *journal) hit(c *client, at time.Time, latency time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.requests++
	j.hits = append(j.hits, hit{uint32(at.Sub(j.begin).Milliseconds()), uint32(latency.Microseconds())})
}

// reload notes one.
func (j *journal) reload(at time.Time, closed int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.reloads = append(j.reloads, change{at, closed})
}

// clean reports whether everything was served and no reload closed a connection.
func (j *journal) clean() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !slices.ContainsFunc(j.clients, func(c *client) bool { return c.failures() > 0 || c.requests == 0 }) &&
		!slices.ContainsFunc(j.reloads, func(r change) bool { return r.closed > 0 })
}
