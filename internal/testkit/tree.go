package testkit

import (
	"os"
	"testing"
)

// NeedTree skips a test that reads the whole source tree if Bazel runs it:
// there a test sees the files that its rule declares, and no more. tools/check
// runs it everywhere else.
func NeedTree(t testing.TB) {
	t.Helper()
	if os.Getenv("TEST_SRCDIR") != "" {
		t.Skip("the whole source tree is not among the files of a test of Bazel: go test runs this one")
	}
}
