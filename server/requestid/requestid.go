// Package requestid names requests, so that a line of the access log, one of an
// upstream's log and what a proxy in front has written can be found by each other.
//
// A trusted proxy's name for a request stays, if it has a form that no log has to
// escape and no server takes for something else; any other request gets a name of
// 128 random bits. All of it is safe for concurrent use.
package requestid

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Field is the name of the field that has a request's ID.
const Field = "x-request-id"

// Most is how long an ID may be, in octets: a UUID has 36, the longest of the
// common forms, Amazon's, some 75.
const Most = 128

// Given is the ID that the fields of a request have, names in lower case; "" if
// they have none, more than one, or one that is not well-formed. Whether the client
// is to be believed is the caller's.
func Given(fields []hpack.Field) (id string) {
	seen := false
	for i := range fields {
		if fields[i].Name != Field {
			continue
		}
		if seen {
			return "" // there is no telling which is right
		}
		seen, id = true, fields[i].Value
	}
	if !Valid(id) {
		return ""
	}
	return id
}

// Valid reports whether an ID is well-formed: 1 to [Most] letters, digits and the
// marks of UUIDs, of base64 and of paths of IDs. Quotes, commas, spaces and what is
// not ASCII are none of them.
func Valid(id string) bool {
	if id == "" || len(id) > Most {
		return false
	}
	for i := range len(id) {
		if !allowed[id[i]] {
			return false
		}
	}
	return true
}

// allowed has the octets of an ID.
var allowed = func() (table [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=:@") {
		table[c] = true
	}
	return table
}()

// Append appends a new ID to dst: 32 hexadecimal digits. An ID is no secret, so the
// runtime's generator does, which takes some nanoseconds.
func Append(dst []byte) []byte {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	return hex.AppendEncode(dst, id[:])
}

// New is a new ID; see [Append].
func New() string {
	var room [32]byte
	return string(Append(room[:0]))
}
