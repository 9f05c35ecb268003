// Package hpack is HPACK (RFC 7541), the header compression of HTTP/2, for
// both sides of a connection and without I/O.
//
//   - [AppendStatus] and [AppendLiteral] encode without state: what they
//     write is right on any connection, at any time.
//   - [Encoder] and [Decoder] hold one direction's dynamic table each. Both
//     are small until something is indexed and hold at most their table.
//   - [List] is what a block is decoded into: memory that connections share
//     one after the other.
//
// Every encoder appends to the caller's buffer. Nothing is validated beyond
// HPACK itself: lower-case names, legal characters and pseudo-fields are the
// caller's. Nothing here may be used by two goroutines at once, save the
// stateless functions.
//
// In the steady state neither side allocates.
package hpack

// DefaultTableSize is the size in bytes, counted as RFC 7541 §4.1 does, of
// both dynamic tables until a SETTINGS_HEADER_TABLE_SIZE says otherwise
// (RFC 9113 §6.5.2).
const DefaultTableSize = 4096

// Field is one field line.
type Field struct {
	Name, Value string

	// Sensitive is a field that no intermediary may index, so that its
	// value cannot be guessed from compressed sizes (RFC 7541 §7.1.3): it is
	// encoded as a never-indexed literal, and true in a decoded field that
	// arrived as one.
	Sensitive bool
}

// fieldOverhead is what a field counts beside its octets: RFC 7541 §4.1's
// estimate of the cost of an entry.
const fieldOverhead = 32

// Size returns the field's size in bytes as dynamic tables (RFC 7541 §4.1) and
// SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2) count it.
func (f Field) Size() int { return len(f.Name) + len(f.Value) + fieldOverhead }
