package message

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// Handler is the slow path: it answers every request that the fast path did
// not. Serve has a goroutine of its own and may block; ctx ends when the client
// is gone, or does not expect an answer any more. When Serve returns, the
// exchange is over, but for a response that was given to the connection whole
// ([Reply.Send], [Reply.Follow]). A panic is answered with 500, or breaks the
// response off.
type Handler interface {
	Serve(ctx context.Context, x *Exchange)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, x *Exchange)

// Serve calls f.
func (f HandlerFunc) Serve(ctx context.Context, x *Exchange) { f(ctx, x) }

// Exchange is one request and the way of its answer. It belongs to the
// handler, with all that it refers to.
type Exchange struct {
	Request

	// Body is the request's content, nil if it has none. Length is its size
	// in bytes: 0 if there is none, -1 if only its end shows. Trailers
	// returns the trailer fields once Body has returned io.EOF.
	Body     io.ReadCloser
	Length   int64
	Trailers func() []hpack.Field

	// Upgrade is the protocol of a request that asks for a tunnel: the
	// Upgrade field of HTTP/1.1, or the :protocol of an extended CONNECT
	// (RFC 8441). "" for any other request.
	Upgrade string

	// Key and Policy are what [Source.Look] found out; "" and nil for a
	// request that was not looked up, as one with content.
	Key    string
	Policy fmt.Stringer

	Proto Proto
	Peer  net.Addr                   // the other end of the connection
	Local func() net.Addr            // ours: a system call, for the few that need it
	TLS   func() tls.ConnectionState // nil without TLS

	// Trace is the request's trace; nil: it is not traced.
	Trace *traces.Request

	// Account is what the access log is to have of the exchange; nil: nothing
	// more than the engine has.
	Account *Account

	// Share is what the exchanges of its connection take in memory; nil: that is not
	// counted.
	Share *memory.Share

	Reply Reply
}

// PeerAddr is the address of the peer; zero if it has no IP address. The client
// may be another, behind it: see [Request].
func (x *Exchange) PeerAddr() netip.AddrPort {
	var a netip.AddrPort
	switch peer := x.Peer.(type) {
	case *net.TCPAddr:
		a = peer.AddrPort()
	case *net.UDPAddr: // QUIC
		a = peer.AddrPort()
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Proto is the version of HTTP that a client speaks.
type Proto uint8

const (
	HTTP10 Proto = iota
	HTTP11
	HTTP2
	HTTP3
)

// String returns the version as a Via field has it (RFC 9110 §7.6.3).
func (p Proto) String() string {
	return [...]string{HTTP10: "1.0", HTTP11: "1.1", HTTP2: "2.0", HTTP3: "3.0"}[p]
}

// Multiplexed reports whether one connection may carry requests for hosts that
// its handshake did not name, if its certificate does (RFC 9113 §9.1.1, RFC 9114
// §3.3).
func (p Proto) Multiplexed() bool { return p >= HTTP2 }

// Outcome is how the cache took part in an answer.
type Outcome struct {
	Result metrics.CacheResult
	Served rfc9111.Reason // why the cache answered, or did not
	Kept   rfc9111.Reason // why the origin's answer was not stored; None or Stored
	Status string         // value of the Cache-Status field (RFC 9211); "" for none

	// Tally is what the answer counts in beside the metrics; nil: nothing.
	Tally *metrics.Tally
}

// Count counts the reasons of a request that was not a hit.
func (o *Outcome) Count(m *metrics.Hotpath, s metrics.Stripe) {
	if o.Served != rfc9111.None {
		m.Reasons.Add(s, metrics.Reason(o.Served), 1)
	}
	if o.Kept != rfc9111.None {
		m.Reasons.Add(s, metrics.Reason(o.Kept), 1)
	}
}

// Head is the head of a final response that is written piece by piece. Names
// are in lower case. Date and Server are added if they are missing;
// content-length is Length's, and hop-by-hop fields are the engine's.
type Head struct {
	Status int
	Fields []hpack.Field
	Length int64 // of the content in bytes; -1 if only its end shows

	// Unnamed leaves out Server if it is missing.
	Unnamed bool
}

// Reply is the way of an answer to its connection. Its methods are for the
// handler's goroutine. The answer is one of: Send; Follow; Tunnel; or any
// number of Inform, then Head, Writes and End. An error means that the client
// is gone, or that the response is not what Head declared: the handler returns.
type Reply interface {
	// Explain notes how the cache took part, before the answer: the last call
	// counts. Without one the request counts as [metrics.Bypass].
	Explain(Outcome)

	// Send answers with a whole response. For HEAD its content is left out.
	Send(*Response)

	// Follow answers with the head of r and the content that f reads, as it
	// grows. f is the connection's from then on.
	Follow(r *Response, f *Follower)

	// Inform sends an informational response (RFC 9110 §15.2) at once.
	Inform(status int, fields []hpack.Field) error

	// Head begins a response. It leaves with the first of its content, or
	// with Flush.
	Head(Head) error

	// Write adds to the content. It waits while the client takes less than
	// the handler writes.
	Write(p []byte) (int, error)

	// Flush sends what was written, the head at least.
	Flush() error

	// End completes the response. It is an error if the content is shorter
	// than declared: the response is broken off then.
	End(trailers []hpack.Field) error

	// Abort breaks the response off so that the client sees it; if its head
	// is not sent, it becomes a 500.
	Abort()

	// Tunnel agrees to an upgrade and returns the client's side of it.
	Tunnel(status int, fields []hpack.Field) (io.ReadWriteCloser, error)

	// SetReadDeadline and SetWriteDeadline bound how long a read of the
	// request's Body and a Write may wait; the zero time for no bound but
	// the connection's own.
	SetReadDeadline(time.Time)
	SetWriteDeadline(time.Time)
}
