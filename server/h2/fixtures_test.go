package h2

import (
	"cmp"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// The frames that the scripts send.
var headers, data, block = h2peer.Headers, h2peer.Data, h2peer.Block

// get is a request without a body, post one whose body follows.
func get(id uint32, path string, more ...string) []byte {
	return headers(id, true, append(pseudo("GET", path), more...)...)
}

func post(id uint32, path string, more ...string) []byte {
	return headers(id, false, append(pseudo("POST", path), more...)...)
}

func pseudo(method, path string) []string { return h2peer.Request(method, "test", path) }

// stall is a handler that sends to p.entered and waits for p.release, or its
// request's end, and then answers with its path.
func stall(p *peer, w writer, r *http.Request) {
	p.entered <- r
	select {
	case <-p.release:
		_, _ = w.WriteString(r.URL.Path)
	case <-r.Context().Done():
	}
}

// missing is a stored response that is no success.
var missing = message.New(http.StatusNotFound, nil, []byte("none"), "", time.Time{})

// store is a message.Source by path, for GET and HEAD.
type store struct {
	mu     sync.Mutex
	m      map[string]*message.Response
	looks  int // calls of Look
	agains int
}

func stored(pairs ...any) *store {
	s := &store{m: make(map[string]*message.Response)}
	for pair := range slices.Chunk(pairs, 2) {
		s.put(pair[0].(string), pair[1].(string))
	}
	return s
}

func (s *store) put(path, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[path] = message.New(http.StatusOK, []hpack.Field{{Name: "content-type", Value: "text/plain"}}, []byte(body), `"`+strconv.Itoa(len(body))+`"`, time.Time{})
}

func (s *store) Look(l *message.Lookup, r *message.Request, _ time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	l.Key = append(l.Key[:0], r.Path...)
	if r.Method != "GET" && r.Method != "HEAD" {
		return false
	}
	l.Response, l.Repeatable = s.m[string(l.Key)], true
	return l.Response != nil
}

func (s *store) Again(l *message.Lookup, _ time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agains++
	l.Response = s.m[string(l.Key)]
	return l.Response != nil
}

func (s *store) counts() (looks, agains int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks, s.agains
}

// recorder starts an access log in a file of the test's, Combined unless cfg
// says otherwise.
func recorder(tb testing.TB, cfg access.Config, m *metrics.Hotpath) *access.Recorder {
	tb.Helper()
	cfg.Metrics, cfg.Log = m, slog.New(slog.DiscardHandler)
	if cfg.Format == "" {
		cfg.Format = access.Combined
	}
	if cfg.File == "" {
		cfg.File = filepath.Join(tb.TempDir(), "access.log")
	}
	r, err := access.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// filled are limits with what a test does not care about.
func filled(l Limits) Limits {
	return Limits{
		Streams:       cmp.Or(l.Streams, 250),
		HeaderBytes:   cmp.Or(l.HeaderBytes, 16<<10),
		HeaderFields:  cmp.Or(l.HeaderFields, 128),
		Continuations: cmp.Or(l.Continuations, 8),
		BodyBytes:     cmp.Or(l.BodyBytes, 16<<20),
		OutputBytes:   cmp.Or(l.OutputBytes, 256<<10),
		Resets:        cmp.Or(l.Resets, 200),
		ResetsPerSec:  cmp.Or(l.ResetsPerSec, 33),
		Control:       cmp.Or(l.Control, 1000),
		ControlPerSec: cmp.Or(l.ControlPerSec, 100),
		ControlQueue:  cmp.Or(l.ControlQueue, 1000),
		Head:          cmp.Or(l.Head, 10*time.Second),
		Idle:          cmp.Or(l.Idle, time.Minute),
		Progress:      cmp.Or(l.Progress, 30*time.Second),
		TunnelIdle:    cmp.Or(l.TunnelIdle, 10*time.Minute),
		Quantum:       cmp.Or(l.Quantum, 30<<10),
	}
}
