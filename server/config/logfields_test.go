package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/access"
)

// TestLogFields: what may be chosen is what package access has.
func TestLogFields(t *testing.T) {
	names, usual := access.FieldNames()
	if !slices.Equal(LogFields, append([]string{access.Usual}, names...)) {
		t.Errorf("the setting has %q, the log %q", LogFields, names)
	}
	if got := strings.Join(names[:usual], ","); got != usualLogFields {
		t.Errorf("usual are %s, and %s", usualLogFields, got)
	}
	for value, want := range map[string]string{
		"usual,trace_id":  "",
		"status":          "",
		"status,path":     "",
		"status,status":   "is given twice",
		"":                "names no field",
		"usual,status":    "has status twice: it is one of usual",
		"time,durationus": "did you mean time,duration_us?",
		"time, traceid":   "did you mean time,trace_id?",
		"requestid":       "did you mean request_id?",
		"upstream_time":   "did you mean upstream_time_us?",
		"upstream_total":  "did you mean upstream_total_us?",
		"usual,bytesin":   "did you mean usual,bytes_in?",
		"nonsense":        `has "nonsense", which is no field; allowed: usual (all up to truncated), or one of time, remote, `,
	} {
		_, err := Load([]string{"-access-log-fields", value}, nil, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
	c, err := Load([]string{"-config", "f"}, nil, files(map[string]string{"f": "access-log-fields: [status, tls_version]\n"}))
	if err != nil || !slices.Equal(c.AccessLogFields, []string{"status", "tls_version"}) {
		t.Errorf("a list in the file: %q, %v", c.AccessLogFields, err)
	}
}
