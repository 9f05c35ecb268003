//go:build linux

package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tree is root and all its descendants, by process id: nginx has a worker, h2o
// a process that keeps the key.
func tree(root int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	children := make(map[int][]int)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended since
		}
		parent, err := parseParent(string(stat))
		if err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
		children[parent] = append(children[parent], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// parseParent reads the parent's id from /proc/PID/stat (proc(5)): the fourth
// field, behind a command in parentheses that may contain anything.
func parseParent(stat string) (int, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, fmt.Errorf("stat has no parent: %q", stat)
	}
	return strconv.Atoi(fields[1])
}

// CPUTime is the processor time of all threads of a process and of its
// descendants, to the nanosecond as the scheduler counts it. Threads that have
// ended are not in it; no server and no load generator ends threads under load.
func CPUTime(process int) (time.Duration, error) {
	pids, err := tree(process)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range pids {
		dir := fmt.Sprintf("/proc/%d/task", pid)
		tasks, err := os.ReadDir(dir)
		if err != nil {
			return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
		}
		for _, t := range tasks {
			data, err := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
			if err != nil {
				return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
			}
			d, err := parseSchedstat(string(data))
			if err != nil {
				return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
			}
			sum += d
		}
	}
	return sum, nil
}

// parseSchedstat reads the time on a processor from schedstat: the first of
// three fields, in ns (Documentation/scheduler/sched-stats.rst in Linux).
func parseSchedstat(s string) (time.Duration, error) {
	fields := strings.Fields(s)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat has not three fields: %q", s)
	}
	ns, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat: %w", err)
	}
	return time.Duration(ns), nil
}

// Memory is the proportional set size of a process and of its descendants in
// KiB: resident memory, with a page that several of them share counted once.
func Memory(process int) (int64, error) {
	pids, err := tree(process)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
		}
		kib, err := parsePss(string(data))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
		}
		sum += kib
	}
	return sum, nil
}

// parsePss reads "Pss:  393 kB" from smaps_rollup; the kernel's kB is 1024
// bytes.
func parsePss(s string) (int64, error) {
	for line := range strings.Lines(s) {
		rest, ok := strings.CutPrefix(line, "Pss:")
		if !ok {
			continue
		}
		number, ok := strings.CutSuffix(strings.TrimSpace(rest), " kB")
		if !ok {
			return 0, fmt.Errorf("smaps_rollup: %q is not in kB", line)
		}
		return strconv.ParseInt(number, 10, 64)
	}
	return 0, fmt.Errorf("smaps_rollup has no Pss: %q", s)
}
