// Package suggest finds what a mistake of a command line or a configuration file
// probably was meant to be. All of it is pure, and bounded by the length of what
// it looks at.
package suggest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// longest is twice the longest name or value that is looked at, in bytes: what
// is longer is like none, and the distance takes quadratic time.
const longest = 64

// Nearest is the one of names that name is most like, without regard to case
// and to underscores for dashes; "" if a third of the letters or more differ.
func Nearest(name string, names []string) string {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	if len(name) > longest {
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

// quantity is a number and the unit behind it, as people write both.
var quantity = regexp.MustCompile(`^([0-9][0-9_,]*)(\.[0-9]+)?\s*([A-Za-zµ]*)(?:/s|/sec|ps)?$`)

// Quantity takes a number and its unit apart. The number has no grouping any
// more, and the unit is in lower case; ok is whether s is a quantity.
func Quantity(s string) (whole, fraction, unit string, ok bool) {
	if len(s) > longest {
		return "", "", "", false
	}
	m := quantity.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return "", "", "", false
	}
	return strings.NewReplacer("_", "", ",", "").Replace(m[1]), m[2], strings.ToLower(m[3]), true
}

// spans are units of time as people write them, in Go's.
var spans = map[string]string{
	"sec": "s", "secs": "s", "second": "s", "seconds": "s", "s": "s",
	"min": "m", "mins": "m", "minute": "m", "minutes": "m", "m": "m",
	"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "h": "h",
	"ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms", "us": "us", "µs": "us",
}

// Duration is s in the form of [time.ParseDuration], "" if it is like none.
// unit is what a number alone counts: "s", or "ms".
func Duration(s, unit string) string {
	whole, fraction, given, ok := Quantity(s)
	switch {
	case !ok:
		return ""
	case given == "":
	case given == "d" || given == "day" || given == "days":
		days, err := strconv.Atoi(whole)
		if err != nil || fraction != "" || days > 10_000 {
			return ""
		}
		return strconv.Itoa(24*days) + "h"
	default:
		unit = spans[given]
	}
	text := whole + fraction + unit
	if _, err := time.ParseDuration(text); unit == "" || err != nil { // it is longer than any that there is
		return ""
	}
	return text
}
