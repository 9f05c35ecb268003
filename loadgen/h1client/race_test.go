//go:build race

package h1client

// raceEnabled: the race detector makes sync.Pool forget at random, so
// allocations cannot be counted.
const raceEnabled = true
