package listen

import (
	"fmt"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// station is where a connection is on its way, and with it what bounds how long
// it stays there. From each it may be closed.
//
//	greeting ──▶ queueing ──▶ agreeing ─┬─▶ onH2
//	    └──▶ refusing                   └─▶ onH1
type station uint8

const (
	greeting station = iota // its ClientHello is awaited, and a PROXY header before it if it is to bring one: for Config.HelloTimeout
	refusing                // it came without TLS, and is answered: for Config.HelloTimeout, then as the wire ends
	queueing                // for a place among the handshakes: for Config.HandshakeTimeout
	agreeing                // on TLS: for Config.HandshakeTimeout, or clientTime if others wait
	onH1                    // see the states of package h1
	onH2                    // see the waits of package h2
	stations                // how many there are
)

func (s station) String() string {
	return [stations]string{"greeting", "refusing", "queueing", "agreeing", "on HTTP/1.1", "on HTTP/2"}[s]
}

// leads says which stations may come after one.
var leads = [stations][]station{
	greeting: {refusing, queueing},
	refusing: nil,
	queueing: {agreeing},
	agreeing: {onH1, onH2},
	onH1:     nil,
	onH2:     nil,
}

// state is what a connection at s is counted as.
func (s station) state() metrics.ConnState {
	switch s {
	case onH1:
		return metrics.StateH1
	case onH2:
		return metrics.StateH2
	}
	return metrics.StateHandshake
}

// enter makes c go on to next.
func (s *Server) enter(c *conn, next station) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range leads[c.at] {
		if l == next {
			s.cfg.Metrics.Connections.Add(c.stripe, c.at.state(), -1)
			s.cfg.Metrics.Connections.Add(c.stripe, next.state(), 1)
			c.at = next
			return
		}
	}
	panic(fmt.Sprintf("listen: %v after %v", next, c.at))
}
