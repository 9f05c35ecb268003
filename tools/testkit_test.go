package tools

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestOneOfEach: what tests of several packages need is in internal/testkit once,
// and not in each of them.
func TestOneOfEach(t *testing.T) {
	testkit.NeedTree(t)
	once := map[string]string{
		"x509.Create" + "Certificate(": "testkit.NewIdentity",
		"type log" + "Buffer ":         "testkit.LogBuffer",
		"frame.ParseHeader" + "(head":  "h2peer.Peer", // a frame that is read from a connection
	}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		for own, instead := range once {
			if strings.Contains(string(text), own) {
				t.Errorf("%s has %s…: %s does that", name, own, instead)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
