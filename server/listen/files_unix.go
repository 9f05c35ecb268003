//go:build unix

package listen

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// RaiseFileLimit raises the limit of open files as far as it goes and returns it.
func RaiseFileLimit() (uint64, error) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("reading the limit of open files: %w", err)
	}
	if r.Cur < r.Max {
		r.Cur = r.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
			return 0, fmt.Errorf("raising the limit of open files to %d: %w", r.Max, err)
		}
	}
	return uint64(r.Cur), nil
}
