//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
)

// series are the samples of /metrics, by name and labels as they stand there.
type series map[string]float64

func parseSeries(text []byte) (series, error) {
	all := make(series)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		name, number, ok := cutLast(line)
		if !ok || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, fmt.Errorf("/metrics: %q: %w", line, err)
		}
		all[name] = value
	}
	return all, nil
}

// cutLast parts a line before its last space: values of labels may have some.
func cutLast(line string) (name, number string, ok bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", false
	}
	return line[:i], line[i+1:], true
}

// sum is that of all whose name and labels begin so, but for those that have a label.
func (all series) sum(begin, without string) (sum float64) {
	for name, value := range all {
		if strings.HasPrefix(name, begin) && (without == "" || !strings.Contains(name, without)) {
			sum += value
		}
	}
	return sum
}

// sample is what the server is like at a moment.
type sample struct {
	at          time.Duration // since the load began
	memory      int           // resident, bytes; of pages that are shared its part
	goroutines  int
	permits     int // of connections
	reserved    int // bytes that are arriving, being sent or buffered
	stored      int // bytes
	descriptors int
	panics      int
	evicted     int // for want of room
}

// sampleOf reads one.
func (s *server) sampleOf(ctx context.Context, begin time.Time) (sample, error) {
	pid, err := s.pid()
	if err != nil {
		return sample{}, err
	}
	if pid != s.first.Process.Pid || gone(pid) == nil {
		return sample{}, fmt.Errorf("process %d, which was started, has ended", s.first.Process.Pid)
	}
	kib, err := machine.Memory(pid)
	if err != nil {
		return sample{}, err
	}
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return sample{}, err
	}
	text, err := s.ask(ctx, http.MethodGet, "/metrics")
	if err != nil {
		return sample{}, err
	}
	all, err := parseSeries(text)
	if err != nil {
		return sample{}, err
	}
	const kinds, evicted = "hotpath_memory_bytes{kind=", "hotpath_cache_evictions_total{reason="
	for _, name := range []string{"go_goroutines", "hotpath_connection_permits_in_use", "hotpath_panics_total",
		kinds + `"arriving"}`, kinds + `"sending"}`, kinds + `"buffered"}`, kinds + `"stored"}`, evicted + `"bytes"}`, evicted + `"capacity"}`} {
		if _, ok := all[name]; !ok {
			return sample{}, fmt.Errorf("/metrics has no %s", name)
		}
	}
	return sample{
		at: time.Since(begin), memory: int(kib) << 10, descriptors: len(descriptors),
		goroutines: int(all["go_goroutines"]), permits: int(all["hotpath_connection_permits_in_use"]),
		reserved: int(all[kinds+`"arriving"}`] + all[kinds+`"sending"}`] + all[kinds+`"buffered"}`]), stored: int(all[kinds+`"stored"}`]),
		panics: int(all["hotpath_panics_total"]), evicted: int(all[evicted+`"bytes"}`] + all[evicted+`"capacity"}`]),
	}, nil
}

// mostSamples bounds what a run of any length keeps, at a hundred bytes each.
const mostSamples = 10000

// sampling is how often the server is sampled in a run: a scrape costs it milliseconds,
// and seconds say more than they cost in a short one alone.
func sampling(duration time.Duration) time.Duration {
	if duration <= 10*time.Minute {
		return time.Second
	}
	return max(10*time.Second, duration/mostSamples)
}

// writeSamples writes them as CSV.
func writeSamples(name string, samples []sample) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := csv.NewWriter(f)
	rows := [][]string{{"seconds", "memory", "goroutines", "permits", "reserved", "stored", "descriptors", "panics", "evicted"}}
	for _, s := range samples {
		row := []string{fmt.Sprintf("%.1f", s.at.Seconds())}
		for _, n := range []int{s.memory, s.goroutines, s.permits, s.reserved, s.stored, s.descriptors, s.panics, s.evicted} {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	return w.WriteAll(rows)
}
