package admin

import (
	"container/list"
	"net"
	"net/http"
	"sync"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// MaxConns is how many connections may be open at once: all readers of the live
// page's stream, scrapes, and the six connections that a browser opens, of several
// people each.
const MaxConns = 64

// conns are the open connections, of which there may be MaxConns. Beyond, the
// one that has waited longest for a request is closed for a new one, so that
// idle ones do not shut an operator out; if all are at a request, the new one is
// closed.
type conns struct {
	metrics *metrics.Hotpath // nil: not counted

	mu     sync.Mutex
	open   map[net.Conn]*open
	idle   list.List // of *open without a request; the longest first
	closed bool      // connections that have asked for nothing are closed
}

// open is a connection that holds a place.
type open struct {
	net.Conn
	waits *list.Element // in conns.idle; nil: it is at a request
	asked bool          // it has had a request
}

// connState is a server's [http.Server.ConnState].
func (s *conns) connState(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.open[c]
	switch {
	case state == http.StateNew:
		s.admit(c)
	case o == nil: // closed here already
	case state == http.StateActive:
		s.idle.Remove(o.waits)
		o.waits, o.asked = nil, true
	case state == http.StateIdle:
		o.waits = s.idle.PushBack(o)
	default:
		s.drop(o)
	}
}

func (s *conns) admit(c net.Conn) {
	if s.closed {
		c.Close()
		return
	}
	if len(s.open) == MaxConns {
		if s.metrics != nil {
			s.metrics.AdminRefused.Add(s.metrics.Stripe(), 1)
		}
		longest := s.idle.Front()
		if longest == nil {
			c.Close()
			return
		}
		o := longest.Value.(*open)
		s.drop(o)
		o.Close()
	}
	if s.open == nil {
		s.open = make(map[net.Conn]*open, MaxConns)
	}
	o := &open{Conn: c}
	o.waits = s.idle.PushBack(o)
	s.open[c] = o
	s.count()
}

// drop takes a connection's place from it.
func (s *conns) drop(o *open) {
	if o.waits != nil {
		s.idle.Remove(o.waits)
		o.waits = nil
	}
	delete(s.open, o.Conn)
	s.count()
}

func (s *conns) count() {
	if s.metrics != nil {
		s.metrics.AdminConnections.Set(int64(len(s.open)))
	}
}

// closeSilent closes the connections that have not yet asked for anything, and
// those to come. Browsers open such in advance, and [http.Server.Shutdown] waits
// 5 seconds for each.
func (s *conns) closeSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, o := range s.open {
		if !o.asked {
			s.drop(o)
			o.Close()
		}
	}
}
