package head

import (
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Request is a request head that is well-formed. Its strings are borrowed from
// the field list.
type Request struct {
	message.Request
	Length   int64  // content-length; -1 if there is none
	Protocol string // :protocol of an extended CONNECT (RFC 8441 §4); "": it is none
}

// Parse makes r of a field list, after checking it (RFC 9113 §8.2, §8.3). It
// returns why the request is malformed, "" if it is not. It does not allocate for
// one that is well-formed.
func (r *Request) Parse(fields []hpack.Field) (malformed string) {
	*r = Request{Length: -1}
	var schemes, paths int
	i := 0
	for ; i < len(fields) && strings.HasPrefix(fields[i].Name, ":"); i++ {
		f := &fields[i]
		var into *string
		switch f.Name {
		case ":method":
			into = &r.Method
		case ":scheme":
			into = &r.Scheme
			schemes++
		case ":path":
			into = &r.Path
			paths++
		case ":authority":
			into = &r.Authority
		case ":protocol":
			into = &r.Protocol
		default:
			return "unknown pseudo-field " + strconv.Quote(f.Name)
		}
		if *into != "" {
			return "pseudo-field " + f.Name + " twice"
		}
		if f.Value == "" || !validValue(f.Value) {
			return "pseudo-field " + f.Name + " empty or with a forbidden character"
		}
		*into = f.Value
	}
	r.Fields = fields[i:]
	if r.Protocol != "" && (r.Method != "CONNECT" || r.Authority == "" || !validToken(r.Protocol)) {
		return ":protocol needs CONNECT, :authority and a token" // RFC 8441 §4
	}
	if r.plainConnect() {
		if schemes+paths > 0 || r.Authority == "" {
			return "CONNECT needs :authority alone" // §8.5
		}
	} else if r.Scheme == "" || r.Path == "" {
		return ":scheme or :path missing" // §8.3.1
	}
	if why := r.checkTarget(); why != "" {
		return why
	}
	hosts := 0
	for i := range r.Fields {
		if r.Fields[i].Name == "host" {
			hosts++
		}
		if why := r.check(&r.Fields[i]); why != "" {
			return why
		}
	}
	switch {
	case hosts > 1:
		return "host twice" // RFC 9110 §7.2
	case r.Authority == "":
		return "neither :authority nor host" // §8.3.1: of http and https neither is optional
	}
	return ""
}

// plainConnect reports whether the target is an authority alone (§8.5). That of
// an extended CONNECT is like any other's (RFC 8441 §4).
func (r *Request) plainConnect() bool { return r.Method == "CONNECT" && r.Protocol == "" }

// check checks a regular field and takes from it what the engine uses itself.
func (r *Request) check(f *hpack.Field) (why string) {
	if why := checkField(f); why != "" {
		return why
	}
	switch f.Name {
	case "host":
		why = r.checkHost(f.Value)
	case "content-length":
		n, err := strconv.ParseUint(f.Value, 10, 63)
		if err != nil || f.Value[0] == '+' || r.Length >= 0 && r.Length != int64(n) {
			return "content-length is not one number"
		}
		r.Length = int64(n)
	}
	return why
}

// CheckTrailers returns why a trailer section is malformed, "" if it is not: it has
// no pseudo-fields (§8.1).
func CheckTrailers(fields []hpack.Field) (why string) {
	for i := range fields {
		if why := checkField(&fields[i]); why != "" {
			return why
		}
	}
	return ""
}

// checkField checks what holds for every regular field (§8.2).
func checkField(f *hpack.Field) (why string) {
	if !validName(f.Name) {
		return "field name " + strconv.Quote(f.Name) + " empty, in upper case or no token"
	}
	if !validValue(f.Value) {
		return "value of " + f.Name + " with a forbidden character"
	}
	switch f.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return f.Name + " belongs to HTTP/1.1" // §8.2.2
	case "te":
		if f.Value != "trailers" {
			return "te other than trailers"
		}
	}
	return ""
}

// validName reports whether a field name is a token in lower case (§8.2.1).
func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'a' && c <= 'z' || c == '-' {
			continue
		} else if c >= 'A' && c <= 'Z' || !httpguts.IsTokenRune(rune(c)) {
			return false
		}
	}
	return s != ""
}

func validToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !httpguts.IsTokenRune(rune(s[i])) {
			return false
		}
	}
	return s != ""
}

// validValue reports whether a field value has no NUL, CR or LF and neither
// begins nor ends with a space or a tab (§8.2.1).
func validValue(s string) bool {
	if s == "" {
		return true
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' {
			return false
		}
	}
	return !space(s[0]) && !space(s[len(s)-1])
}

func space(c byte) bool { return c == ' ' || c == '\t' }
