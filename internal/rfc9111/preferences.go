package rfc9111

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// preferred is how the values of a field of preferences compare (RFC 9110 §12.5).
type preferred int

const (
	notPreferred preferred = iota // the field is none
	inOrder                       // members of the same weight may be preferred in their order
	inAnyOrder                    // the order of members has no meaning
)

// preferences returns how a field compares. Of languages that have the same weight
// origins do prefer the first (RFC 9110 §12.5.4); of codings none has any reason to.
func preferences(name string) preferred {
	switch name {
	case "accept-encoding", "accept-charset":
		return inAnyOrder
	case "accept-language":
		return inOrder
	}
	return notPreferred
}

// maxSorted is how many members are sorted: browsers send four codings, and a request
// may have thousands, to keep us busy.
const maxSorted = 16

// usualCodings are the lists of browsers in their normal form, which is as long: most
// requests have one of them.
var usualCodings = [...]struct{ list, normal string }{
	{"gzip,deflate,br,zstd", "br,deflate,gzip,zstd"},
	{"gzip,deflate,br", "br,deflate,gzip"},
	{"gzip,deflate", "deflate,gzip"},
}

var comma, semicolon = []byte{','}, []byte{';'}

// normalPreferences replaces the list of preferences that dst has from at on by one that
// is the same for all lists that mean the same: in lower case, without empty members,
// whitespace, weights of 1 and zeros behind weights, and in any order sorted, each once.
// A list in which one name has two weights keeps its order, by which a server may choose
// between them, and one with a quoted string stays as it is, but for case.
func normalPreferences(dst []byte, at int, order preferred) []byte {
	list := dst[at:]
	for _, u := range usualCodings {
		if order == inAnyOrder && string(list) == u.list {
			copy(list, u.normal)
			return dst
		}
	}
	for i, c := range list {
		if 'A' <= c && c <= 'Z' {
			list[i] = c - 'A' + 'a'
		}
	}
	if bytes.IndexByte(list, '"') >= 0 {
		return dst
	}
	var members [maxSorted][]byte
	n := 0
	out := list[:0] // never beyond what is read
	for rest, more := list, true; more; {
		var member []byte
		member, rest, more = bytes.Cut(rest, comma)
		if member = trimBytes(member); len(member) == 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		start := len(out)
		out = appendPreference(out, member)
		if n < maxSorted {
			members[n] = out[start:]
		}
		n++
	}
	dst = dst[:at+len(out)]
	if order != inAnyOrder || n < 2 || n > maxSorted {
		return dst
	}
	sorted := members[:n]
	slices.SortFunc(sorted, func(a, b []byte) int {
		return cmp.Or(bytes.Compare(preferenceName(a), preferenceName(b)), bytes.Compare(a, b))
	})
	sorted = slices.CompactFunc(sorted, bytes.Equal)
	for i, member := range sorted {
		switch {
		case i > 0 && bytes.Equal(preferenceName(sorted[i-1]), preferenceName(member)):
			return dst[:at+len(out)]
		case i > 0:
			dst = append(dst, ',')
		}
		dst = append(dst, member...)
	}
	joined := dst[at+len(out):]
	return dst[:at+copy(dst[at:], joined)]
}

// preferenceName is a member without its weight, and without the "x-" with which gzip and
// compress mean the same (RFC 9110 §8.4.1).
func preferenceName(member []byte) []byte {
	name, _, _ := bytes.Cut(member, semicolon)
	if string(name) == "x-gzip" || string(name) == "x-compress" {
		return name[len("x-"):]
	}
	return name
}

// appendPreference appends a member with its weight, if that is not 1. It may be
// appended in the place of itself: it does not become longer.
func appendPreference(dst, member []byte) []byte {
	name, parameter, weighted := bytes.Cut(member, semicolon)
	if !weighted || len(name) == 0 {
		return append(dst, member...)
	}
	dst = append(dst, trimBytes(name)...)
	parameter = trimBytes(parameter)
	if 2 < len(parameter) && len(parameter) <= len("q=0.000") && parameter[0] == 'q' && parameter[1] == '=' {
		if weight, ok := Weight(string(parameter[2:])); ok {
			return appendWeight(dst, weight)
		}
	}
	return append(append(dst, ';'), parameter...)
}

// trimBytes is trim of bytes.
func trimBytes(v []byte) []byte {
	for len(v) > 0 && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v
}

// appendWeight appends a weight in thousandths in its shortest form, 1 as none.
func appendWeight(dst []byte, weight int) []byte {
	if weight == maxWeight {
		return dst
	}
	dst = append(dst, ";q=0"...)
	if weight > 0 {
		dst = append(dst, '.')
	}
	for unit := maxWeight / 10; weight > 0; unit /= 10 {
		dst = append(dst, byte('0'+weight/unit))
		weight %= unit
	}
	return dst
}

const maxWeight = 1000

// Weight reads a qvalue (RFC 9110 §12.4.2), in thousandths: 0 or 1 with up to three
// digits behind the point, which are 0 behind 1. It reports false for what is none.
func Weight(s string) (thousandths int, ok bool) {
	if s == "" || len(s) > len("0.000") || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	weight, unit := int(s[0]-'0')*maxWeight, maxWeight/10
	for _, c := range []byte(strings.TrimPrefix(s[1:], ".")) {
		if c < '0' || c > '9' {
			return 0, false
		}
		weight += int(c-'0') * unit
		unit /= 10
	}
	if weight > maxWeight {
		return 0, false
	}
	return weight, true
}
