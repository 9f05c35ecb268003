package config

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
	"github.com/e0ac7cd4/hotpath/server/rules"
)

// records is a value that is a list of mappings.
type records interface {
	value
	reset()
	// next begins one more, whose keys are the rows of a table, and ends it:
	// end reports what is wrong with the whole, and about which value.
	next() (table []siteSetting, end func() (about string, err error))
}

// records reads a list of mappings.
func (r *reader) records(v records, key, node *yaml.Node, path string) {
	if node.Kind != yaml.SequenceNode {
		r.fail(key, node, path, "is not a list", v.allowed())
		return
	}
	v.reset()
	for i, item := range node.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.Kind != yaml.MappingNode {
			r.fail(item, item, at, "is not a mapping", v.allowed())
			continue
		}
		before := len(r.mistakes)
		table, end := v.next()
		allowed := "the keys " + strings.Join(keysAt(table, ""), ", ")
		r.each(item, at+".", allowed, func(key, value *yaml.Node) {
			for _, k := range table {
				if k.name == key.Value {
					r.siteValue(k.value, key, value, at+"."+k.name)
					return
				}
			}
			r.fail(key, value, at+"."+key.Value, "is no key of it", meant(allowed, suggest.Nearest(key.Value, keysAt(table, ""))))
		})
		if len(r.mistakes) > before {
			continue
		}
		if about, err := end(); err != nil {
			r.mistake(&Error{r.place(item, at), at, about, err.Error(), v.allowed()})
		}
	}
}

// redirects are the paths that lead elsewhere.
type redirects struct{ p *[]rules.Redirect }

var redirectStatuses = []string{"301", "302", "303", "307", "308"}

func (v *redirects) next() (table []siteSetting, end func() (string, error)) {
	one, status := rules.Redirect{}, "308"
	table = []siteSetting{
		{"from", "", &line{p: &one.From}, ""},
		{"to", "", &line{p: &one.To}, ""},
		{"status", status, &choice{p: &status, of: redirectStatuses}, ""},
	}
	return table, func() (string, error) {
		n, _ := parseInt(status) // one of the choices
		one.Status = int(n)
		if err := one.CheckFrom(); err != nil {
			return one.From, fmt.Errorf("from %w", err)
		}
		if err := one.CheckTo(); err != nil {
			return one.To, fmt.Errorf("to %w", err)
		}
		for _, other := range *v.p {
			if other.From == one.From {
				return one.From, errors.New("is led elsewhere already")
			}
		}
		*v.p = append(*v.p, one)
		return "", nil
	}
}

func (v *redirects) reset() { *v.p = nil }

func (v *redirects) set(s string) error {
	v.reset()
	if s == "" {
		return nil
	}
	return errors.New("is not a list")
}

func (v *redirects) check() error {
	for i := range *v.p {
		if err := errors.Join((*v.p)[i].CheckFrom(), (*v.p)[i].CheckTo()); err != nil {
			return err
		}
	}
	return nil
}

func (v *redirects) String() string {
	texts := make([]string, len(*v.p))
	for i, one := range *v.p {
		texts[i] = fmt.Sprintf("%s -> %s (%d)", one.From, one.To, one.Status)
	}
	return strings.Join(texts, ", ")
}

func (v *redirects) allowed() string {
	return "a list of mappings such as {from: /old/*, to: /new/*, status: 308}; to is a path, or a URL such as https://example.com/*; status is one of " + strings.Join(redirectStatuses, ", ")
}

func (v *redirects) schema() schema {
	table, _ := v.next()
	properties := make(map[string]schema)
	for _, k := range table {
		properties[k.name] = schema{"type": "string"}
	}
	var statuses []any
	for _, s := range redirectStatuses {
		n, _ := parseInt(s)
		statuses = append(statuses, n, s)
	}
	properties["status"] = schema{"enum": statuses}
	item := object(properties)
	item["required"] = []string{"from", "to"}
	return schema{"type": "array", "items": item}
}

// line is a text that something else checks.
type line struct{ p *string }

func (v *line) set(s string) error { *v.p = s; return nil }
func (v *line) check() error       { return nil }
func (v *line) String() string     { return *v.p }
func (v *line) allowed() string    { return "a text" }

// realm is a text between quotes.
type realm struct{ p *string }

func (v *realm) set(s string) error { *v.p = s; return v.check() }

func (v *realm) check() error {
	for _, c := range *v.p {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return errors.New("has characters that a realm cannot have")
		}
	}
	if *v.p == "" {
		return errors.New("is empty")
	}
	return nil
}

func (v *realm) String() string  { return *v.p }
func (v *realm) allowed() string { return `a text in ASCII without quotes and backslashes` }
