package tools

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestServerIsItself: the server is linked with nothing of the load generator,
// neither with its packages nor with the module whose formats it writes, nor with
// what only tests need. Each of these would make every server larger, and its
// flaws the server's.
func TestServerIsItself(t *testing.T) {
	notLinked(t, "./server", "github.com/e0ac7cd4/hotpath/internal/chartpage",
		"github.com/tsenart/", "github.com/e0ac7cd4/hotpath/loadgen", testsAlone)
}

// TestLoadgenIsItself: the load generator is linked with nothing of the server, nor
// with what only tests need.
func TestLoadgenIsItself(t *testing.T) {
	notLinked(t, "./loadgen", "github.com/e0ac7cd4/hotpath/internal/wire",
		"github.com/e0ac7cd4/hotpath/server", "github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest", testsAlone)
}

// testsAlone is what only tests import.
const testsAlone = "github.com/e0ac7cd4/hotpath/internal/testkit"

// notLinked checks that a program is linked with no package whose path has one of
// these prefixes. known is one with which it is.
func notLinked(t *testing.T, program, known string, prefixes ...string) {
	t.Helper()
	testkit.NeedTree(t)
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", program)
	list.Dir = ".."
	deps, err := list.Output()
	if err != nil {
		t.Fatalf("listing what %s is linked with: %v", program, err)
	}
	if !strings.Contains(string(deps), known+"\n") {
		t.Errorf("%s is not among what %s is linked with: is this the list?", known, program)
	}
	for dep := range strings.Lines(string(deps)) {
		dep = strings.TrimSpace(dep)
		for _, prefix := range prefixes {
			if strings.HasPrefix(dep, prefix) {
				t.Errorf("%s is linked with %s", program, dep)
			}
		}
	}
}
