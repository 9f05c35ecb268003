package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// sitesKey is the key of the file that is no setting: the list of sites.
const sitesKey = "sites"

const oneDocument = "YAML: one `key: value` a line"

// file reads one YAML document that maps keys to values: no key twice, no
// alias, nothing nested but sites. name is only for messages. known is whether all
// of it was understood as YAML.
func (l *loader) file(name string, data []byte) (known bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return true
	case err != nil:
		l.mistake(syntaxMistake(name, data, err))
		return false
	}
	r := reader{loader: l, name: name}
	root := document.Content[0]
	switch {
	case root.Kind == yaml.ScalarNode && root.Tag == "!!null":
	case root.Kind != yaml.MappingNode:
		r.fail(root, root, "top", "is not a mapping", "one `key: value` a line")
	default:
		r.top(root)
	}
	if err := decoder.Decode(&document); !errors.Is(err, io.EOF) {
		l.mistake(&Error{l.whereIs(configKey), configKey, name, "has more than one YAML document", "one"})
	}
	return true
}

// yamlLine is where an error of the parser begins: with a line or without one.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line [0-9]+: )?`)

// syntaxMistake is an error of the parser with the line that it is about. The
// parser's own number is that line's, the one's before it, that of the mapping
// around it, or missing. So it is looked for: it is the last line of the shortest
// beginning of the file that has the same problem.
func syntaxMistake(name string, data []byte, err error) *Error {
	problem := func(err error) string { return yamlLine.ReplaceAllString(oneLine(err.Error()), "") }
	lines := bytes.SplitAfter(data, []byte("\n"))
	n := 1 + sort.Search(len(lines)-1, func(i int) bool {
		var document yaml.Node
		got := yaml.Unmarshal(bytes.Join(lines[:i+1], nil), &document)
		return got != nil && problem(got) == problem(err)
	})
	return &Error{fmt.Sprintf("%s:%d", name, n), configKey, strings.TrimSpace(string(lines[n-1])), problem(err), oneDocument}
}

// reader goes through a document.
type reader struct {
	*loader
	name string
}

// place is where a key stands, as an Error shows it.
func (r *reader) place(key *yaml.Node, path string) string {
	return fmt.Sprintf("%s:%d: %s", r.name, key.Line, path)
}

// fail adds a mistake at key, about value.
func (r *reader) fail(key, value *yaml.Node, path, problem, allowed string) {
	r.mistake(&Error{r.place(key, path), path, value.Value, problem, allowed})
}

// single reports, as what is wrong with it, that a node is not one value.
func single(value *yaml.Node) (problem string) {
	switch {
	case value.Kind != yaml.ScalarNode:
		return "is not a single value"
	case value.Tag == "!!null":
		return "has no value"
	}
	return ""
}

// each calls visit for the keys of a mapping that are plain and given once.
func (r *reader) each(node *yaml.Node, path, allowed string, visit func(key, value *yaml.Node)) {
	lines := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(key, key, path+"key", "is not a plain key", allowed)
		case lines[key.Value] != 0:
			r.fail(key, value, path+key.Value, fmt.Sprintf("is set on line %d already", lines[key.Value]), "each key once")
		default:
			lines[key.Value] = key.Line
			visit(key, value)
		}
	}
}

// top reads the settings.
func (r *reader) top(root *yaml.Node) {
	r.each(root, "", suggestKey(""), func(key, value *yaml.Node) {
		name := key.Value
		k := named(name)
		_, several := k.value.(many)
		switch {
		case name == sitesKey:
			r.sites(key, value)
		case name == configKey:
			r.fail(key, value, name, "cannot be set in the file itself", "-config or HOTPATH_CONFIG")
		case k.value == nil && value.Kind == yaml.MappingNode:
			r.nested(key, value, name)
		case several && value.Kind == yaml.SequenceNode:
			for _, item := range value.Content {
				if problem := single(item); problem != "" {
					r.fail(item, item, name, problem, k.value.allowed())
					continue
				}
				r.take(assignment{name, item.Value, r.place(item, name), fromFile, nil})
			}
		default:
			if problem := single(value); problem != "" {
				r.wrong[name] = true
				r.fail(key, value, name, problem, allowedFor(name))
				return
			}
			r.take(assignment{name, value.Value, r.place(key, name), fromFile, nil})
		}
	})
}

// maxNesting is how deep keys within keys are gone into for hints.
const maxNesting = 4

// nested refuses settings that are put together under the beginning of their
// names, and names the right form. path has the keys down to key.
func (r *reader) nested(key, value *yaml.Node, path ...string) {
	const flat = "one `key: value` a line; only sites have keys within keys"
	dotted := strings.Join(path, ".")
	if len(value.Content) == 0 {
		r.fail(key, value, dotted, "is no setting", suggestKey(key.Value))
	}
	r.each(value, dotted+".", flat, func(child, value *yaml.Node) {
		path := append(slices.Clone(path), child.Value)
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 && len(path) < maxNesting {
			r.nested(child, value, path...)
			return
		}
		right := ""
		if k := flatSetting(path); k.value != nil && value.Kind == yaml.ScalarNode {
			right = k.name + ": " + value.Value
			if k.value.set(value.Value) != nil {
				right = k.name + ": " + likely(k.value, value.Value)
			}
		}
		r.fail(child, value, dotted+"."+child.Value, "is nested", meant(flat, right))
	})
}

// flatSetting is the setting that keys within keys, two or more, mean: the last one's,
// that of the last few with dashes, or of the last two the other way round and
// without an s, as in timeouts: {idle: 1m}; else the one that is most like them.
// Without a value it is none.
func flatSetting(path []string) setting {
	last, before := path[len(path)-1], strings.TrimSuffix(path[len(path)-2], "s")
	names := []string{last, before + "-" + last, last + "-" + before}
	for i := range path[:len(path)-1] {
		names = append(names, strings.Join(path[i:], "-"))
	}
	for _, name := range names {
		if k := named(name); k.value != nil {
			return k
		}
	}
	for _, name := range names[1:] {
		if near := suggest.Nearest(name, settingNames()); near != "" {
			return named(near)
		}
	}
	return setting{}
}
