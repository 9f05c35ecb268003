//go:build linux

package machine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tree is root and all its descendants, by process id: nginx has a worker, h2o
// a process that keeps the key. It is read from the kernel's lists of children
// (proc(5)): /proc as a whole takes 4 ms of the core that a client may need.
func tree(root int) ([]int, error) {
	if _, err := os.Stat("/proc/thread-self/children"); err != nil {
		return nil, fmt.Errorf("finding the children of process %d: the kernel has no lists of them (CONFIG_PROC_CHILDREN): %w", root, err)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		dir := fmt.Sprintf("/proc/%d/task/", all[i])
		threads, err := os.ReadDir(dir)
		if err != nil {
			if i == 0 {
				return nil, fmt.Errorf("listing the threads of process %d: %w", root, err)
			}
			continue // it has ended since
		}
		for _, t := range threads {
			list, err := os.ReadFile(dir + t.Name() + "/children")
			if err != nil {
				continue // it has ended since
			}
			children, err := parseChildren(string(list))
			if err != nil {
				return nil, fmt.Errorf("the children of process %d: %w", all[i], err)
			}
			for _, child := range children { // of a thread that ends in between, in two lists
				if !slices.Contains(all, child) {
					all = append(all, child)
				}
			}
		}
	}
	return all, nil
}

// parseChildren reads process ids with a space behind each.
func parseChildren(list string) (pids []int, err error) {
	for text := range strings.FieldsSeq(list) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
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
