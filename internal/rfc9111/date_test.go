package rfc9111

import (
	"net/http"
	"testing"
	"time"
)

// FuzzDate reads dates with net/http, too: what both read is the same moment, and what
// a server of today would send is read by both (RFC 9110 §5.6.7).
func FuzzDate(f *testing.F) {
	for _, v := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"Thu, 29 Feb 2024 23:59:60 GMT", "Mon, 29 Feb 2100 00:00:00 GMT", "Sun Nov 16 08:49:37 1994",
		"sun, 06 nov 1994 08:49:37 gmt", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "0",
	} {
		f.Add(v)
	}
	near := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, v string) {
		ours, ok := parseDate(v, near)
		theirs, err := http.ParseTime(v)
		if err == nil && theirs.UTC().Format(http.TimeFormat) == v && !ok {
			t.Fatalf("%q is not read", v)
		}
		if !ok || err != nil {
			return
		}
		if century := (time.Unix(ours, 0).UTC().Year() - theirs.Year()) % 100; century != 0 {
			t.Fatalf("%q is %v, to net/http %v", v, time.Unix(ours, 0).UTC(), theirs)
		}
		moment := time.Unix(ours, 0).UTC()
		if moment.Format("01-02 15:04:05") != theirs.UTC().Format("01-02 15:04:05") {
			t.Fatalf("%q is %v, to net/http %v", v, moment, theirs)
		}
	})
}
