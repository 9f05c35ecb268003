package config

import (
	"os"
	"regexp"
	"testing"
)

// TestDocumentedSites: the examples of sites in docs/caching.md are valid, as
// they stand there.
func TestDocumentedSites(t *testing.T) {
	text, err := os.ReadFile("../../docs/caching.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(sites:.*?)```").FindAllSubmatch(text, -1)
	if len(examples) < 2 {
		t.Errorf("%d examples of sites were found", len(examples))
	}
	for _, example := range examples {
		file := string(example[1])
		if _, err := Load([]string{"-config", "f.yaml"}, nil, files(map[string]string{"f.yaml": file})); err != nil {
			t.Errorf("%v, in\n%s", err, file)
		}
	}
}
