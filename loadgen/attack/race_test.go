//go:build race

package attack

// raceEnabled: the race detector makes everything several times slower, unevenly,
// so what is compared by the clock is left to the run without it.
const raceEnabled = true
