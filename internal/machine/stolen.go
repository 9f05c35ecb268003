//go:build linux

package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Times are the processor times of all cores together since the machine began.
type Times struct {
	Busy   time.Duration // doing anything
	Idle   time.Duration
	Stolen time.Duration // the hypervisor ran others while we wanted to run
}

// tick is the unit of /proc/stat: USER_HZ, 100 on every architecture that Go
// runs on (proc(5)).
const tick = time.Second / 100

// ReadTimes reads the machine's times.
func ReadTimes() (Times, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Times{}, fmt.Errorf("reading the machine's times: %w", err)
	}
	return parseTimes(string(data))
}

// parseTimes reads the first line of /proc/stat: "cpu", then user, nice, system,
// idle, iowait, irq, softirq, steal, guest and guest_nice, the last two of which
// are in the first two as well (proc(5)).
func parseTimes(stat string) (t Times, err error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return t, fmt.Errorf("/proc/stat does not begin with the times of all cores: %q", line)
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return t, fmt.Errorf("/proc/stat: %w", err)
		}
		switch d := time.Duration(n) * tick; i {
		case 3, 4:
			t.Idle += d
		case 7:
			t.Stolen += d
		default:
			t.Busy += d
		}
	}
	return t, nil
}

// Since is what has passed since an earlier reading.
func (t Times) Since(earlier Times) Times {
	return Times{t.Busy - earlier.Busy, t.Idle - earlier.Idle, t.Stolen - earlier.Stolen}
}
