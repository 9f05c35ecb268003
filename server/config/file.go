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
	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// sitesKey is the key of the file that is no setting: the list of sites.
const sitesKey = "sites"

const oneDocument = "YAML: one `key: value` a line"

// file reads one YAML document that maps keys to values: no key twice, no
// alias, nothing nested but sites. name is only for messages. known is whether all
// of it was understood as YAML.
func (l *loader) file(name string, data []byte) (known bool) {
	decoder := yaml.NewDecoder(&slowReader{data})
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
		likely := ""
		if key, value, ok := strings.Cut(root.Value, ":"); ok && named(key).value != nil {
			likely = key + ": " + value
		}
		r.fail(root, root, "the file", "is not a mapping", meant("one `key: value` a line", likely))
	default:
		r.top(root)
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		l.mistake(syntaxMistake(name, data, err))
	default:
		lines := strings.Split(string(data), "\n")
		line := min(second.Content[0].Line, len(lines)) // an empty one begins behind the end
		text := strings.TrimSpace(lines[line-1])
		l.mistake(&Error{fmt.Sprintf("%s:%d", name, line), configKey, text, "begins another YAML document", "one in a file, without --- between keys"})
	}
	return true
}

// slowReader reads a file in pieces, so that its parser, which reads as it goes, lets
// others go first.
type slowReader struct{ rest []byte }

func (r *slowReader) Read(buf []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	yield.InLoop()
	n := copy(buf[:min(len(buf), 1<<10)], r.rest) // some 20 lines, 100 µs
	r.rest = r.rest[n:]
	return n, nil
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
		got := parse(bytes.Join(lines[:i+1], nil))
		return got != nil && problem(got) == problem(err)
	})
	line := string(lines[n-1])
	return &Error{fmt.Sprintf("%s:%d", name, n), configKey, strings.TrimSpace(line), problem(err), wantYAML(line, problem(err))}
}

// parse is the parser's error about a text of any number of documents.
func parse(text []byte) error {
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document yaml.Node
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// wantYAML is what is allowed in place of a line for which the parser has a problem:
// the rule that it is probably about.
func wantYAML(line, problem string) string {
	const quotes = "YAML: one `key: value` a line; quotes around a value that begins with one of * & ! | > % @ ` { [ : or has a colon and a space"
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		return "YAML: spaces, and no tab, before a key"
	case strings.Contains(problem, "control characters"), strings.Contains(problem, "UTF-"):
		return "YAML in UTF-8, without control characters"
	case strings.Contains(problem, "start any token"), strings.Contains(problem, "alphabetic or numeric"),
		strings.Contains(problem, "mapping values"), strings.Contains(problem, "node content"), strings.Contains(problem, "unknown anchor"):
		return quotes
	}
	return oneDocument
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
	text := value.Value
	if value.Kind == yaml.AliasNode {
		text = "*" + text
	}
	r.mistake(&Error{r.place(key, path), path, text, problem, allowed})
}

// single reports, as what is wrong with it, that a node is not one value.
func single(value *yaml.Node) (problem string) {
	switch {
	case value.Kind == yaml.AliasNode:
		return "is an alias, and there are none here"
	case value.Kind != yaml.ScalarNode:
		return "is not a single value"
	case value.Style&yaml.TaggedStyle != 0 && value.ShortTag() != "!!str":
		return "has the type " + value.ShortTag() + " of YAML or another program, which is not read here"
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
		case key.Tag == "!!merge":
			r.wrong[strings.TrimSuffix(path, ".")] = true // what it lacks may be in what it names
			r.fail(key, value, path+key.Value, "merges keys of elsewhere, which is not done here", "the keys themselves")
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
		case k.value == nil && siteKey(name) != "":
			r.fail(key, value, name, "is a setting of a site", meant("it in a site of sites", "sites: [{hosts: […], "+siteKey(name)+"}]"))
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
