package h3

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// errStalled is the end of a stream whose peer is too slow.
var errStalled = fmt.Errorf("h3: the client made no progress: %w", http.ErrHandlerTimeout)

// writePart is how much is given to quic-go at once, in bytes: what it has taken of
// that counts as sent.
const writePart = 64 << 10

// paceMark is what a stream has moved, less than a quantum, and what its connection
// had moved when it began to.
type paceMark struct{ own, conn int64 }

// write sends p. It waits while the peer takes less than that, as long as the peer
// takes Quantum bytes in each Progress: of this stream or, if many wait on a
// connection that is slower, of all of them.
func (s *stream) write(p []byte) error {
	s.conn.waiting.Add(1)
	defer s.conn.waiting.Add(-1)
	now := time.Now()
	s.out.Wait(now)
	for len(p) > 0 {
		due, _ := s.out.Due(now)
		if err := s.quic.SetWriteDeadline(due); err != nil {
			return err
		}
		n, err := s.quic.Write(p[:min(len(p), writePart)])
		now = time.Now()
		p = p[n:]
		if n > 0 {
			s.took(n, now)
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if _, broken := s.out.Due(now); !broken || len(p) == 0 {
			continue
		}
		if tooSlow(s.mark.own, s.conn.moved()-s.mark.conn, s.conn.waiting.Load(), int64(s.conn.cfg.Limits.Quantum)) {
			s.conn.limit(metrics.LimitWriteTimeout)
			s.breakOff(codeRequestCancelled, errStalled)
			return errStalled
		}
		s.out.Restart()
		s.out.Wait(now)
		s.mark = paceMark{0, s.conn.moved()}
	}
	s.out.Pause(now)
	return nil
}

// took notes n bytes that quic-go has taken: it sends them, or has.
func (s *stream) took(n int, now time.Time) {
	s.out.Moved(n, now)
	if s.mark.own += int64(n); s.mark.own >= int64(s.conn.cfg.Limits.Quantum) {
		s.mark = paceMark{0, s.conn.moved()}
	}
	s.conn.flies(n)
	s.ticket.Moved(n)
}

// moved is what the connection has sent that has arrived, or may yet, in bytes.
func (c *Conn) moved() int64 {
	s := c.quic.ConnectionStats()
	return int64(s.BytesSent) - int64(s.BytesLost)
}

// tooSlow reports whether a stream is to be cut that has moved own bytes in its
// time, in which its connection has moved all, with waiting streams. quic-go serves
// streams in turn, so that a connection which is slow gives each an even share: half
// of that is enough. A peer that takes nothing of a stream, though it takes others,
// keeps its window shut.
func tooSlow(own, all, waiting, quantum int64) bool {
	if all < quantum {
		return true
	}
	share := all / max(1, waiting) / 2
	return own == 0 || own < min(share, quantum)
}

// writeContent sends a part of the answer's content.
func (s *stream) writeContent(p []byte) error {
	for len(p) > 0 {
		part := p[:min(len(p), writePart)]
		if err := s.write(part); err != nil {
			return err
		}
		p = p[len(part):]
		s.mu.Lock()
		s.sent += int64(len(part))
		s.mu.Unlock()
	}
	return nil
}
