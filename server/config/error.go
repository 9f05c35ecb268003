package config

import (
	"fmt"
	"strings"
)

// Error is a setting that cannot be used. Its message is always one line.
type Error struct {
	Where   string // "flag -cache-bytes", "hotpath.yaml:3: cache-bytes"
	Key     string // the knob's name, or the name that is not one
	Value   string // the value as it was given
	Problem string // what is wrong with it
	Allowed string // what would be right
}

// maxShown bounds a value in a message, in bytes: the longest sensible value
// is a path, and a whole file pasted into a variable must not fill the log.
const maxShown = 200

func (e *Error) Error() string {
	value := e.Value
	if len(value) > maxShown {
		value = value[:maxShown] + "…"
	}
	text := fmt.Sprintf("%s %q: %s; allowed: %s", e.Where, value, e.Problem, e.Allowed)
	return oneLine(text)
}

// oneLine replaces what a terminal or a log collector would take for the end
// of a line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
