// Package buildinfo tells what was built.
package buildinfo

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is what a release is called. The linker sets it:
//
//	go build -ldflags '-X github.com/e0ac7cd4/hotpath/internal/buildinfo.version=v1.2.3' ./server
var version string

// Version is what the linker was told, else the main module's version, or
// "devel" where it was built from a working tree.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// Line is what the command version of a program prints: its name, its version,
// Go's, and the platform that it was built for.
func Line(program string) string {
	return fmt.Sprintf("%s %s %s %s/%s", program, Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
