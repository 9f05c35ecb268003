// Package origin is an HTTP/1.1 server on loopback behind the one that is attacked,
// which answers well or badly, as the path says: origins are attackers too, and what
// clients do at a cache needs one.
package origin

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// What it has, below the prefix that the server in front has it at.
const (
	Key    = "key/"   // another entry for each path, of EntrySize bytes
	Vary   = "vary"   // another variant for each x-value
	Slow   = "slow/"  // an entry for each path, after Pause
	Stall  = "stall"  // no answer
	Drip   = "drip"   // a byte each Pause, without end
	Flood  = "flood"  // content without end, as fast as it is read
	Heads  = "heads"  // fields without end
	Upload = "upload" // how many bytes came
)

// EntrySize is the content of an entry, in bytes.
const EntrySize = 4 << 10

// Pause is how slow what is slow is.
const Pause = 50 * time.Millisecond

// Server is one that listens.
type Server struct {
	Addr string // 127.0.0.1:port

	server http.Server
	busy   atomic.Int64
}

// Start starts an origin whose paths begin with prefix.
func Start(prefix string) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	s := &Server{Addr: l.Addr().String()}
	s.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.busy.Add(1)
		defer s.busy.Add(-1)
		answer(w, r, strings.TrimPrefix(r.URL.Path, prefix))
	})
	go func() { _ = s.server.Serve(l) }() // until Close
	return s, nil
}

// Busy is how many requests it is answering.
func (s *Server) Busy() int { return int(s.busy.Load()) }

// Close ends it with all its connections.
func (s *Server) Close() error { return s.server.Close() }

var entry = []byte(strings.Repeat("o", EntrySize))

func answer(w http.ResponseWriter, r *http.Request, path string) {
	what, _, deeper := strings.Cut(path, "/")
	if deeper {
		what += "/"
	}
	head := w.Header()
	switch what {
	case Key:
		head.Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(entry)
	case Vary:
		head.Set("Cache-Control", "max-age=3600")
		head.Set("Vary", "x-value")
		_, _ = w.Write(entry)
	case Slow:
		head.Set("Cache-Control", "max-age=3600")
		if pause(r) {
			_, _ = w.Write(entry)
		}
	case Stall:
		<-r.Context().Done()
	case Drip:
		for flush := http.NewResponseController(w); pause(r); {
			if _, err := w.Write(entry[:1]); err != nil || flush.Flush() != nil {
				return
			}
		}
	case Flood:
		for {
			if _, err := w.Write(entry); err != nil {
				return
			}
		}
	case Heads:
		heads(w)
	case Upload:
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return
		}
		head.Set("Cache-Control", "no-store")
		fmt.Fprint(w, n)
	default:
		http.NotFound(w, r)
	}
}

func pause(r *http.Request) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-time.After(Pause):
		return true
	}
}

// heads answers with fields until the other end has had enough of them.
func heads(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	for i := 0; err == nil; i++ {
		_, err = fmt.Fprintf(conn, "x-%d: %s\r\n", i, entry[:100])
	}
}
