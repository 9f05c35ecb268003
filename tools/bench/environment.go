//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
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
