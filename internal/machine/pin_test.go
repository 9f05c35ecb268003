//go:build linux

package machine

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const pinnedCommand = "HOTPATH_TEST_PINNED"

// TestStartPinned starts itself on the last core, if that is the first one
// and the only one.
func TestStartPinned(t *testing.T) {
	if os.Getenv(pinnedCommand) != "" {
		before, err := startedOn()
		fmt.Println(before, runtime.NumCPU(), err)
		fmt.Println(PinSelf(0))
		fmt.Println(PinSelf(1))
		return
	}
	all, err := startedOn()
	if err != nil {
		t.Fatal(err)
	}
	var before, after unix.CPUSet
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd := exec.Command(os.Args[0], "-test.run=^TestStartPinned$")
	cmd.Env = append(os.Environ(), pinnedCommand+"=1")
	cmd.Stdout, cmd.Stderr = &out, &out
	last := len(all) - 1
	if err := StartPinned(cmd, last); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	want := fmt.Sprintf("[%d] 1 <nil>\n<nil>\nno core 1: this process may run on 1, which count from 0\n", all[last])
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("on the last of %v:\n%s\nwant\n%s", all, out.String(), want)
	}
	if err := unix.SchedGetaffinity(0, &after); err != nil || after != before {
		t.Errorf("this thread was on %v, and is on %v: %v", before, after, err)
	}
}

const idleCommand = "HOTPATH_TEST_IDLE"

// TestIdleSelf has every thread of a process of its own run while no other would.
func TestIdleSelf(t *testing.T) {
	if os.Getenv(idleCommand) != "" {
		fmt.Println(IdleSelf())
		fmt.Println(eachThread(func(tid int) error {
			a, err := unix.SchedGetAttr(tid, 0)
			if err == nil && a.Policy != unix.SCHED_IDLE {
				err = fmt.Errorf("thread %d has policy %d", tid, a.Policy)
			}
			return err
		}))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestIdleSelf$")
	cmd.Env = append(os.Environ(), idleCommand+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "<nil>\n<nil>\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNoSuchCore(t *testing.T) {
	for _, core := range []int{-1, 1 << 20} {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		if err := StartPinned(cmd, core); err == nil || !strings.Contains(err.Error(), "no core") || cmd.Process != nil {
			t.Errorf("StartPinned on %d: %v", core, err)
		}
		if err := PinSelf(core); err == nil {
			t.Errorf("PinSelf(%d) succeeded", core)
		}
	}
}
