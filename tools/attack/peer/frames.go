package peer

import (
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Raw is a frame of any type and content.
func Raw(typ frame.Type, flags frame.Flags, id uint32, payload []byte) []byte {
	return append(frame.AppendHeader(nil, frame.Header{Length: uint32(len(payload)), Type: typ, Flags: flags, StreamID: id}), payload...)
}

// Block is a header block that leaves the dynamic table alone. fields are names and
// values in turn.
func Block(fields ...string) (b []byte) {
	for pair := range slices.Chunk(fields, 2) {
		b = hpack.AppendLiteral(b, hpack.Field{Name: pair[0], Value: pair[1]})
	}
	return b
}

// Request is the pseudo-fields of a request, as Block takes them, and more.
func (c *Conn) Request(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "https", ":authority", c.To.Authority, ":path", path}, more...)
}

// Get is a request without content, on the next stream.
func (c *Conn) Get(path string, more ...string) (id uint32, frames []byte) {
	id = c.NextID()
	return id, frame.AppendHeaders(nil, id, true, Block(c.Request("GET", path, more...)...), frame.MinMaxSize)
}

// Post is a request whose content is to come, on the next stream.
func (c *Conn) Post(path string, more ...string) (id uint32, frames []byte) {
	id = c.NextID()
	return id, frame.AppendHeaders(nil, id, false, Block(c.Request("POST", path, more...)...), frame.MinMaxSize)
}

// Fat is fields that make a list of the request's have size bytes, as RFC 9113
// §6.5.2 counts, in as few fields as can be: no server counts those before bytes.
func (c *Conn) Fat(path string, size int) []string {
	const (
		name  = "x-fat"
		most  = 4 << 10 // of a field: nginx has no room for a longer one
		least = len(name) + 32
	)
	fields := c.Request("GET", path)
	for size -= sizeOf(fields); size >= least; {
		n := min(size, most)
		if left := size - n; left > 0 && left < least {
			n -= least - left
		}
		fields = append(fields, name, strings.Repeat("~", n-least)) // which is longest in Huffman's code
		size -= n
	}
	return fields
}

func sizeOf(fields []string) (n int) {
	for pair := range slices.Chunk(fields, 2) {
		n += hpack.Field{Name: pair[0], Value: pair[1]}.Size()
	}
	return n
}
