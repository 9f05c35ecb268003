package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseFile reads one YAML document that maps keys to scalars: no nesting,
// nothing twice, no alias. name is only for messages.
func parseFile(name string, data []byte) ([]setting, error) {
	fail := func(node *yaml.Node, key, problem, allowed string) error {
		return &Error{fmt.Sprintf("%s:%d: %s", name, node.Line, key), key, node.Value, problem, allowed}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, &Error{configKnob, configKnob, name, strings.TrimPrefix(err.Error(), "yaml: "), "YAML: one `key: value` a line"}
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, fail(root, "top", "is not a mapping", "one `key: value` a line")
	}
	settings := make([]setting, 0, len(root.Content)/2)
	lines := make(map[string]int)
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			return nil, fail(key, "key", "is not a plain key", suggest(""))
		case key.Value == configKnob:
			return nil, fail(value, configKnob, "cannot be set in the file itself", "-config or HOTPATH_CONFIG")
		case lines[key.Value] != 0:
			return nil, fail(value, key.Value, fmt.Sprintf("is set on line %d already", lines[key.Value]), "each key once")
		case value.Kind != yaml.ScalarNode:
			return nil, fail(value, key.Value, "is not a single value", allowedFor(key.Value))
		case value.Tag == "!!null":
			return nil, fail(value, key.Value, "has no value", allowedFor(key.Value))
		}
		lines[key.Value] = key.Line
		where := fmt.Sprintf("%s:%d: %s", name, key.Line, key.Value)
		settings = append(settings, setting{key.Value, value.Value, where})
	}
	if err := decoder.Decode(&document); !errors.Is(err, io.EOF) {
		return nil, &Error{configKnob, configKnob, name, "has more than one YAML document", "one"}
	}
	return settings, nil
}
