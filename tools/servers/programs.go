//go:build linux

package servers

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Build compiles a program of this tree.
func Build(ctx context.Context, binary, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-o", binary, program)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s (the working directory must be the repository's root): %w\n%s", program, err, out)
	}
	return nil
}

// GoVersion names the commit and the Go release that a binary was built from.
func GoVersion(binary string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err.Error()
	}
	version := info.GoVersion
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			version = "commit " + s.Value[:min(12, len(s.Value))] + ", " + version
		case s.Key == "vcs.modified" && s.Value == "true":
			version += ", with changes"
		}
	}
	return version
}

// FirstLine is the first line that a command prints, wherever it does.
func FirstLine(name string, args ...string) string {
	// Some print their version and fail.
	out, err := exec.Command(name, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
