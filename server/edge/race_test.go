//go:build race

package edge

// raceEnabled: the detector allocates.
const raceEnabled = true
