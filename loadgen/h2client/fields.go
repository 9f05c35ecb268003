package h2client

import (
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// checkField says what is wrong with a field that is none of the pseudo-fields
// (§8.2), "" for nothing.
func checkField(f *hpack.Field) (why string) {
	if f.Name == "" {
		return "a field without a name"
	}
	for i := range len(f.Name) {
		if !nameOctets[f.Name[i]] {
			if f.Name[0] == ':' {
				return "a pseudo-field where none may be" // §8.3
			}
			return "a field name in upper case or with a forbidden octet"
		}
	}
	if v := f.Value; v != "" && (space(v[0]) || space(v[len(v)-1]) ||
		strings.IndexByte(v, 0) >= 0 || strings.IndexByte(v, '\n') >= 0 || strings.IndexByte(v, '\r') >= 0) {
		return "a field value with a forbidden octet, or space around it"
	}
	switch f.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return "a field that belongs to HTTP/1.1" // §8.2.2
	}
	return ""
}

func space(c byte) bool { return c == ' ' || c == '\t' }

// nameOctets are what names of fields are made of: tokens in lower case
// (§8.2.1).
var nameOctets = func() (allowed [256]bool) {
	for c := range rune(0x80) {
		allowed[c] = httpguts.IsTokenRune(c) && (c < 'A' || c > 'Z')
	}
	return allowed
}()
