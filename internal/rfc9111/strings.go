package rfc9111

import (
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Strings returns the members of a field that is a List of Strings (RFC 9651 §3.1),
// at most limit of them, without their parameters. A member of another type is
// left out; a field that is malformed anywhere has none (§4.2).
func Strings(fields []hpack.Field, name string, limit int) (all []string) {
	value, ok := joined(fields, name)
	if !ok {
		return nil
	}
	p := structured{rest: strings.Trim(value, " ")}
	for p.rest != "" {
		var m member
		if !p.itemOrInnerList(&m) {
			return nil
		}
		if m.kind == kindString && len(all) < limit {
			all = append(all, m.text)
		}
		p.rest = trimLeft(p.rest)
		if p.rest == "" {
			return all
		}
		if !p.take(',') {
			return nil
		}
		if p.rest = trimLeft(p.rest); p.rest == "" {
			return nil // a comma at the end
		}
	}
	return all
}
