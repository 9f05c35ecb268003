package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a setting's field with its unit and its bounds.
type value interface {
	// set parses s into the field and checks it.
	set(s string) error
	// check reports why the field's value is not allowed.
	check() error
	// allowed completes the sentence "allowed: ".
	allowed() string
	// String is the field's value as a user would write it.
	String() string
}

// A number outside its bounds, which allowed names.
var (
	errTooSmall = errors.New("is too small")
	errTooLarge = errors.New("is too large")
)

// within checks bounds that an explained zero is exempt from.
func within[T int | int64 | time.Duration](v T, zero string, least, most T) error {
	switch {
	case v == 0 && zero != "":
		return nil
	case v < least:
		return errTooSmall
	case v > most:
		return errTooLarge
	}
	return nil
}

// orZero puts the meaning of zero before the other values allowed.
func orZero(zero, rest string) string {
	if zero == "" {
		return rest
	}
	return "0 (" + zero + "), or " + rest
}

// count is a plain number.
type count struct {
	p          *int
	zero       string // meaning of zero; "" if it is only a number
	min, max   int
	powerOfTwo bool // and of others than zero only these
}

var errNoPower = errors.New("is no power of two")

func (v *count) set(s string) error {
	n, err := parseInt(s)
	if err != nil {
		return err
	}
	if int64(int(n)) != n {
		return errTooLarge
	}
	*v.p = int(n)
	return v.check()
}

func (v *count) check() error {
	if err := within(*v.p, v.zero, v.min, v.max); err != nil {
		return err
	}
	if v.powerOfTwo && *v.p&(*v.p-1) != 0 {
		return errNoPower
	}
	return nil
}

func (v *count) String() string { return strconv.Itoa(*v.p) }
func (v *count) allowed() string {
	if v.powerOfTwo {
		return orZero(v.zero, fmt.Sprintf("a power of two from %d to %d", v.min, v.max))
	}
	if v.max == maxCount {
		return orZero(v.zero, fmt.Sprintf("a number from %d", v.min))
	}
	return orZero(v.zero, fmt.Sprintf("a number from %d to %d", v.min, v.max))
}

// rate is a number of events per second; the unit may be left out.
type rate struct {
	p        *int
	zero     string
	min, max int
}

func (v *rate) set(s string) error {
	c := count{p: v.p, zero: v.zero, min: v.min, max: v.max}
	return c.set(strings.TrimSuffix(s, "/s"))
}

func (v *rate) check() error   { return within(*v.p, v.zero, v.min, v.max) }
func (v *rate) String() string { return strconv.Itoa(*v.p) + "/s" }
func (v *rate) allowed() string {
	text := fmt.Sprintf("a number per second from %d/s", v.min)
	if v.max != maxCount {
		text += fmt.Sprintf(" to %d/s", v.max)
	}
	return orZero(v.zero, text)
}

// size is a number of bytes, or of bytes per second.
type size struct {
	p         *int64
	zero      string
	perSecond bool
	min, max  int64
}

func (v *size) set(s string) error {
	if v.perSecond {
		s = strings.TrimSuffix(s, "/s")
	}
	n, err := parseSize(s)
	if err != nil {
		return err
	}
	*v.p = n
	return v.check()
}

func (v *size) check() error { return within(*v.p, v.zero, v.min, v.max) }

func (v *size) String() string { return formatSize(*v.p) + v.unit() }

func (v *size) unit() string {
	if v.perSecond {
		return "/s"
	}
	return ""
}

func (v *size) allowed() string {
	rest := "bytes, or with a unit (" + unitNames() + "), from " + formatSize(v.min) + v.unit()
	if v.max < math.MaxInt64 {
		rest += " to " + formatSize(v.max) + v.unit()
	}
	return orZero(v.zero, rest)
}

// span is a length of time in Go's form.
type span struct {
	p        *time.Duration
	zero     string
	min, max time.Duration
}

func (v *span) set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("is not a duration")
	}
	*v.p = d
	return v.check()
}

func (v *span) check() error   { return within(*v.p, v.zero, v.min, v.max) }
func (v *span) String() string { return formatDuration(*v.p) }
func (v *span) allowed() string {
	return orZero(v.zero, fmt.Sprintf("a duration such as 500ms, 30s or 2m, from %s to %s",
		formatDuration(v.min), formatDuration(v.max)))
}

// formatDuration leaves out the zero units that time.Duration prints: "1m"
// for "1m0s".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// choice is one of a few words.
type choice struct {
	p  *string
	of []string
}

func (v *choice) set(s string) error {
	*v.p = s
	return v.check()
}

func (v *choice) check() error {
	if !slices.Contains(v.of, *v.p) {
		return errors.New("is none of the choices")
	}
	return nil
}

func (v *choice) String() string  { return *v.p }
func (v *choice) allowed() string { return strings.Join(v.of, ", ") }

// toggle is a choice between two. Its flag alone, without a value, is true.
type toggle struct {
	p *bool
}

func (v *toggle) set(s string) error {
	switch s {
	case "true", "false":
		*v.p = s == "true"
		return nil
	}
	return errors.New("is neither true nor false")
}

func (v *toggle) check() error    { return nil }
func (v *toggle) String() string  { return strconv.FormatBool(*v.p) }
func (v *toggle) allowed() string { return "true, false" }

// level is the least important level that is logged.
type level struct {
	p *slog.Level
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

func (v *level) set(s string) error {
	l, ok := levels[s]
	if !ok {
		return errors.New("is not a level")
	}
	*v.p = l
	return nil
}

func (v *level) check() error {
	if _, ok := levels[v.String()]; !ok {
		return errors.New("is not a level")
	}
	return nil
}

func (v *level) String() string  { return strings.ToLower(v.p.String()) }
func (v *level) allowed() string { return "debug, info, warn, error" }

// text is a path.
type text struct {
	p     *string
	what  string
	empty string // meaning of ""
}

func (v *text) set(s string) error {
	*v.p = s
	return v.check()
}

func (v *text) check() error {
	return plainPath(*v.p)
}

// plainPath reports what a path has in it by mistake.
func plainPath(s string) error {
	switch {
	case strings.ContainsRune(s, 0):
		return errors.New("contains a NUL")
	case strings.ContainsAny(s, "\r\n"):
		return errors.New("has more than one line")
	}
	return nil
}

func (v *text) String() string  { return *v.p }
func (v *text) allowed() string { return v.what + ", or empty (" + v.empty + ")" }

// file is the path of a file that is written, or standard output.
type file struct {
	p *string
}

func (v *file) set(s string) error {
	*v.p = s
	return v.check()
}

func (v *file) check() error {
	if *v.p == "" {
		return errors.New("is empty")
	}
	return plainPath(*v.p)
}

func (v *file) String() string  { return *v.p }
func (v *file) allowed() string { return "a path, or - for standard output" }

// address is the host and port of a listener.
type address struct {
	p   *string
	off bool // "off" and "" turn the listener off
}

func (v *address) set(s string) error {
	if v.off && s == "off" {
		s = ""
	}
	*v.p = s
	return v.check()
}

func (v *address) check() error {
	if v.off && *v.p == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(*v.p)
	if err != nil {
		return errors.New("is not an address")
	}
	if strings.ContainsAny(host, " \t\x00/") {
		return errors.New("has an impossible host")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("has no port from 0 to 65535")
	}
	return nil
}

func (v *address) String() string {
	if v.off && *v.p == "" {
		return "off"
	}
	return *v.p
}

func (v *address) allowed() string {
	if v.off {
		return "host:port, or off"
	}
	return "host:port, :port for every address"
}

// parseInt accepts decimal digits alone, with a minus so that its message can
// be about the bound.
func parseInt(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errTooLarge
	case err != nil || strings.HasPrefix(s, "+"):
		return 0, errors.New("is not a number")
	}
	return n, nil
}
