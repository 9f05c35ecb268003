package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// module is this one: its programs are built as the test is.
const module = "github.com/e0ac7cd4/hotpath/"

// majorVersion ends the import path of a module's root, and is no name.
var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// Program returns the path of a command of this module, or of a tool that
// go.mod names, by its import path. It is built into dir, one of this module with
// the race detector if the test has it. If Bazel runs the test, the program is
// among the test's data instead, and TESTKIT_ with the last part of its import
// path, in capitals, names its runfile: TESTKIT_SERVER.
//
// It builds at every call: callers remember the path.
func Program(dir, importPath string) (string, error) {
	name := path.Base(majorVersion.ReplaceAllString(importPath, ""))
	variable := "TESTKIT_" + strings.ToUpper(name)
	if runfiles := os.Getenv("TEST_SRCDIR"); runfiles != "" {
		runfile := os.Getenv(variable)
		if runfile == "" {
			return "", fmt.Errorf("%s is not among the test's data: the Bazel rule must set %s", importPath, variable)
		}
		return filepath.Join(runfiles, runfile), nil
	}
	built := filepath.Join(dir, name)
	args := []string{"build", "-o", built}
	if strings.HasPrefix(importPath, module) && raceEnabled() {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, importPath)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", importPath, err, out)
	}
	return built, nil
}

// raceEnabled reports whether this test was built with the race detector.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}
