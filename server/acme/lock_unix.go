//go:build unix && !solaris && !illumos && !aix

package acme

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockLook is the time between two tries: what holds the lock takes seconds.
const lockLook = 250 * time.Millisecond

// lock waits until no other instance holds the lock, and takes it. The kernel
// releases it if the process ends, so that none is left behind.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making a lock in acme-storage: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a lock in acme-storage: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil // which releases it
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			_ = f.Close() // the error before it is what matters
			return nil, fmt.Errorf("locking acme-storage: %w", &fs.PathError{Op: "flock", Path: path, Err: err})
		}
		select {
		case <-ctx.Done():
			_ = f.Close() // likewise
			return nil, fmt.Errorf("waiting for another instance: %w", context.Cause(ctx))
		case <-time.After(lockLook):
		}
	}
}

// ownGroup has a command end with all that it has started.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
}
