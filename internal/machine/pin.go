//go:build linux

package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// A core is named by its place among those that this process was started on:
// 0 is the first of them, which in a container may be any of the machine's.

// StartPinned starts cmd on one core: a process inherits the cores of the
// thread that forks it, and a Go program then takes that one core for its
// GOMAXPROCS.
func StartPinned(cmd *exec.Cmd, core int) error {
	set, err := only(core)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("reading the thread's cores: %w", err)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pinning the thread to core %d: %w", core, err)
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
	set, err := only(core)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	return eachThread(func(tid int) error {
		if err := unix.SchedSetaffinity(tid, &set); err != nil {
			return fmt.Errorf("pinning thread %d to core %d: %w", tid, core, err)
		}
		return nil
	})
}

// IdleSelf has every thread of this process run only while no other process would
// (SCHED_IDLE): one that wakes up takes its place at once, which it does not of a
// process that merely has a low priority. Threads to come inherit it.
func IdleSelf() error {
	return eachThread(func(tid int) error {
		if err := unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
			return fmt.Errorf("having thread %d run while no other does: %w", tid, err)
		}
		return nil
	})
}

// eachThread calls f with every thread of this process, until a listing has no thread
// that is new: one that was made meanwhile may be like the thread that made it was.
func eachThread(f func(tid int) error) error {
	known := make(map[int]bool)
	for more := true; more; {
		more = false
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("listing threads: %w", err)
		}
		for _, e := range entries {
			tid, err := strconv.Atoi(e.Name())
			if err != nil {
				return fmt.Errorf("listing threads: %w", err)
			}
			if known[tid] {
				continue
			}
			if err := f(tid); err != nil && !errors.Is(err, unix.ESRCH) { // else it has ended
				return err
			}
			known[tid], more = true, true
		}
	}
	return nil
}

// only is the set that has nothing but a core.
func only(core int) (set unix.CPUSet, err error) {
	all, err := startedOn()
	if err != nil {
		return set, err
	}
	if core < 0 || core >= len(all) {
		return set, fmt.Errorf("no core %d: this process may run on %d, which count from 0", core, len(all))
	}
	set.Set(all[core])
	return set, nil
}

// startedOn is what the kernel calls the cores of this process, before PinSelf
// took all but one away.
var startedOn = sync.OnceValues(func() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return nil, fmt.Errorf("reading this process's cores: %w", err)
	}
	all := make([]int, 0, set.Count())
	for cpu := 0; len(all) < cap(all); cpu++ {
		if set.IsSet(cpu) {
			all = append(all, cpu)
		}
	}
	return all, nil
})
