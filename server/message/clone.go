package message

import (
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Clone returns a copy of r that owns its memory: one string and one slice,
// whatever the number of fields.
func (r *Request) Clone() *Request {
	n := len(r.Method) + len(r.Scheme) + len(r.Authority) + len(r.Path)
	for _, f := range r.Fields {
		n += len(f.Name) + len(f.Value)
	}
	var text strings.Builder
	text.Grow(n)
	own := func(s string) string {
		start := text.Len()
		text.WriteString(s) // within what Grow reserved: earlier views stay valid
		return text.String()[start:]
	}
	c := &Request{
		Method:    own(r.Method),
		Scheme:    own(r.Scheme),
		Authority: own(r.Authority),
		Path:      own(r.Path),
		Fields:    make([]hpack.Field, len(r.Fields)),
		Identity:  r.Identity,
		Client:    r.Client,
		Trusted:   r.Trusted,
	}
	for i, f := range r.Fields {
		c.Fields[i] = hpack.Field{Name: own(f.Name), Value: own(f.Value), Sensitive: f.Sensitive}
	}
	return c
}
