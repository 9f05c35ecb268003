// Package human writes figures for people: three digits that matter, a unit,
// and groups of thousands. What a program reads is written elsewhere, exactly.
package human

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// unit is what a value is counted in.
type unit struct {
	size float64
	name string
}

var durations = []unit{
	{float64(time.Second), "s"},
	{float64(time.Millisecond), "ms"},
	{float64(time.Microsecond), "µs"},
}

// Duration writes d with three digits, "2.41ms" or "812µs"; from a minute on
// with whole seconds, "1m30s"; below a microsecond with nanoseconds.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d >= time.Minute:
		return Exact(d.Round(time.Second))
	}
	for _, u := range durations {
		if v := float64(d) / u.size; v >= roundsToOne {
			return digits(v) + u.name
		}
	}
	if d == 0 {
		return "0s"
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}

// roundsToOne is the least that three digits write as 1.00: the next unit
// begins there, so that nothing is written as 1000µs.
const roundsToOne = 0.9995

// Exact writes all of d, as people set it: without the zero units that
// time.Duration prints, "1m" for "1m0s".
func Exact(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// digits writes a value from 0 up with three digits, and all those before the
// point.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// Count writes n in groups of thousands: "9,000,000".
func Count(n uint64) string { return grouped(strconv.FormatUint(n, 10)) }

// Rate writes a number per second from 0 up: "150,000/s", "12.3/s".
func Rate(perSecond float64) string {
	s := grouped(digits(perSecond))
	if whole, rest, ok := strings.Cut(s, "."); ok && strings.Trim(rest, "0") == "" {
		s = whole
	}
	return s + "/s"
}

// grouped puts commas into the part of a number before the point.
func grouped(s string) string {
	whole, rest := s, ""
	if point := strings.IndexByte(s, '.'); point >= 0 {
		whole, rest = s[:point], s[point:]
	}
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	return whole + rest
}

// mostDecimals is enough for one of 10^10 requests.
const mostDecimals = 10

// Percent writes a share from 0 to 1 with two decimals, and more if else it
// would say 0 % or 100 % of what is not: "99.9996%".
func Percent(share float64) string {
	percent := share * 100
	for decimals := 2; ; decimals++ {
		s := strconv.FormatFloat(percent, 'f', decimals, 64)
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		if exact := s != "0" && s != "100"; exact || share == 0 || share == 1 || decimals == mostDecimals {
			return s + "%"
		}
	}
}

var sizes = []unit{
	{1 << 40, "TiB"},
	{1 << 30, "GiB"},
	{1 << 20, "MiB"},
	{1 << 10, "KiB"},
}

// Bytes writes n with three digits: "1.42 GiB".
func Bytes(n uint64) string {
	for _, u := range sizes {
		if v := float64(n) / u.size; v >= roundsToOne {
			return digits(v) + " " + u.name
		}
	}
	return strconv.FormatUint(n, 10) + " B"
}

// Line makes s fit to print: one line, and nothing in it that a terminal
// would obey.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
