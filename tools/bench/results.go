//go:build linux

package main

import (
	"fmt"
	"slices"
)

// metric is something measured, with its unit.
type metric int

const (
	cpuPerRequest   metric = iota // µs
	bytesPerCPU                   // MiB per second of processor time
	requestRate                   // per second
	meanLatency                   // ms
	p99Latency                    // ms
	memoryPerConn                 // KiB
	cpuPerHandshake               // µs
	handshakeNames                // ratio
	cpuAfterRare                  // ratio
	cpuCoded                      // ratio
	originRequests                // a number
	partDelay                     // ms
	p99Stalled                    // ratio
	staleWait                     // ms
	memoryGrowth                  // MiB
	memoryAfter                   // MiB
	startTime                     // ms
	reloadTime                    // ms
	p99Reload                     // ratio
	metricCount
)

// metricInfo is how the report shows a metric.
type metricInfo struct {
	title, unit string
	decimals    int
}

var metricInfos = [metricCount]metricInfo{
	cpuPerRequest:   {"CPU of the server's processes per request", "µs", 2},
	bytesPerCPU:     {"Bytes per second of the server's CPU time", "MiB/s", 0},
	requestRate:     {"Requests per second", "/s", 0},
	meanLatency:     {"Mean latency", "ms", 3},
	p99Latency:      {"99th percentile of latency", "ms", 3},
	memoryPerConn:   {"Resident memory per idle connection", "KiB", 1},
	cpuPerHandshake: {"CPU of the server's processes per full handshake", "µs", 0},
	handshakeNames:  {"CPU per handshake for 1,000 names in turn, divided by that with one certificate", "", 2},
	cpuCoded:        {"CPU per hit that goes out compressed, divided by that of a file of that size", "", 2},
	cpuAfterRare:    {"CPU per hit after a range, a POST and a miss, divided by that on a fresh connection", "", 2},
	originRequests:  {"Requests that reach the upstream", "", 0},
	partDelay:       {"Longest delay of a part", "ms", 1},
	p99Stalled:      {"99th percentile of the latency of hits beside stalled requests, divided by that without", "", 2},
	staleWait:       {"Longest wait for what is served stale", "ms", 1},
	memoryGrowth:    {"Most memory above that before", "MiB", 1},
	memoryAfter:     {"Memory afterwards above that before", "MiB", 1},
	startTime:       {"Time from the start of the process to its first answer", "ms", 0},
	reloadTime:      {"Time that a reload takes", "ms", 0},
	p99Reload:       {"99th percentile of latency in the second in which a reload begins, divided by that in the second before", "", 2},
}

// value is one measurement.
type value struct {
	metric metric
	v      float64
}

// cell is where a value belongs.
type cell struct {
	row    string
	server string
	metric metric
}

// results are all values of a run, in the order in which rows and servers came.
type results struct {
	rows    []string
	servers []string
	values  map[cell][]float64
	ciphers map[string]string // by server
	notes   []string          // sentences that the reader needs beside the figures
}

// note keeps a sentence once.
func (r *results) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(r.notes, s) {
		r.notes = append(r.notes, s)
	}
}

func newResults(servers []string) *results {
	return &results{servers: servers, values: make(map[cell][]float64), ciphers: make(map[string]string)}
}

// add keeps one round's values.
func (r *results) add(row, server string, values []value) {
	for _, v := range values {
		c := cell{row, server, v.metric}
		r.values[c] = append(r.values[c], v.v)
	}
}

// median is the median of a cell's rounds, and whether there is one.
func (r *results) median(row, server string, m metric) (float64, bool) {
	all := r.values[cell{row, server, m}]
	return median(all), len(all) > 0
}
