//go:build !race

package edge

// raceEnabled: allocations count.
const raceEnabled = false
