package rules

import (
	"slices"

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
		if !f.replaces(field.Name) {
			made = append(made, field)
		}
	}
	return append(made, f.Set...)
}

// replaces reports whether nothing is left of the fields of a name.
func (f *Fields) replaces(name string) bool {
	return slices.Contains(f.Remove, name) || slices.ContainsFunc(f.Set, func(s hpack.Field) bool { return s.Name == name })
}
