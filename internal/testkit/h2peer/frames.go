package h2peer

import (
	"slices"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Raw is a frame of any type and content.
func Raw(typ frame.Type, flags frame.Flags, id uint32, payload string) []byte {
	return append(frame.AppendHeader(nil, frame.Header{Length: uint32(len(payload)), Type: typ, Flags: flags, StreamID: id}), payload...)
}

// Data is a DATA frame without padding.
func Data(id uint32, content string, end bool) []byte {
	return Raw(frame.Data, endStream(end), id, content)
}

// Headers is a HEADERS frame, with CONTINUATION frames if one is too small. Its
// block leaves the dynamic table alone. fields are names and values in turn.
func Headers(id uint32, end bool, fields ...string) []byte {
	return frame.AppendHeaders(nil, id, end, Block(fields...), frame.MinMaxSize)
}

// Split is Headers whose block goes on in a CONTINUATION frame after n bytes.
func Split(id uint32, end bool, n int, fields ...string) []byte {
	b := string(Block(fields...))
	return append(Raw(frame.Headers, endStream(end), id, b[:n]), Raw(frame.Continuation, frame.FlagEndHeaders, id, b[n:])...)
}

// Block is a header block of literals without indexing.
func Block(fields ...string) (b []byte) {
	for pair := range slices.Chunk(fields, 2) {
		b = hpack.AppendLiteral(b, hpack.Field{Name: pair[0], Value: pair[1]})
	}
	return b
}

// Request is the pseudo-header fields of a request, as Headers takes them.
func Request(method, authority, path string) []string {
	return []string{":method", method, ":scheme", "https", ":authority", authority, ":path", path}
}

func endStream(end bool) frame.Flags {
	if end {
		return frame.FlagEndStream
	}
	return 0
}
