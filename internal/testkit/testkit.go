// Package testkit is what the tests of several packages share: certificates,
// logs, sockets, built programs, and what to do if the machine lacks something.
// The scripted peers are packages of their own, h1peer and h2peer. Nothing but
// tests imports any of them.
package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Need skips a test if a program is missing.
func Need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		Lacks(t, program+" is not installed")
	}
}

// NeedFull skips a test if there is no /dev/full, a disk without room.
func NeedFull(t testing.TB) {
	t.Helper()
	if _, err := os.Stat("/dev/full"); err != nil {
		Lacks(t, err.Error())
	}
}

// Lacks skips a test for what the machine lacks. HOTPATH_REQUIRE_TOOLS=1 makes
// that a failure: what is to run everything shall not skip in silence.
func Lacks(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("HOTPATH_REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s, and HOTPATH_REQUIRE_TOOLS=1", what)
	}
	t.Skip(what)
}

// Outputs is the folder for what a test leaves to be looked at.
func Outputs(t testing.TB) string {
	t.Helper()
	base := os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR")
	if base == "" {
		return t.ArtifactDir()
	}
	dir := filepath.Join(base, t.Name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// leakTime is how long goroutines may take to end after the last test.
const leakTime = 10 * time.Second

// Run runs the tests of a package and exits, with a failure if a goroutine
// outlives them in whose stack marker stands, part of an import path.
func Run(m *testing.M, marker string) {
	code := m.Run()
	if left := leaked(marker); left != "" && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines outlive the tests:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// leaked returns the stacks of the goroutines that have not ended in time.
func leaked(marker string) string {
	for end := time.Now().Add(leakTime); ; {
		all := make([]byte, 1<<20)
		all = all[:runtime.Stack(all, true)]
		var left []string
		for _, stack := range strings.Split(string(all), "\n\n")[1:] { // but our own
			if strings.Contains(stack, marker) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
