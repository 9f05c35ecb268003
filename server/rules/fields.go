package rules

import (
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Fields is what becomes of the fields of a message: some are removed, some are
// set, in place of all that have the name. Names are in lower case. Nil changes
// nothing.
type Fields struct {
	Set    []hpack.Field
	Remove []string
}

// Apply returns what is made of fields, which it does not change. To apply it
// twice is to apply it once.
func (f *Fields) Apply(fields []hpack.Field) []hpack.Field {
	if f == nil {
		return fields
	}
	made := make([]hpack.Field, 0, len(fields)+len(f.Set))
	for _, field := range fields {
		if field.Name == "connection" {
			field.Value = f.connection(field.Value)
		}
		if !f.replaces(field.Name) {
			made = append(made, field)
		}
	}
	return append(made, f.Set...)
}

// connection is a value of Connection that names none of the fields that are set:
// it would remove them on their way (RFC 9110 §7.6.1).
func (f *Fields) connection(value string) string {
	options := strings.Split(value, ",")
	kept := slices.DeleteFunc(options, func(o string) bool { return f.replaces(strings.ToLower(strings.Trim(o, " \t"))) })
	return strings.Join(kept, ",")
}

// replaces reports whether nothing is left of the fields of a name, or of one that
// CGI and WSGI servers take for it: they read x_edge as X-Edge.
func (f *Fields) replaces(name string) bool {
	if strings.IndexFunc(name, folds) >= 0 {
		name = strings.Map(func(c rune) rune {
			if folds(c) {
				return '-'
			}
			return c
		}, name)
	}
	return slices.Contains(f.Remove, name) || slices.ContainsFunc(f.Set, func(s hpack.Field) bool { return s.Name == name })
}

// folds reports whether a character of a name in lower case may be read as "-".
func folds(c rune) bool { return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') }
