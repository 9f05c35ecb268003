//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
)

// What the origin has for a soak: keys of contents that together are three times what
// the server has room for, so that it evicts all the while.
const (
	keys      = 10000
	leastSize = 8 << 10
	mostSize  = 120 << 10
	tags      = 50
)

// slowPath is before what takes a while, so that requests are in progress at once.
const (
	slowPath = "/slow/"
	slowness = 50 * time.Millisecond
)

const (
	// downFor is how long the origin is away at a time.
	downFor = time.Second

	// downGrace is how long the server may go on to say so: fetches that have waited
	// are given up, and an upstream that has failed is tried again.
	downGrace = 2 * time.Second

	// mostDowns bounds the spans that are kept: a request is at most a client's timeout
	// older than its outcome.
	mostDowns = 16
)

// origin is a server that stands behind the one that is tested, and goes away now and
// then. Its methods are safe for concurrent use.
type origin struct {
	addr    string
	content []byte

	mu       sync.Mutex
	listener net.Listener
	server   *http.Server
	downs    []span
}

func startOrigin() (*origin, error) {
	addr, err := freeport.Address()
	if err != nil {
		return nil, err
	}
	o := &origin{addr: addr, content: make([]byte, mostSize+keys)}
	rand.Read(o.content)
	return o, o.up()
}

func (o *origin) url() string { return "http://" + o.addr }

// up has it listen, again.
func (o *origin) up() error {
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("starting the origin: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listener, o.server = l, &http.Server{Handler: o}
	go func(s *http.Server) { _ = s.Serve(l) }(o.server) // until down
	if n := len(o.downs); n > 0 {
		o.downs[n-1].end = time.Now()
	}
	return nil
}

// down ends it with all its connections. It may be down.
func (o *origin) down() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.downs = append(o.downs, span{what: "origin down", begin: time.Now()})
	if len(o.downs) > mostDowns {
		o.downs = o.downs[1:]
	}
	// Nothing listens any more either way: and a server that has not begun to serve yet
	// does not know what to close.
	_ = errors.Join(o.listener.Close(), o.server.Close())
}

// excuses reports whether what failed with the origin, in that span, is its fault.
func (o *origin) excuses(begin, end time.Time, why string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return excused(o.downs, begin, end, why)
}

// Outcomes of requests whose origin is gone: before its answer, and within it, when all
// that the server can do is to break off, too.
var (
	unanswered = []string{"502", "503", "504", "status 502", "status 503", "status 504"}
	brokenOff  = []string{"reset: INTERNAL_ERROR", "length: ", "closed: by the server"}
)

// excused reports whether a request that ended so was under way while the origin was
// down, or for a grace after that, and ended as the server has to end it then. What was
// broken off was under way as the origin went down.
func excused(downs []span, begin, end time.Time, why string) bool {
	is := func(outcomes []string) bool {
		return slices.ContainsFunc(outcomes, func(outcome string) bool { return strings.HasPrefix(why, outcome) })
	}
	early, late := is(unanswered), is(brokenOff)
	for _, down := range downs {
		switch {
		case end.Before(down.begin):
		case early && (down.end.IsZero() || !begin.After(down.end.Add(downGrace))), late && !begin.After(down.begin):
			return true
		}
	}
	return false
}

// ServeHTTP answers a key with its content, and all else with how long the content was
// that came, which is never stored, so that each such request reaches it.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, ok := strings.CutPrefix(r.URL.Path, "/key/")
	if !ok {
		if strings.HasPrefix(r.URL.Path, slowPath) {
			time.Sleep(slowness)
		}
		countUpload(w, r)
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n >= keys {
		http.NotFound(w, r)
		return
	}
	head := w.Header()
	head.Set("Cache-Control", fmt.Sprintf("max-age=%d, stale-while-revalidate=5, stale-if-error=%d", 3+n%10, n%2*30))
	head.Set("ETag", fmt.Sprintf("%q", text))
	head.Set("Surrogate-Key", tagOf(n))
	head.Set("Content-Type", "application/octet-stream")
	size := leastSize + n*7919%(mostSize-leastSize) // of each size as many
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.content[n:n+size]))
}

func countUpload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, "the upload: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprint(w, n)
}

func tagOf(n int) string { return fmt.Sprintf("tag-%d", n%tags) }
