//go:build race

package main

// raceEnabled: the race detector, which the server under test has too, takes
// several times the memory of what it watches.
const raceEnabled = true
