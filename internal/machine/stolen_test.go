//go:build linux

package machine

import (
	"testing"
	"time"
)

func TestParseTimes(t *testing.T) {
	//            user nice system idle iowait irq softirq steal guest guest_nice
	got, err := parseTimes("cpu  100 10 20 3000 40 1 2 55 7 8\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
	want := Times{Busy: 1330 * time.Millisecond, Idle: 30400 * time.Millisecond, Stolen: 550 * time.Millisecond}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if d := got.Since(Times{Busy: time.Second, Idle: time.Second, Stolen: 550 * time.Millisecond}); d != (Times{330 * time.Millisecond, 29400 * time.Millisecond, 0}) {
		t.Errorf("since then: %+v", d)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 x 5 6 7 8"} {
		if got, err := parseTimes(bad); err == nil {
			t.Errorf("parseTimes(%q) = %+v, want an error", bad, got)
		}
	}
}

func TestReadTimes(t *testing.T) {
	got, err := ReadTimes()
	if err != nil || got.Busy <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
