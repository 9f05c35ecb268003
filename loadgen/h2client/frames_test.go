package h2client

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// received is a frame; of a header block the whole, with its CONTINUATION
// frames.
type received struct {
	frame.Header
	payload []byte
	fields  []hpack.Field
	frames  int
}

func (f received) String() string {
	return fmt.Sprintf("%v of stream %d with flags %#x (%.100q)", f.Type, f.StreamID, f.Flags, f.payload)
}

// read reads a frame, io.EOF at the connection's end.
func (p *peer) read() (received, error) {
	var head [frame.HeaderLen]byte
	if _, err := io.ReadFull(p.conn, head[:]); err != nil {
		return received{}, err
	}
	f := received{Header: frame.ParseHeader(head[:]), frames: 1}
	if err := frame.Check(f.Header, p.largest); err != nil {
		p.Errorf("the engine sent an illegal frame: %v", err)
	}
	f.payload = make([]byte, f.Length)
	_, err := io.ReadFull(p.conn, f.payload)
	return f, err
}

// next reads the next frame that is no WINDOW_UPDATE, and keeps the account of
// those.
func (p *peer) next() received {
	p.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := p.read()
	for err == nil && f.Type == frame.WindowUpdate {
		n, bad := frame.Increment(f.Header, f.payload)
		if bad != nil {
			p.Fatal(bad)
		}
		p.credit[f.StreamID] += int(n)
		f, err = p.read()
	}
	for err == nil && f.Type == frame.Headers && !f.Flags.Has(frame.FlagEndHeaders) {
		var more received
		if more, err = p.read(); err == nil && (more.Type != frame.Continuation || more.StreamID != f.StreamID) {
			p.Fatalf("%v in a header block", more)
		}
		f.payload = append(f.payload, more.payload...)
		f.Flags |= more.Flags
		f.frames++
	}
	if err != nil {
		p.Fatalf("reading a frame: %v", err)
	}
	if f.Type == frame.Headers {
		if p.shrunk && f.payload[0]&0xe0 != 0x20 { // RFC 7541 §4.2
			p.Errorf("the table became smaller, and header block %x does not say so", f.payload)
		}
		p.shrunk = false
		fields, err := p.decoder.DecodeFull(f.payload)
		if err != nil {
			p.Fatalf("header block %x: %v", f.payload, err)
		}
		for _, field := range fields {
			f.fields = append(f.fields, hpack.Field{Name: field.Name, Value: field.Value, Sensitive: field.Sensitive})
		}
	}
	return f
}

func same(a, b *exchange.Failure) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// byServer is the end of a connection that the server closed.
var byServer = exchange.CloseFailure(nil)

func malformed(detail string) *exchange.Failure {
	return &exchange.Failure{Kind: exchange.Malformed, Detail: detail}
}

func reset(code frame.ErrCode) *exchange.Failure {
	return &exchange.Failure{Kind: exchange.Reset, Detail: code.String()}
}

func wentAway(code frame.ErrCode) *exchange.Failure {
	return &exchange.Failure{Kind: exchange.GoAway, Detail: code.String()}
}

// raw is a frame of whatever type and content.
func raw(typ frame.Type, flags frame.Flags, id uint32, payload string) []byte {
	return append(frame.AppendHeader(nil, frame.Header{Length: uint32(len(payload)), Type: typ, Flags: flags, StreamID: id}), payload...)
}

// headers is a HEADERS frame whose block leaves the table alone. fields are
// names and values in turn.
func headers(id uint32, end bool, fields ...string) []byte {
	return frame.AppendHeaders(nil, id, end, block(fields...), frame.MinMaxSize)
}

func block(fields ...string) (b []byte) {
	for pair := range slices.Chunk(fields, 2) {
		b = hpack.AppendLiteral(b, hpack.Field{Name: pair[0], Value: pair[1]})
	}
	return b
}

func data(id uint32, content string, end bool) []byte {
	h := frame.Header{Length: uint32(len(content)), Type: frame.Data, StreamID: id}
	if end {
		h.Flags = frame.FlagEndStream
	}
	return append(frame.AppendHeader(nil, h), content...)
}

// ok is a whole response of two bytes.
func ok(id uint32) []byte {
	return append(headers(id, false, ":status", "200", "content-type", "text/plain"), data(id, "ok", true)...)
}

// split cuts a header block after n bytes, over HEADERS and CONTINUATION.
func split(id uint32, end bool, n int, fields ...string) []byte {
	b := string(block(fields...))
	flags := frame.Flags(0)
	if end {
		flags = frame.FlagEndStream
	}
	return append(raw(frame.Headers, flags, id, b[:n]), raw(frame.Continuation, frame.FlagEndHeaders, id, b[n:])...)
}

var zeros = strings.Repeat("\x00", 1<<20)
