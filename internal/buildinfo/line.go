package buildinfo

import (
	"fmt"
	"runtime"
)

// Line is what the command version of a program prints: its name, its version,
// Go's, and the platform that it was built for.
func Line(program string) string {
	return fmt.Sprintf("%s %s %s %s/%s", program, Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
