//go:build linux

package machine

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// StartPinned starts cmd on one core: a process inherits the cores of the
// thread that forks it, and a Go program then takes that one core for its
// GOMAXPROCS.
func StartPinned(cmd *exec.Cmd, core int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("reading the thread's cores: %w", err)
	}
	if err := setCore(0, core); err != nil {
		return err
	}
	startErr := cmd.Start()
	if err := unix.SchedSetaffinity(0, &before); err != nil {
		return fmt.Errorf("restoring the thread's cores: %w", err)
	}
	return startErr
}

// PinSelf moves every thread of this process to one core. Threads to come
// inherit it.
func PinSelf(core int) error {
	runtime.GOMAXPROCS(1)
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("listing threads: %w", err)
	}
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			return fmt.Errorf("listing threads: %w", err)
		}
		if err := setCore(tid, core); err != nil {
			return err
		}
	}
	return nil
}

func setCore(tid, core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(tid, &set); err != nil {
		return fmt.Errorf("pinning to core %d: %w", core, err)
	}
	return nil
}
