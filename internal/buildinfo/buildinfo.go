// Package buildinfo tells what was built.
package buildinfo

import "runtime/debug"

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
