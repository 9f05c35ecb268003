//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// packages are the Debian packages of the programs that a run needs.
var packages = map[string]string{
	h2o:      "h2o",
	nginx:    "nginx-light",
	haproxy:  "haproxy",
	"h2load": "nghttp2-client",
	"wrk":    "wrk",
}

// require checks that the programs are installed, and installs them if it
// may.
func require(ctx context.Context, programs []string, install bool) error {
	var missing []string
	for _, name := range programs {
		if _, err := exec.LookPath(programPath(name)); err != nil {
			missing = append(missing, packages[name])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	command := append([]string{"apt-get", "install", "--yes", "--no-install-recommends"}, missing...)
	if os.Geteuid() != 0 {
		command = slices.Insert(command, 0, "sudo")
	}
	if !install {
		return fmt.Errorf("missing: %s; run with -install, or: %s", strings.Join(missing, ", "), strings.Join(command, " "))
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return nil
}

// programPath is where a program is, which may be outside of PATH.
func programPath(name string) string {
	switch name {
	case nginx:
		return servers.NginxPath()
	case haproxy:
		return haproxyPath()
	}
	return name
}

// build compiles a program of this tree.
func build(ctx context.Context, binary, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-o", binary, program)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s (the working directory must be the repository's root): %w\n%s", program, err, out)
	}
	return nil
}

// goVersion names the commit and the Go release that a binary was built from.
func goVersion(binary string) string {
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

// moduleVersion names the version of the module that a binary's program is in.
func moduleVersion(binary string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err.Error()
	}
	for _, m := range info.Deps {
		if m.Path == info.Path {
			return m.Version + ", " + info.GoVersion
		}
	}
	return info.Main.Version + ", " + info.GoVersion
}

// firstLine is the first line that a command prints, wherever it does.
func firstLine(name string, args ...string) string {
	// Some print their version and fail.
	out, err := exec.Command(name, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

// cpuModel is the processor's name from /proc/cpuinfo.
func cpuModel() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// kernelRelease is what uname -r prints.
func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err.Error()
	}
	return unix.ByteSliceToString(name.Release[:])
}
