package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Error is a setting that cannot be used. Its message is always one line.
type Error struct {
	Where   string // "flag -cache-bytes", "hotpath.yaml:3: cache-bytes"
	Key     string // the setting's name, or the name that is not one
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

// showable is a value that is refused with err as a message may have it: without
// what is a secret.
func showable(value string, err error) string {
	switch {
	case errors.Is(err, errSecret):
		return "(a secret)"
	case errors.Is(err, errUser):
		if u, err := url.Parse(value); err == nil {
			return u.Redacted()
		}
	}
	return value
}

// Mistakes are all settings that cannot be used, those of the file first, then
// those of the environment, of the flags, and what does not go together. As an
// error it is never empty.
type Mistakes []*Error

// Error is a line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, e := range m {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes each mistake one that [errors.As] finds.
func (m Mistakes) Unwrap() []error {
	all := make([]error, len(m))
	for i, e := range m {
		all[i] = e
	}
	return all
}

// orNil is m as an error: nil if there is no mistake.
func (m Mistakes) orNil() error {
	if len(m) == 0 {
		return nil
	}
	return m
}

// WriteError writes an error of this package, or another one, as the program
// reports it: each of its lines begins with the program's name.
func WriteError(w io.Writer, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(w, "hotpath:", line)
	}
}

// meant adds the likely right form to what is allowed; "" for none.
func meant(allowed, likely string) string {
	if likely == "" {
		return allowed
	}
	return allowed + " (did you mean " + likely + "?)"
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
