package site

import (
	"encoding/binary"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// namedMark follows, in a key, the query, if fields or cookies are in the key of the
// site. No path, no query and no Vary that extends a key has it there.
const namedMark = 3

// Named reports whether fields or cookies are in the keys of the site: then a URL has
// any number of them.
func (s *Site) Named() bool { return len(s.Fields)+len(s.Cookies) > 0 }

// appendNamed appends the values of the fields and cookies that are in the key, each
// behind its length: a value that is absent is not one that is empty.
func (s *Site) appendNamed(dst []byte, fields []hpack.Field) []byte {
	if !s.Named() {
		return dst
	}
	dst = append(dst, namedMark)
	for _, name := range s.Fields {
		at, lines := len(dst), 0
		dst = append(dst, 0, 0, 0, 0)
		for i := range fields {
			if f := &fields[i]; f.Name == name {
				if lines++; lines > 1 {
					dst = append(dst, ", "...)
				}
				dst = append(dst, f.Value...)
			}
		}
		putLength(dst, at, lines)
	}
	for _, name := range s.Cookies {
		at, values := len(dst), 0
		dst = append(dst, 0, 0, 0, 0)
		for i := range fields {
			if fields[i].Name != "cookie" {
				continue
			}
			for pair := range strings.SplitSeq(fields[i].Value, ";") {
				got, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
				if got != name {
					continue
				}
				if values++; values > 1 {
					dst = append(dst, ';') // which is in no cookie's value
				}
				dst = append(dst, value...)
			}
		}
		putLength(dst, at, values)
	}
	return dst
}

// NamedValue is the value of a field or cookie that is in the key.
type NamedValue struct {
	Kind, Name string // "field" or "cookie", and its name
	Value      string
	Absent     bool
}

// String is the value for people.
func (v NamedValue) String() string {
	if v.Absent {
		return v.Kind + " " + v.Name + ", absent"
	}
	return v.Kind + " " + v.Name + ": " + v.Value
}

// NamedValues are the fields and cookies that are in the key, each with the value that
// requests with these fields have.
func (s *Site) NamedValues(fields []hpack.Field) (all []NamedValue) {
	if !s.Named() {
		return nil
	}
	rest := s.appendNamed(nil, fields)[1:]
	add := func(kind, name string) {
		v := NamedValue{Kind: kind, Name: name}
		n := binary.BigEndian.Uint32(rest)
		if rest = rest[4:]; n == absentValue {
			v.Absent, n = true, 0
		}
		v.Value, rest = string(rest[:n]), rest[n:]
		all = append(all, v)
	}
	for _, name := range s.Fields {
		add("field", name)
	}
	for _, name := range s.Cookies {
		add("cookie", name)
	}
	return all
}

// absentValue is the length of a value that is not there.
const absentValue = 1<<32 - 1

// putLength puts the length of what was appended behind the four bytes at at there.
func putLength(dst []byte, at, there int) {
	n := uint32(absentValue)
	if there > 0 {
		n = uint32(len(dst) - at - 4)
	}
	binary.BigEndian.PutUint32(dst[at:], n)
}
