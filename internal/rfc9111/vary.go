package rfc9111

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Vary are the request fields that select among the stored responses of a
// resource (RFC 9111 §4.1): their names in lower case, sorted, each once,
// separated by commas. "" selects by nothing. It is comparable.
type Vary string

// ParseVary reads all Vary lines of a response. It reports false if no request
// can be shown to match: for "*", for the fields of a client's certificate, which no
// request has when it is looked up (RFC 9440 §2, and our Client-Cert-Subject), and for
// what is no list of field names.
func ParseVary(fields []hpack.Field) (Vary, bool) {
	var names []string
	for i := range fields {
		if fields[i].Name != "vary" {
			continue
		}
		for name := range strings.SplitSeq(fields[i].Value, ",") {
			switch name = trim(name); {
			case name == "":
			case name == "*" || !isToken(name):
				return "", false
			default:
				name = strings.ToLower(name)
				switch name {
				case "client-cert", "client-cert-chain", "client-cert-subject":
					return "", false
				}
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return "", true
	}
	slices.Sort(names)
	return Vary(strings.Join(slices.Compact(names), ",")), true
}

// Has reports whether the field is among those that select.
func (v Vary) Has(name string) bool {
	for n := range strings.SplitSeq(string(v), ",") {
		if n == name {
			return true
		}
	}
	return false
}

// fieldAbsent stands in the place of the length of a value, which a request's
// limits keep far below.
const fieldAbsent = 1<<32 - 1

// AppendKey appends what extends a key by the values that select: two requests
// get the same octets only if all values match (§4.1), and those of different
// Varys are different. An absent field differs from an empty one. Lines are
// joined in order and whitespace around commas is dropped. Of Accept-Encoding,
// Accept-Language and Accept-Charset, what has no meaning is dropped, too (RFC 9110
// §8.4.1, §12.4, §12.5; see normalPreferences).
func (v Vary) AppendKey(dst []byte, request []hpack.Field) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	dst = append(dst, v...)
	for rest := string(v); rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ",")
		dst = appendValues(dst, name, request)
	}
	return dst
}

// appendValues appends the length, in four octets, and the normalised value of
// all lines of a field.
func appendValues(dst []byte, name string, request []hpack.Field) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	lines := 0
	for i := range request {
		if request[i].Name != name {
			continue
		}
		if lines++; lines > 1 {
			dst = append(dst, ',')
		}
		dst = appendNormal(dst, request[i].Value)
	}
	if order := preferences(name); order != notPreferred {
		dst = normalPreferences(dst, at+4, order)
	}
	n := uint32(fieldAbsent)
	if lines > 0 {
		n = uint32(len(dst) - at - 4)
	}
	binary.BigEndian.PutUint32(dst[at:], n)
	return dst
}

// appendNormal appends a line without the whitespace at its ends and around the
// commas that are not in a quoted string. A quoted string without an end keeps
// all that follows as it is.
func appendNormal(dst []byte, value string) []byte {
	quotes := strings.IndexByte(value, '"') >= 0
	for {
		value = trimLeft(value)
		end := strings.IndexByte(value, ',')
		if quotes {
			end = elementEnd(value)
		}
		if end < 0 {
			return append(dst, trimRight(value)...)
		}
		dst = append(append(dst, trimRight(value[:end])...), ',')
		value = value[end+1:]
	}
}

// elementEnd returns the index of the first comma outside of quotes, -1 if there
// is none.
func elementEnd(value string) int {
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case ',':
			return i
		case '"':
			end := quotedEnd(value[i:])
			if end < 0 {
				return -1
			}
			i += end - 1
		}
	}
	return -1
}
