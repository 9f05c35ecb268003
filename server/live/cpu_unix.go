//go:build unix

package live

import (
	"syscall"
	"time"
)

// processorTime is what the process has used since its start, in the kernel
// too; 0 if the kernel does not report it.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
