package origin

import (
	"io"
	"net/netip"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// Request is what an origin is asked. It and all that it refers to belong to
// the fetch until Fetch returns.
type Request struct {
	// Request is the head as the client sent it, but for its conditions,
	// range and Accept-Encoding, which the edge may have replaced: an origin
	// forwards what stands here. Names are in lower case.
	message.Request

	// Body is the request's content, nil if there is none. Length is its
	// size in bytes, -1 if only its end shows. Trailers returns the trailer
	// fields; it is valid after Body returned io.EOF, and may be nil.
	Body     io.Reader
	Length   int64
	Trailers func() []hpack.Field

	// Upgrade is the protocol of a request that asks for a tunnel: the
	// Upgrade field of HTTP/1.1 or the :protocol of an extended CONNECT
	// (RFC 8441), in lower case. "" for any other request.
	Upgrade string

	// Cleaned is the cleaned path of the resource, and Stored the answer that
	// is stored, nil if there is none, for an origin that gives an [Answer]:
	// if it is still current, the answer has the same Response again.
	Cleaned string
	Stored  *Answer

	// Peer is the other end of the request's connection: the client, or a
	// proxy before it. It is not valid for a fetch in the background. Secure is
	// whether it speaks TLS, and Proto its version, "1.1", "1.0" or "2.0".
	Peer   netip.AddrPort
	Secure bool
	Proto  string

	// Span is the fetch's in its trace, which events are added to; nil: it is
	// not traced.
	Span *traces.Span

	// Account is what an upstream's address and its times are noted in; nil: they
	// are of no use.
	Account *message.Account
}

// Head is the head of a final response. Hop-by-hop fields are gone (RFC 9110
// §7.6.1).
type Head = message.Head

// Sink takes what an origin answers, in this order: any number of Inform, one
// Head, any number of Write, one End. Tunnel stands in for Head and all behind
// it. If Fetch returns before End, the response is incomplete: it is broken off
// visibly, and nothing of it is stored.
//
// An error of a Sink means that the response is of no more use: Fetch returns
// it, wrapped or not, and lets go of the origin.
type Sink interface {
	// Inform passes on an informational response (1xx, but neither 100 nor
	// 101).
	Inform(status int, fields []hpack.Field) error

	// Head takes the head. It is kept: it must not be changed afterwards.
	Head(Head) error

	// Write takes the next part of the content, which is borrowed for the
	// call. It blocks while the reader is slower than the origin.
	Write(p []byte) (int, error)

	// Flush passes on at once what was written, for contents that trickle
	// (server-sent events).
	Flush() error

	// End ends the content with its trailer fields, mostly none.
	End(trailers []hpack.Field) error

	// Answer stands in for Head and all behind it: the origin has the whole
	// of it.
	Answer(Answer) error

	// Tunnel takes the head of a response that agrees to an upgrade (101,
	// or 200 for CONNECT) and returns the client's side of the tunnel. The
	// caller copies both ways and closes it.
	Tunnel(status int, fields []hpack.Field) (io.ReadWriteCloser, error)
}
