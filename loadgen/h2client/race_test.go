//go:build race

package h2client

// raceEnabled: the race detector makes sync.Pool forget at random, so
// allocations cannot be counted.
const raceEnabled = true
