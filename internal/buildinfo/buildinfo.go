// Package buildinfo has the version of the build.
package buildinfo

import "runtime/debug"

// Release is the version that the tree is, or becomes when it is released: that
// of CHANGELOG.md and, with a v before it, of the tag. tools/dist and
// tools/workspace-status read it too.
const Release = "0.2.0"

// version is what a packager says was built: the linker sets it, by
// -X github.com/e0ac7cd4/hotpath/internal/buildinfo.version=...
var version string

// Version is the version that the packager gave, else the main module's, else,
// built from a working tree, that of the release to come: "v0.2.0-devel".
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "v" + Release + "-devel"
}
