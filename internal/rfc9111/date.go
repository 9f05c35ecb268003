package rfc9111

import (
	"strings"
	"time"
)

// parseDate reads an HTTP-date in any of its three formats (RFC 9110 §5.6.7)
// and returns Unix seconds. Case does not matter, the zone must be GMT, and
// anything else about the form is strict (RFC 9111 §4.2). A year of two digits
// is the latest that is not more than 50 years after near.
//
//	Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT    RFC 850
//	Sun Nov  6 08:49:37 1994          asctime
func parseDate(v string, near time.Time) (int64, bool) {
	v = trim(v)
	switch comma := strings.IndexByte(v, ','); {
	case comma == 3 && len(v) == len("Sun, 06 Nov 1994 08:49:37 GMT"):
		return fixdate(v)
	case comma > 3:
		return rfc850(v, comma, near)
	case comma < 0 && len(v) == len("Sun Nov  6 08:49:37 1994"):
		return asctime(v)
	}
	return 0, false
}

func fixdate(v string) (int64, bool) {
	if dayName(v[:3], 3) < 0 || v[4] != ' ' || v[7] != ' ' || v[11] != ' ' || v[16] != ' ' || !gmt(v[25:]) {
		return 0, false
	}
	return unix(digits(v[12:16]), monthName(v[8:11]), digits(v[5:7]), v[17:25])
}

func rfc850(v string, comma int, near time.Time) (int64, bool) {
	day := v[:comma]
	v = v[comma:]
	if len(v) != len(", 06-Nov-94 08:49:37 GMT") || dayName(day, len(day)) < 0 ||
		v[1] != ' ' || v[4] != '-' || v[8] != '-' || v[11] != ' ' || !gmt(v[20:]) {
		return 0, false
	}
	yy := digits(v[9:11])
	if yy < 0 {
		return 0, false
	}
	limit := near.UTC().Year() + 50
	year := limit - limit%100 + yy
	if year > limit {
		year -= 100
	}
	return unix(year, monthName(v[5:8]), digits(v[2:4]), v[12:20])
}

func asctime(v string) (int64, bool) {
	if dayName(v[:3], 3) < 0 || v[3] != ' ' || v[7] != ' ' || v[10] != ' ' || v[19] != ' ' {
		return 0, false
	}
	return unix(digits(v[20:]), monthName(v[4:7]), digits(strings.TrimPrefix(v[8:10], " ")), v[11:19])
}

// unix puts a date together; clock is hh:mm:ss. A second of 60 is a leap second
// (RFC 9110 §5.6.7), which Unix time counts as the next.
func unix(year, month, day int, clock string) (int64, bool) {
	h, m, s := digits(clock[:2]), digits(clock[3:5]), digits(clock[6:8])
	if clock[2] != ':' || clock[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60 ||
		year < 0 || month < 0 || day < 1 {
		return 0, false
	}
	t := time.Date(year, time.Month(month+1), day, h, m, s, 0, time.UTC)
	if time.Date(year, time.Month(month+1), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return 0, false // the 31st of a month with 30 days
	}
	return t.Unix(), true
}

// gmt reports whether v ends a date in the only zone there is.
func gmt(v string) bool { return v[0] == ' ' && strings.EqualFold(v[1:], "GMT") }

// digits returns the number that v is, -1 if it is none.
func digits(v string) int {
	n := 0
	for i := 0; i < len(v); i++ {
		if v[i] < '0' || v[i] > '9' {
			return -1
		}
		n = n*10 + int(v[i]-'0')
	}
	if v == "" {
		return -1
	}
	return n
}

var (
	dayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	months   = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
)

// dayName returns the day whose name, cut to n letters, is v; -1 if none is.
// Whether it is the date's day is not looked at.
func dayName(v string, n int) int {
	for i, name := range dayNames {
		if n == 3 && strings.EqualFold(v, name[:3]) || n > 3 && strings.EqualFold(v, name) {
			return i
		}
	}
	return -1
}

func monthName(v string) int {
	for i, name := range months {
		if strings.EqualFold(v, name) {
			return i
		}
	}
	return -1
}
