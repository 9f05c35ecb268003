package rfc9111

import (
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// targetedDirectives reads a targeted field (RFC 9213 §2.1), a Dictionary of
// structured fields whose members are cache directives. It reports false if the
// response does not have it, or if it is to be ignored: empty, malformed
// anywhere, or with a directive whose value is of a wrong type. Parameters are
// ignored.
func targetedDirectives(fields []hpack.Field, name string) (directives, bool) {
	d := noDirectives()
	value, ok := joined(fields, name)
	if !ok {
		return d, false
	}
	// A member that is given twice counts as the last one (RFC 9651 §4.2.2),
	// so members are found first and read after.
	var members []member
	p := structured{rest: value}
	if !p.dictionary(&members) || len(members) == 0 {
		return d, false
	}
	for i := range members {
		if !d.addMember(&members[i]) {
			return d, false
		}
	}
	return d, true
}

// joined returns all lines of a field as one value (RFC 9110 §5.3).
func joined(fields []hpack.Field, name string) (value string, ok bool) {
	for i := range fields {
		switch {
		case fields[i].Name != name:
		case !ok:
			value, ok = fields[i].Value, true
		default:
			value += ", " + fields[i].Value
		}
	}
	return value, ok
}

// addMember takes a member of a targeted field and reports false for a value of
// a wrong type.
func (d *directives) addMember(m *member) bool {
	if m.kind == kindFalse {
		return true // said not to be the case, such as no-store=?0
	}
	seconds := func(to *int32) bool {
		if m.kind != kindInteger {
			return false
		}
		// A negative number is no delta-seconds: stale (RFC 9111 §4.2.1).
		*to = invalid
		if m.number >= 0 {
			*to = int32(min(m.number, maxDelta))
		}
		return true
	}
	switch m.key {
	case "max-age":
		return seconds(&d.maxAge)
	case "s-maxage":
		return seconds(&d.sMaxAge)
	case "stale-while-revalidate":
		ok := seconds(&d.staleWhileRevalidate)
		d.staleWhileRevalidate = max(d.staleWhileRevalidate, 0)
		return ok
	case "stale-if-error":
		ok := seconds(&d.staleIfError)
		d.staleIfError = max(d.staleIfError, 0)
		return ok
	case "no-cache", "private":
		whole := &d.noCache
		if m.key == "private" {
			whole = &d.private
		}
		switch m.kind {
		case kindTrue:
			*whole = true
			return true
		case kindString, kindToken:
			d.qualified(whole, &scanner{argument: m.text})
			return true
		}
		return false
	}
	flag := d.flag(m.key)
	if flag == nil {
		return true // an unknown directive is ignored (RFC 9111 §5.2.3)
	}
	*flag = true
	return m.kind == kindTrue
}

// flag returns what a directive without a value sets.
func (d *directives) flag(name string) *bool {
	switch name {
	case "no-store":
		return &d.noStore
	case "public":
		return &d.public
	case "must-revalidate":
		return &d.mustRevalidate
	case "proxy-revalidate":
		return &d.proxyRevalidate
	case "must-understand":
		return &d.mustUnderstand
	case "immutable":
		return &d.immutable
	}
	return nil
}

// member is a member of a Dictionary.
type member struct {
	key    string
	kind   kind
	number int64    // kindInteger
	text   string   // kindString, without its escapes; kindToken
	list   []string // kindStrings
}

type kind uint8

const (
	kindOther kind = iota // a type that no directive has
	kindTrue
	kindFalse
	kindInteger
	kindString
	kindToken
	kindStrings // an Inner List of Strings
)

// maxMembers is how many members a Dictionary may have: as many as RFC 9651 §3.2
// requires of a parser. Keys are compared each with each.
const maxMembers = 1024

// structured parses RFC 9651 §4.2. Every method takes what it is named after
// from the front of rest and reports whether it was well-formed.
type structured struct{ rest string }

// dictionary takes all of rest as a Dictionary (§4.2.2).
func (p *structured) dictionary(members *[]member) bool {
	p.rest = strings.Trim(p.rest, " ")
	for p.rest != "" {
		m := member{kind: kindTrue}
		if !p.key(&m.key) {
			return false
		}
		if p.take('=') {
			if !p.itemOrInnerList(&m) {
				return false
			}
		} else if !p.parameters() {
			return false
		}
		if put(members, m); len(*members) > maxMembers {
			return false
		}
		p.rest = trimLeft(p.rest)
		if p.rest == "" {
			return true
		}
		if !p.take(',') {
			return false
		}
		p.rest = trimLeft(p.rest)
		if p.rest == "" {
			return false // a comma at the end
		}
	}
	return true
}

// put adds a member, in the place of one of the same key.
func put(members *[]member, m member) {
	for i := range *members {
		if (*members)[i].key == m.key {
			(*members)[i] = m
			return
		}
	}
	*members = append(*members, m)
}

func (p *structured) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// key takes a key: lcalpha or "*", then those, digits, "_", "-" and "." (§4.2.3.3).
func (p *structured) key(to *string) bool {
	n := 0
	for ; n < len(p.rest); n++ {
		c := p.rest[n]
		if lower := 'a' <= c && c <= 'z' || c == '*'; lower {
			continue
		}
		if n == 0 || !isDigit(c) && c != '_' && c != '-' && c != '.' {
			break
		}
	}
	*to, p.rest = p.rest[:n], p.rest[n:]
	return n > 0
}

// itemOrInnerList takes a member's value with its parameters (§4.2.1.1).
func (p *structured) itemOrInnerList(m *member) bool {
	if !p.take('(') {
		return p.item(m)
	}
	m.kind = kindStrings
	for p.rest != "" {
		p.rest = strings.TrimLeft(p.rest, " ")
		if p.take(')') {
			return p.parameters()
		}
		var inner member
		if !p.item(&inner) {
			return false
		}
		if inner.kind != kindString {
			m.kind = kindOther
		}
		m.list = append(m.list, inner.text)
		if p.rest == "" || p.rest[0] != ' ' && p.rest[0] != ')' {
			return false
		}
	}
	return false
}

// item takes a bare item and its parameters (§4.2.3).
func (p *structured) item(m *member) bool { return p.bareItem(m) && p.parameters() }

// parameters takes any number of them (§4.2.3.2).
func (p *structured) parameters() bool {
	for p.take(';') {
		p.rest = strings.TrimLeft(p.rest, " ")
		var m member
		if !p.key(&m.key) || p.take('=') && !p.bareItem(&m) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
