package config

import (
	"strings"
	"testing"
	"time"
)

// TestParseCapacity: reports of searches and of runs say a rate; whatever else is in
// the file is refused with what is wrong.
func TestParseCapacity(t *testing.T) {
	end := time.Date(2026, 11, 29, 12, 0, 7, 0, time.UTC)
	for _, tt := range []struct {
		name, text string
		want       Capacity
		wrong      string
	}{
		{"a search that came to its end", `{"target":"https://a/","objectives":"p99<=5ms","best":142000.5,"confirmed":true,"limited":false,
			"probes":[{"rate":1,"run":{"end":"2026-11-29T12:00:07Z"}},{"rate":2,"run":{"end":"2026-11-29T12:00:02Z"}}]}`,
			Capacity{142000.5, "p99<=5ms", false, end}, ""},
		{"a search that did not", `{"best":1000,"confirmed":false}`, Capacity{Rate: 1000, AtLeast: true}, ""},
		{"a load generator that was the limit", `{"best":1000,"confirmed":true,"limited":true}`, Capacity{Rate: 1000, AtLeast: true}, ""},
		{"a run", `{"reached_rate":99.5,"asked_rate":100,"end":"2026-11-29T12:00:07Z"}`, Capacity{Rate: 99.5, AtLeast: true, Measured: end}, ""},
		{"no rate held", `{"best":0,"confirmed":true}`, Capacity{}, "no rate held"},
		{"another file in JSON", `{"name":"hotpath"}`, Capacity{}, "neither"},
		{"a list", `[]`, Capacity{}, "no JSON of a report"},
		{"half of a report", `{"best":10`, Capacity{}, "no JSON of a report"},
		{"a rate in words", `{"best":"fast"}`, Capacity{}, "no JSON of a report"},
		{"nothing", ``, Capacity{}, "no JSON of a report"},
	} {
		got, err := parseCapacity([]byte(tt.text))
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.wrong)
			}
		case err != nil || got != tt.want:
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}
