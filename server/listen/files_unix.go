//go:build unix

package listen

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Descriptors raises the limit of open files as far as it goes and returns how
// many public connections of those wanted it allows.
func Descriptors(wanted int) (allowed int, limit uint64, err error) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0, fmt.Errorf("reading the limit of open files: %w", err)
	}
	if r.Cur < r.Max {
		r.Cur = r.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
			return 0, 0, fmt.Errorf("raising the limit of open files to %d: %w", r.Max, err)
		}
	}
	limit = uint64(r.Cur)
	if limit >= uint64(wanted)+reserved {
		return wanted, limit, nil
	}
	return max(1, int(limit)-reserved), limit, nil
}
