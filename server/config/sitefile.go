package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// sites reads the list of sites.
func (r *reader) sites(key, value *yaml.Node) {
	r.c.where[sitesKey] = r.place(key, sitesKey)
	if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
		r.wrong[sitesKey] = true
		r.fail(key, value, sitesKey, "is not a list of sites", "a list whose items begin with a dash: - hosts: [example.com]")
		return
	}
	for i, node := range value.Content {
		yield.InLoop()
		s := DefaultSite()
		s.name, s.where = fmt.Sprintf("%s[%d]", sitesKey, i), make(map[string]string)
		s.where[""] = r.place(node, s.name)
		if node.Kind != yaml.MappingNode {
			problem := "is not a mapping"
			if node.Kind == yaml.AliasNode {
				problem = single(node)
			}
			r.fail(node, node, s.name, problem, "keys such as hosts and root, one `key: value` a line")
			r.wrong[s.name] = true
		} else {
			r.siteLevel(node, &s, siteSettings(&s), "")
		}
		r.c.Sites = append(r.c.Sites, s)
	}
}

// siteLevel reads the keys of a mapping in a site; prefix is what their names
// begin with, "" or "cache.".
func (r *reader) siteLevel(node *yaml.Node, s *Site, table []siteSetting, prefix string) {
	allowed := "the keys " + strings.Join(keysAt(table, prefix), ", ")
	r.each(node, s.name+"."+prefix, allowed, func(key, value *yaml.Node) {
		name := prefix + key.Value
		path := s.name + "." + name
		for _, k := range table {
			if k.name == name {
				s.where[name] = r.place(key, path)
				if !r.siteValue(k.value, key, value, path) {
					r.wrong[path] = true
				}
				return
			}
		}
		switch {
		case len(keysAt(table, name+".")) == 0 && prefix == "" && named(key.Value).value != nil:
			r.fail(key, value, path, "is a setting of the whole server", "it outside of sites, at the beginning of a line")
		case len(keysAt(table, name+".")) == 0:
			likely := suggest.Nearest(key.Value, keysAt(table, prefix))
			for _, k := range table {
				if strings.HasSuffix(k.name, "."+key.Value) {
					likely = k.name[:len(k.name)-len(key.Value)-1] + ": {" + key.Value + ": …}"
				}
			}
			r.fail(key, value, path, "is no setting of a site", meant(allowed, likely))
		case value.Kind != yaml.MappingNode:
			r.fail(key, value, path, "is not a mapping", "the keys "+strings.Join(keysAt(table, name+"."), ", "))
		default:
			r.siteLevel(value, s, table, name+".")
		}
	})
}

// siteKey is a setting of a site as its keys are written, for its name or the last
// part of that; "" if there is none.
func siteKey(name string) string {
	s := DefaultSite()
	for _, k := range siteSettings(&s) {
		first, rest, within := strings.Cut(k.name, ".")
		switch {
		case name == k.name && !within, name == first:
			return name + ": …"
		case within && name == rest:
			return first + ": {" + rest + ": …}"
		}
	}
	return ""
}

// keysAt are the keys that may stand in the mapping of that prefix.
func keysAt(table []siteSetting, prefix string) []string {
	var keys []string
	for _, k := range table {
		rest, ok := strings.CutPrefix(k.name, prefix)
		if !ok {
			continue
		}
		key, _, _ := strings.Cut(rest, ".")
		if len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	return keys
}

// siteValue sets a value and reports whether it is allowed.
func (r *reader) siteValue(v value, key, node *yaml.Node, path string) (ok bool) {
	before := len(r.mistakes)
	set := func(at, one *yaml.Node, path string, set func(string) error, kind value) {
		if problem := single(one); problem != "" {
			r.fail(at, one, path, problem, v.allowed())
		} else if err := set(one.Value); err != nil {
			r.mistake(&Error{r.place(at, path), path, showable(one.Value, err), err.Error(), meant(v.allowed(), remedy(kind, one.Value, err))})
		}
	}
	listed, isRecords := v.(records)
	switch several, isMany := v.(many); {
	case isMany && node.Kind == yaml.SequenceNode:
		several.reset()
		for _, item := range node.Content {
			set(item, item, path, several.add, several)
		}
	case isRecords:
		r.records(listed, key, node, path)
	default:
		mapping, isPairs := v.(pairs)
		if !isPairs {
			set(key, node, path, v.set, v)
			break
		}
		if node.Kind != yaml.MappingNode {
			r.fail(key, node, path, "is not a mapping", v.allowed())
			break
		}
		r.each(node, path+".", v.allowed(), func(k, one *yaml.Node) {
			set(k, one, path+"."+k.Value, func(s string) error { return mapping.pair(k.Value, s) }, mapping.kind())
		})
	}
	return len(r.mistakes) == before
}
