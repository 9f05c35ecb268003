//go:build linux

// Package machine is what measurements need of the machine: cores to pin
// processes to, their processor time and memory, and what others took of the
// machine meanwhile. It reads Linux's /proc. Benchmarks and perf suites use it,
// the programs do not.
package machine
