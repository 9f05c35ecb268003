package h2

// tunnelState is how far a stream is a tunnel (RFC 8441 §5):
//
//	noTunnel     asked ── 200 ──▶ open ── the handler has returned ──▶ left
//	               └── any other answer: an ordinary response
//
// The two directions of an open tunnel end one by one. Neither ends the stream
// for its handler, which may still have to pass on what came before; so the
// stream counts as open until both have ended and the handler has returned. How
// long that takes is bounded by the handler, and by the idle limit.
type tunnelState uint8

const (
	noTunnel    tunnelState = iota
	tunnelAsked             // an extended CONNECT that is not answered
	tunnelOpen              // DATA frames are the bytes of another protocol
	tunnelLeft              // nothing is read any more; what was written goes out
)

// openTunnel begins a tunnel: the handler agrees.
func (c *Conn) openTunnel(s *stream) { s.tunnel, s.moved = tunnelOpen, c.now }

// endTunnelOutput notes that our side of a tunnel has ended. The peer's may go on.
func (c *Conn) endTunnelOutput(s *stream) { s.sendDone, s.moved = true, c.now }

// leftTunnel notes that the handler of a tunnel has returned.
func (c *Conn) leftTunnel(s *stream) {
	if s.tunnel != tunnelOpen {
		return
	}
	s.tunnel = tunnelLeft
	if s.sendDone {
		c.finish(s)
	}
}
