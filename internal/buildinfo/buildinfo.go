// Package buildinfo tells what was built.
package buildinfo

import "runtime/debug"

// Version is the main module's version, or "devel" where it was built from a
// working tree.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
