package h2client

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// silent is that the server sees no RST_STREAM.
const silent frame.ErrCode = 0xffff

var (
	twoOctets = []string{":status", "200", "content-length", "2"}

	errNoStatus  = malformed("a response head without :status at its front")
	errStatus    = malformed(":status is no status")
	errLength    = malformed("content-length is not one length")
	errInterim   = malformed("an informational response that ends the stream, or is 101")
	errName      = malformed("a field name in upper case or with a forbidden octet")
	errValue     = malformed("a field value with a forbidden octet, or space around it")
	errPseudo    = malformed("a pseudo-field where none may be")
	errHTTP1     = malformed("a field that belongs to HTTP/1.1")
	errMiddle    = malformed("HEADERS in the middle of the content")
	errTooEarly  = malformed("DATA before HEADERS")
	errIncrement = malformed("window increment of 0")
	errWindow    = malformed("stream window past 2^31-1")
	errPriority  = malformed("PRIORITY frame of a wrong size")
	errTooLarge  = malformed("a response head over 64 KiB or 256 fields")
)

// response is what a server may say to a request, on stream 1, and what comes
// of it.
type response struct {
	name    string
	method  string // "": GET
	frames  [][]byte
	status  int
	bytes   int64
	failure *exchange.Failure
	reset   frame.ErrCode // that the server sees
	again   bool          // the ticket is given back
}

var responses = []response{
	// Whole.
	{"plain", "", [][]byte{ok(1)}, 200, 2, nil, silent, false},
	{"no content", "", [][]byte{headers(1, true, ":status", "200")}, 200, 0, nil, silent, false},
	{"an unknown status", "", [][]byte{headers(1, true, ":status", "999")}, 999, 0, nil, silent, false},
	{"content-length", "", [][]byte{headers(1, false, twoOctets...), data(1, "ok", true)}, 200, 2, nil, silent, false},
	{"content-length twice", "", [][]byte{headers(1, false, append(twoOctets, "content-length", "2")...), data(1, "ok", true)}, 200, 2, nil, silent, false},
	{"an empty frame ends", "", [][]byte{headers(1, false, twoOctets...), data(1, "o", false), data(1, "", false), data(1, "k", false), data(1, "", true)}, 200, 2, nil, silent, false},
	{"padded content", "", [][]byte{headers(1, false, twoOctets...), raw(frame.Data, frame.FlagPadded|frame.FlagEndStream, 1, "\x03ok\x00\x00\x00")}, 200, 2, nil, silent, false},
	{"nothing but padding", "", [][]byte{headers(1, false, ":status", "200"), raw(frame.Data, frame.FlagPadded|frame.FlagEndStream, 1, "\x02\x00\x00")}, 200, 0, nil, silent, false},
	{"padded head", "", [][]byte{raw(frame.Headers, frame.FlagPadded|frame.FlagEndStream|frame.FlagEndHeaders, 1, "\x01\x88\x00")}, 200, 0, nil, silent, false},
	{"a head with priority", "", [][]byte{raw(frame.Headers, frame.FlagPriority|frame.FlagEndStream|frame.FlagEndHeaders, 1, "\x00\x00\x00\x03\x10\x88")}, 200, 0, nil, silent, false},
	{"CONTINUATION", "", [][]byte{split(1, true, 1, ":status", "302", "location", "/")}, 302, 0, nil, silent, false},
	{"CONTINUATION, twice", "", [][]byte{raw(frame.Headers, frame.FlagEndStream, 1, ""), raw(frame.Continuation, 0, 1, ""), raw(frame.Continuation, frame.FlagEndHeaders, 1, "\x88")}, 200, 0, nil, silent, false},
	{"interim responses", "", [][]byte{headers(1, false, ":status", "100"), headers(1, false, ":status", "103", "content-length", "9", "link", "</a>"), ok(1)}, 200, 2, nil, silent, false},
	{"trailers", "", [][]byte{headers(1, false, twoOctets...), data(1, "ok", false), headers(1, true, "checksum", "1")}, 200, 2, nil, silent, false},
	{"trailers, split", "", [][]byte{headers(1, false, twoOctets...), data(1, "ok", false), split(1, true, 2, "checksum", "1")}, 200, 2, nil, silent, false},
	{"trailers alone", "", [][]byte{headers(1, false, ":status", "200"), headers(1, true, "grpc-status", "0")}, 200, 0, nil, silent, false},
	{"HEAD", "HEAD", [][]byte{headers(1, true, ":status", "200", "content-length", "1000")}, 200, 0, nil, silent, false},
	{"HEAD, an empty frame", "HEAD", [][]byte{headers(1, false, ":status", "200", "content-length", "1000"), data(1, "", true)}, 200, 0, nil, silent, false},
	{"204", "", [][]byte{headers(1, true, ":status", "204")}, 204, 0, nil, silent, false},
	{"304", "", [][]byte{headers(1, true, ":status", "304", "content-length", "1000")}, 304, 0, nil, silent, false},
	{"ignored frames", "", [][]byte{raw(frame.Priority, 0, 1, "\x00\x00\x00\x03\x10"), raw(0xbe, 0xff, 1, "?"), frame.AppendWindowUpdate(nil, 1, 5), ok(1)}, 200, 2, nil, silent, false},
	{"reset behind it", "", [][]byte{ok(1), frame.AppendRSTStream(nil, 1, frame.Cancel)}, 200, 2, nil, silent, false},
	{"a window behind it", "", [][]byte{ok(1), frame.AppendWindowUpdate(nil, 1, 1), frame.AppendWindowUpdate(nil, 1, 0)}, 200, 2, nil, silent, false},
	{"PRIORITY behind it", "", [][]byte{ok(1), raw(frame.Priority, 0, 1, "\x00\x00\x00\x03\x10")}, 200, 2, nil, silent, false},

	// Not of the length that was promised.
	{"too short", "", [][]byte{headers(1, false, twoOctets...), data(1, "o", true)}, 200, 1, lengthDiffers, silent, false},
	{"too short, nothing", "", [][]byte{headers(1, true, twoOctets...)}, 200, 0, lengthDiffers, silent, false},
	{"too short, trailers", "", [][]byte{headers(1, false, twoOctets...), headers(1, true, "a", "b")}, 200, 0, lengthDiffers, silent, false},
	{"too long", "", [][]byte{headers(1, false, twoOctets...), data(1, "oky", true)}, 200, 3, lengthDiffers, silent, false},
	{"too long, and goes on", "", [][]byte{headers(1, false, twoOctets...), data(1, "oky", false), data(1, "!", true)}, 200, 3, lengthDiffers, frame.ProtocolError, false},
	{"content after HEAD", "HEAD", [][]byte{headers(1, false, twoOctets...), data(1, "ok", true)}, 200, 2, hasContent, silent, false},
	{"content of 204", "", [][]byte{headers(1, false, ":status", "204"), data(1, "ok", false)}, 204, 2, hasContent, frame.ProtocolError, false},
	{"content of 304", "", [][]byte{headers(1, false, ":status", "304", "content-length", "2"), data(1, "ok", true)}, 304, 2, hasContent, silent, false},

	// Not a response.
	{"content-length that differs", "", [][]byte{headers(1, false, append(twoOctets, "content-length", "3")...)}, 0, 0, errLength, frame.ProtocolError, false},
	{"content-length of words", "", [][]byte{headers(1, false, ":status", "200", "content-length", "two")}, 0, 0, errLength, frame.ProtocolError, false},
	{"content-length with a sign", "", [][]byte{headers(1, false, ":status", "200", "content-length", "+2")}, 0, 0, errLength, frame.ProtocolError, false},
	{"content-length of nothing", "", [][]byte{headers(1, false, ":status", "200", "content-length", "")}, 0, 0, errLength, frame.ProtocolError, false},
	{"content-length past 2^63", "", [][]byte{headers(1, false, ":status", "200", "content-length", "9223372036854775808")}, 0, 0, errLength, frame.ProtocolError, false},
	{"no :status", "", [][]byte{headers(1, true, "content-type", "text/plain")}, 0, 0, errNoStatus, frame.ProtocolError, false},
	{"an empty head", "", [][]byte{headers(1, true)}, 0, 0, errNoStatus, frame.ProtocolError, false},
	{":status behind a field", "", [][]byte{headers(1, true, "a", "b", ":status", "200")}, 0, 0, errNoStatus, frame.ProtocolError, false},
	{":status twice", "", [][]byte{headers(1, true, ":status", "200", ":status", "200")}, 0, 0, errPseudo, frame.ProtocolError, false},
	{"a request's pseudo-field", "", [][]byte{headers(1, true, ":status", "200", ":path", "/")}, 0, 0, errPseudo, frame.ProtocolError, false},
	{":status of two digits", "", [][]byte{headers(1, true, ":status", "20")}, 0, 0, errStatus, frame.ProtocolError, false},
	{":status of four digits", "", [][]byte{headers(1, true, ":status", "0200")}, 0, 0, errStatus, frame.ProtocolError, false},
	{":status below 100", "", [][]byte{headers(1, true, ":status", "099")}, 0, 0, errStatus, frame.ProtocolError, false},
	{":status of words", "", [][]byte{headers(1, true, ":status", "2xx")}, 0, 0, errStatus, frame.ProtocolError, false},
	{"101", "", [][]byte{headers(1, false, ":status", "101")}, 0, 0, errInterim, frame.ProtocolError, false},
	{"only an interim response", "", [][]byte{headers(1, true, ":status", "103")}, 0, 0, errInterim, frame.ProtocolError, false},
	{"upper case", "", [][]byte{headers(1, true, ":status", "200", "Server", "x")}, 0, 0, errName, frame.ProtocolError, false},
	{"a space in a name", "", [][]byte{headers(1, true, ":status", "200", "a b", "x")}, 0, 0, errName, frame.ProtocolError, false},
	{"an empty name", "", [][]byte{headers(1, true, ":status", "200", "", "x")}, 0, 0, malformed("a field without a name"), frame.ProtocolError, false},
	{"a line end in a value", "", [][]byte{headers(1, true, ":status", "200", "a", "x\r\nb: y")}, 0, 0, errValue, frame.ProtocolError, false},
	{"space before a value", "", [][]byte{headers(1, true, ":status", "200", "a", " x")}, 0, 0, errValue, frame.ProtocolError, false},
	{"a tab behind a value", "", [][]byte{headers(1, true, ":status", "200", "a", "x\t")}, 0, 0, errValue, frame.ProtocolError, false},
	{"an empty value", "", [][]byte{headers(1, true, ":status", "200", "a", "")}, 200, 0, nil, silent, false},
	{"NUL in a value", "", [][]byte{headers(1, true, ":status", "200", "a", "x\x00")}, 0, 0, errValue, frame.ProtocolError, false},
	{"transfer-encoding", "", [][]byte{headers(1, false, ":status", "200", "transfer-encoding", "chunked")}, 0, 0, errHTTP1, frame.ProtocolError, false},
	{"connection", "", [][]byte{headers(1, true, ":status", "200", "connection", "close")}, 0, 0, errHTTP1, frame.ProtocolError, false},
	{"too many fields", "", [][]byte{headers(1, true, append([]string{":status", "200"}, strings.Split(strings.Repeat("a,b,", 256)+"a,b", ",")...)...)}, 0, 0, errTooLarge, frame.ProtocolError, false},
	{"content without a head", "", [][]byte{data(1, "ok", true)}, 0, 0, errTooEarly, frame.ProtocolError, false},
	{"content behind an interim head", "", [][]byte{headers(1, false, ":status", "103"), data(1, "ok", true)}, 0, 0, errTooEarly, frame.ProtocolError, false},
	{"a second head", "", [][]byte{headers(1, false, ":status", "200"), headers(1, false, ":status", "200")}, 200, 0, errMiddle, frame.ProtocolError, false},
	{"a second head that ends", "", [][]byte{headers(1, false, ":status", "200"), headers(1, true, ":status", "200")}, 200, 0, errPseudo, frame.ProtocolError, false},
	{"upper case in trailers", "", [][]byte{headers(1, false, ":status", "200"), headers(1, true, "Checksum", "1")}, 200, 0, errName, frame.ProtocolError, false},
	{"WINDOW_UPDATE of 0", "", [][]byte{frame.AppendWindowUpdate(nil, 1, 0)}, 0, 0, errIncrement, frame.ProtocolError, false},
	{"a window past the end", "", [][]byte{headers(1, false, ":status", "200"), frame.AppendWindowUpdate(nil, 1, frame.MaxWindow)}, 200, 0, errWindow, frame.FlowControlError, false},
	{"PRIORITY too short", "", [][]byte{raw(frame.Priority, 0, 1, "1234")}, 0, 0, errPriority, frame.FrameSizeError, false},

	// Reset.
	{"REFUSED_STREAM", "", [][]byte{frame.AppendRSTStream(nil, 1, frame.RefusedStream)}, 0, 0, reset(frame.RefusedStream), silent, true},
	{"REFUSED_STREAM behind an interim head", "", [][]byte{headers(1, false, ":status", "103"), frame.AppendRSTStream(nil, 1, frame.RefusedStream)}, 0, 0, reset(frame.RefusedStream), silent, true},
	{"REFUSED_STREAM behind a head", "", [][]byte{headers(1, false, ":status", "200"), frame.AppendRSTStream(nil, 1, frame.RefusedStream)}, 200, 0, reset(frame.RefusedStream), silent, false},
	{"CANCEL", "", [][]byte{frame.AppendRSTStream(nil, 1, frame.Cancel)}, 0, 0, reset(frame.Cancel), silent, false},
	{"INTERNAL_ERROR in the content", "", [][]byte{headers(1, false, twoOctets...), data(1, "o", false), frame.AppendRSTStream(nil, 1, frame.InternalError)}, 200, 1, reset(frame.InternalError), silent, false},
	{"NO_ERROR in the content", "", [][]byte{headers(1, false, twoOctets...), data(1, "ok", false), frame.AppendRSTStream(nil, 1, frame.NoError)}, 200, 2, reset(frame.NoError), silent, false},
	{"reset twice", "", [][]byte{frame.AppendRSTStream(nil, 1, frame.Cancel), frame.AppendRSTStream(nil, 1, frame.RefusedStream)}, 0, 0, reset(frame.Cancel), silent, false},
	{"an unknown code", "", [][]byte{frame.AppendRSTStream(nil, 1, 0xdead)}, 0, 0, &exchange.Failure{Kind: exchange.Reset, Detail: "unknown error code"}, silent, false},
}

// Each response ends its own exchange, in one piece or octet by octet, and the
// other stream and the connection go on.
func TestResponses(t *testing.T) {
	for _, c := range responses {
		for _, bytewise := range []bool{false, true} {
			name := c.name
			if bytewise {
				name += ", octet by octet"
			}
			t.Run(name, func(t *testing.T) {
				run(t, setup{}, func(p *peer) {
					if c.method == "" {
						c.method = "GET"
					}
					first, second := request(p, 0, c.method, "https://test/", ""), request(p, 0, "GET", "https://test/2", "")
					p.ask(first, second)
					p.wantRequest(1, first)
					p.wantRequest(3, second)
					p.sendParts(bytewise, c.frames)
					if c.reset != silent {
						p.WantReset(1, c.reset)
					}
					if c.again {
						p.wantReturned(0, c.failure)
					} else if o := p.wantOutcome(0, c.status, c.failure); o.BytesIn != c.bytes || o.BytesOut != 0 {
						p.Errorf("%d bytes in, %d out, want %d and 0", o.BytesIn, o.BytesOut, c.bytes)
					}
					p.WantAlive()
					p.Send(ok(3))
					p.wantOutcome(1, 200, nil)
				})
			})
		}
	}
}

// sendParts sends frames at once, or each octet by itself.
func (p *peer) sendParts(bytewise bool, frames [][]byte) {
	p.Helper()
	if !bytewise {
		p.Send(frames...)
		return
	}
	for _, f := range frames {
		for _, b := range f {
			p.Write([]byte{b})
		}
	}
}
