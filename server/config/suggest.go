package config

import "strings"

// suggest completes "allowed: " for a name that is no knob's: the nearest one,
// where it is near enough to be a slip of the hand.
func suggest(name string) string {
	const list = "the keys that -h lists"
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	// A third of the letters wrong is another word.
	best, distance := "", len(name)/3+1
	if len(name) > 64 { // twice the longest knob; the distance is quadratic
		return list
	}
	var c Config
	for _, k := range knobs(&c) {
		if d := editDistance(name, k.name); d < distance {
			best, distance = k.name, d
		}
	}
	if best == "" {
		return list
	}
	return list + " (did you mean " + best + "?)"
}

// editDistance is the number of bytes to insert, delete or replace that makes
// b of a (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
