//go:build linux

package machine

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func TestParseChildren(t *testing.T) {
	for list, want := range map[string][]int{"": nil, "77 ": {77}, "77 78 1234567 ": {77, 78, 1234567}} {
		if got, err := parseChildren(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("parseChildren(%q) = %d, %v; want %d", list, got, err, want)
		}
	}
	if got, err := parseChildren("77 x "); err == nil {
		t.Errorf("parseChildren of an x = %d, want an error", got)
	}
}

func TestParseSchedstat(t *testing.T) {
	got, err := parseSchedstat("1500000123 51153 17\n")
	if err != nil || got != 1500*time.Millisecond+123 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "1 2", "1 2 3 4", "x 2 3", "99999999999999999999 1 1"} {
		if got, err := parseSchedstat(bad); err == nil {
			t.Errorf("parseSchedstat(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParsePss(t *testing.T) {
	const rollup = "56108a5e7000-7ffdbb9b1000 ---p 00000000 00:00 0                          [rollup]\n" +
		"Rss:                1736 kB\nPss:                 393 kB\nPss_Dirty:           112 kB\n"
	if got, err := parsePss(rollup); err != nil || got != 393 {
		t.Errorf("got %d, %v; want 393", got, err)
	}
	for _, bad := range []string{"", "Rss: 1 kB\n", "Pss: 1 MB\n", "Pss: x kB\n", "Pss_Dirty: 112 kB\n"} {
		if got, err := parsePss(bad); err == nil {
			t.Errorf("parsePss(%q) = %d, want an error", bad, got)
		}
	}
}

// TestTree finds a child of this process, and reads what the kernel says of
// both.
func TestTree(t *testing.T) {
	child := exec.Command("cat") // until its input ends
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Skipf("no child process: %v", err)
	}
	pids, err := tree(os.Getpid())
	if err != nil || !slices.Contains(pids, os.Getpid()) || !slices.Contains(pids, child.Process.Pid) {
		t.Errorf("tree = %v, %v; want %d and %d in it", pids, err, os.Getpid(), child.Process.Pid)
	}
	if pids, err := tree(1 << 30); err == nil { // over the kernel's largest, 2^22
		t.Errorf("tree of no process = %v, want an error", pids)
	}
	if cpu, err := CPUTime(os.Getpid()); err != nil || cpu <= 0 {
		t.Errorf("CPUTime = %v, %v", cpu, err)
	}
	if kib, err := Memory(os.Getpid()); err != nil || kib <= 0 {
		t.Errorf("Memory = %d, %v", kib, err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func FuzzProc(f *testing.F) {
	f.Add("77 1234 ")
	f.Add("1500000123 51153 17")
	f.Add("Pss: 393 kB")
	f.Add("cpu 1 2 3 4 5 6 7 8 9 10")
	f.Fuzz(func(t *testing.T, s string) {
		_, _ = parseChildren(s)
		_, _ = parseSchedstat(s)
		_, _ = parsePss(s)
		_, _ = parseTimes(s)
	})
}
