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
	testkit.NeedTree(t)
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./server")
	list.Dir = ".."
	deps, err := list.Output()
	if err != nil {
		t.Fatalf("listing what the server is linked with: %v", err)
	}
	if !strings.Contains(string(deps), "github.com/e0ac7cd4/hotpath/internal/chartpage\n") {
		t.Error("the server's charts are not among what it is linked with: is this the list?")
	}
	for dep := range strings.Lines(string(deps)) {
		dep = strings.TrimSpace(dep)
		for _, not := range []string{"github.com/tsenart/", "github.com/e0ac7cd4/hotpath/loadgen", "github.com/e0ac7cd4/hotpath/internal/testkit"} {
			if strings.HasPrefix(dep, not) {
				t.Errorf("the server is linked with %s", dep)
			}
		}
	}
}
