// Package message is what the protocol engines and the edge exchange: a
// borrowed view of a request, and a stored response that is encoded once for
// every protocol and then only copied.
//
// The engines (server/h2, server/h1) know two doors and nothing else:
//
//   - [Source]: a hit. It is asked on the connection's own goroutine, so it
//     must not block, lock across I/O or allocate.
//   - [net/http.Handler]: everything else, on a goroutine of its own. A
//     handler that ends up with a stored response hands it back whole through
//     [StoredWriter].
package message

import (
	"net/http"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Request is an engine's view of a request head. Every string in it is
// borrowed from the engine's read buffer: valid until the call that received
// the Request returns. Clone what is kept.
type Request struct {
	Method    string // as received, case-sensitive
	Scheme    string // "https"
	Authority string // :authority, or the Host field
	Path      string // :path: an absolute path and an optional query, as received

	// Fields are the regular fields in the order received, names in lower
	// case, pseudo-fields left out.
	Fields []hpack.Field
}

// Field returns the value of the first field with that name, in lower case,
// and whether there is one.
func (r *Request) Field(name string) (string, bool) {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			return r.Fields[i].Value, true
		}
	}
	return "", false
}

// Source is the first door: what can be answered from memory, now.
type Source interface {
	// Key appends to dst the key of the stored response that could answer
	// r, and reports false where only the handler can answer: another
	// method than GET or HEAD, a Range, a body. The key does not depend on
	// what is stored at the moment, so an engine may remember it for a
	// request that it sees again, byte for byte.
	Key(dst []byte, r *Request) (key []byte, ok bool)

	// Find returns the stored response for key that may be served at now,
	// nil where there is none. key is borrowed and not kept.
	Find(key string, now time.Time) *Response
}

// StoredWriter is implemented by a ResponseWriter that can answer with a
// stored response without copying its body. WriteStored writes the whole
// response, head included; it must be the only write. For a HEAD request the
// body is left out.
type StoredWriter interface {
	http.ResponseWriter
	WriteStored(*Response)
}
