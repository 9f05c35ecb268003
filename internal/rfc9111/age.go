package rfc9111

import (
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// born returns the second from which a response's age counts (RFC 9111 §4.2.3),
// so that now - born is current_age:
//
//	apparent_age          = max(0, response_time - date_value)
//	corrected_age_value   = age_value + response_time - request_time
//	corrected_initial_age = max(apparent_age, corrected_age_value)
//	current_age           = corrected_initial_age + now - response_time
//
// which is now less the earlier of date_value and request_time - age_value. A
// Date in the future, of a clock ahead of ours, makes nothing younger. Without
// a usable Date it is the time of arrival (RFC 9110 §6.6.1).
func born(fields []hpack.Field, asked, got time.Time) int64 {
	b := min(asked.Unix(), got.Unix()) - ageValue(fields)
	if date, ok := dateValue(fields, got); ok {
		b = min(b, date)
	}
	return b
}

// ageValue returns what Age says, 0 without a usable one: the first value of
// the first line counts, and a first value that is no number makes the field
// void (RFC 9111 §5.1).
func ageValue(fields []hpack.Field) int64 {
	for i := range fields {
		if fields[i].Name != "age" {
			continue
		}
		value := strings.TrimLeft(fields[i].Value, " \t,")
		if value == "" {
			continue // empty elements of a list do not count (RFC 9110 §5.6.1.2)
		}
		if comma := strings.IndexByte(value, ','); comma >= 0 {
			value = value[:comma]
		}
		return int64(max(parseDelta(trim(value), false), 0))
	}
	return 0
}

// dateValue returns what the first Date line says, in Unix seconds.
func dateValue(fields []hpack.Field, got time.Time) (int64, bool) {
	value, ok := get(fields, "date")
	if !ok {
		return 0, false
	}
	return parseDate(value, got)
}

// get returns the first field of a name.
func get(fields []hpack.Field, name string) (string, bool) {
	for i := range fields {
		if fields[i].Name == name {
			return fields[i].Value, true
		}
	}
	return "", false
}
