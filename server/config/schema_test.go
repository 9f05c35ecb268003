package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const schemaFile = "../../examples/hotpath.schema.json"

// compiled is what WriteSchema writes, as a validator reads it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSchema(&b); err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaFile, parsed); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// held holds a file against a schema, as an editor does.
func held(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var file any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	asJSON, err := json.Marshal(asTexts(file)) // of a mapping's keys JSON has texts alone
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// asTexts is v with texts for the keys of mappings.
func asTexts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, one := range v {
			v[key] = asTexts(one)
		}
	case map[any]any:
		texts := make(map[string]any)
		for key, one := range v {
			text, err := json.Marshal(key)
			if err == nil {
				texts[strings.Trim(string(text), `"`)] = asTexts(one)
			}
		}
		return texts
	case []any:
		for i := range v {
			v[i] = asTexts(v[i])
		}
	}
	return v
}

func TestSchemaFile(t *testing.T) {
	var want bytes.Buffer
	if err := WriteSchema(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("examples/hotpath.schema.json is stale; run: go generate ./server/config")
	}
}

// TestSchemaAccepts: what is valid is so for an editor, too: the examples, and each
// setting at the ends of its range.
func TestSchemaAccepts(t *testing.T) {
	s := compiled(t)
	for _, name := range []string{"hotpath.yaml", "hotpath-sites.yaml"} {
		text, err := os.ReadFile(filepath.Join("../../examples", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := held(t, s, string(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := held(t, s, siteExample); err != nil {
		t.Errorf("the example of sites: %v", err)
	}
	for _, e := range Edges() {
		if e.Key == configKey {
			continue
		}
		if err := held(t, s, e.Key+": "+e.Value); err != nil {
			t.Errorf("%s: %s: %v", e.Key, e.Value, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, text := range []string{
		"cache-byte: 64MiB",
		"config: other.yaml",
		"cache-bytes: 64 megabytes",
		"idle-timeout: 60",
		"cache-shards: many",
		"max-conns: 0",
		"log-format: xml",
		"admin-insecure: perhaps",
		"sites: {}",
		"sites: [{host-names: [a.test]}]",
		"sites: [{hosts: [a.test], cache: {negative: {200: 1m}}}]",
		"sites: [{hosts: [a.test], timeouts: {dial: soon}}]",
	} {
		if err := held(t, s, text); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
