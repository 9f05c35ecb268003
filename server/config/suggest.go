package config

import "strings"

// suggest completes "allowed: " for a name that is no knob's: the nearest one,
// if it is near enough to be a slip of the hand.
func suggest(name string) string {
	var c Config
	var names []string
	for _, k := range knobs(&c) {
		names = append(names, k.name)
	}
	return meant("the keys that -h lists", nearest(name, names))
}

// longestName is twice the longest name of a setting, in bytes: of a longer
// one no setting is near, and the distance takes quadratic time.
const longestName = 64

// nearest is the one of the names that name is most like, "" if it is like none.
func nearest(name string, names []string) string {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	if len(name) > longestName {
		return ""
	}
	// A third of the letters wrong is another word.
	best, distance := "", len(name)/3+1
	for _, candidate := range names {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
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
