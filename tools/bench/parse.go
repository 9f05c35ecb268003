//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The lines of h2load 1.52 that count, in printf's form
// (nghttp2 src/h2load.cc).
var (
	h2loadFinished = regexp.MustCompile(`(?m)^finished in ([0-9.]+)(us|ms|s), `)
	h2loadRequests = regexp.MustCompile(`(?m)^requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2loadStatus   = regexp.MustCompile(`(?m)^status codes: (\d+) 2xx, `)
	h2loadTime     = regexp.MustCompile(`(?m)^time for request: +\S+ +\S+ +([0-9.]+)(us|ms|s) `)
	h2loadCipher   = regexp.MustCompile(`(?m)^Cipher: (\S+)`)
)

// parseH2load reads what h2load prints. A request that was not answered with
// 2xx is an error.
func parseH2load(out string) (load, error) {
	finished := h2loadFinished.FindStringSubmatch(out)
	requests := h2loadRequests.FindStringSubmatch(out)
	status := h2loadStatus.FindStringSubmatch(out)
	times := h2loadTime.FindStringSubmatch(out)
	if finished == nil || requests == nil || status == nil || times == nil {
		return load{}, fmt.Errorf("unexpected output: %q", out)
	}
	if requests[1] != requests[2] || requests[1] != status[1] {
		return load{}, fmt.Errorf("not every request succeeded: %s; %s", requests[0], status[0])
	}
	var l load
	var errs [3]error
	l.requests, errs[0] = strconv.Atoi(requests[1])
	l.elapsed, errs[1] = time.ParseDuration(finished[1] + finished[2])
	l.mean, errs[2] = time.ParseDuration(times[1] + times[2])
	if m := h2loadCipher.FindStringSubmatch(out); m != nil {
		l.cipher = m[1]
	}
	return l, errors.Join(errs[:]...)
}

// parseH2loadLog reads the latencies from h2load's log: lines of start (µs
// since the epoch), status and time taken (µs), with tabs between.
func parseH2loadLog(r io.Reader) ([]time.Duration, error) {
	all, err := parseH2loadTimes(r)
	if err != nil {
		return nil, err
	}
	taken := make([]time.Duration, len(all))
	for i, t := range all {
		taken[i] = t.taken
	}
	return taken, nil
}

// timed is a request of h2load's log.
type timed struct {
	began time.Time
	taken time.Duration
}

// parseH2loadTimes reads h2load's log with the beginnings of requests.
func parseH2loadTimes(r io.Reader) ([]timed, error) {
	var all []timed
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 3 || fields[1] != "200" {
			return nil, fmt.Errorf("h2load log: unexpected line %q", lines.Text())
		}
		began, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("h2load log: %w", err)
		}
		us, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("h2load log: %w", err)
		}
		all = append(all, timed{time.UnixMicro(began), time.Duration(us) * time.Microsecond})
	}
	return all, lines.Err()
}

// The lines of wrk 4.1 that count (wrk src/wrk.c).
var (
	wrkRequests = regexp.MustCompile(`(?m)^ +(\d+) requests in ([0-9.]+)(us|ms|s|m), `)
	wrkMean     = regexp.MustCompile(`(?m)^ +Latency +([0-9.]+)(us|ms|s) `)
	wrkP99      = regexp.MustCompile(`(?m)^ +99% +([0-9.]+)(us|ms|s)$`)
	wrkTrouble  = regexp.MustCompile(`(?m)^ +(Socket errors|Non-2xx or 3xx responses): .*$`)
)

// parseWrk reads what wrk --latency prints. Errors and answers other than 2xx
// and 3xx are an error.
func parseWrk(out string) (load, error) {
	if trouble := wrkTrouble.FindString(out); trouble != "" {
		return load{}, fmt.Errorf("not every request succeeded: %s", strings.TrimSpace(trouble))
	}
	requests := wrkRequests.FindStringSubmatch(out)
	mean := wrkMean.FindStringSubmatch(out)
	p99 := wrkP99.FindStringSubmatch(out)
	if requests == nil || mean == nil || p99 == nil {
		return load{}, fmt.Errorf("unexpected output: %q", out)
	}
	var l load
	var errs [4]error
	l.requests, errs[0] = strconv.Atoi(requests[1])
	l.elapsed, errs[1] = time.ParseDuration(requests[2] + requests[3])
	l.mean, errs[2] = time.ParseDuration(mean[1] + mean[2])
	l.p99, errs[3] = time.ParseDuration(p99[1] + p99[2])
	return l, errors.Join(errs[:]...)
}

// percentile is the value that the part p of all (0 < p ≤ 1) does not exceed:
// the nearest rank. It sorts all.
func percentile(all []time.Duration, p float64) (time.Duration, error) {
	if len(all) == 0 {
		return 0, errors.New("no latencies")
	}
	slices.Sort(all)
	// Rounded up; the subtraction keeps 0.99*100 from becoming 100.
	rank := int(p*float64(len(all)) + 1 - 1e-9)
	return all[min(max(rank, 1), len(all))-1], nil
}

// median is the middle of all, or the mean of the two in the middle. It leaves
// all as it is.
func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
