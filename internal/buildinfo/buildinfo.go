// Package buildinfo tells what was built.
package buildinfo

import "runtime/debug"

// version is what a packager says was built: the linker sets it, by
// -X github.com/e0ac7cd4/hotpath/internal/buildinfo.version=...
var version string

// Version is the version that the packager gave, else the main module's, else
// "devel": built from a working tree.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
