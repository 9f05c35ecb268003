package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// LogFields are the members that a JSON line of the access log may have: those of
// package access, which a test compares. The first is for all that it has by
// default.
var LogFields = strings.Split(UsualFields+","+usualLogFields+","+moreLogFields, ",")

// UsualFields stands for all members that a line has by default.
const UsualFields = "usual"

// usualLogFields are those of the default, and moreLogFields all others.
const (
	usualLogFields = "time,remote,protocol,method,host,path,status,bytes,duration_us,cache,reason,referer,user_agent,sample,aborted,limited,truncated"
	moreLogFields  = "trace_id,request_id,site,sni,bytes_in,cache_age,upstream,upstream_time_us,upstream_total_us,tls_version,tls_cipher"
)

// logFields is a list of LogFields, of at least one.
type logFields struct{ list[string] }

func newLogFields(p *[]string) *logFields {
	return &logFields{list[string]{
		p: p, what: "usual (all up to truncated), or one of " + strings.Join(LogFields[1:], ", "), fix: nearestFields,
		item: func(s string) (string, error) {
			switch {
			case s == "":
				return "", errors.New("names no field")
			case !slices.Contains(LogFields, s):
				return "", errors.New("has " + quote(s) + ", which is no field")
			}
			return s, nil
		},
	}}
}

func (v *logFields) set(s string) error {
	v.reset()
	return v.add(s)
}

func (v *logFields) add(s string) error {
	if err := v.list.add(s); err != nil {
		return err
	}
	return v.check()
}

func (v *logFields) check() error {
	if len(*v.p) == 0 {
		return errors.New("names no field")
	}
	if slices.Contains(*v.p, UsualFields) {
		for _, name := range strings.Split(usualLogFields, ",") {
			if slices.Contains(*v.p, name) {
				return errors.New("has " + name + " twice: it is one of " + UsualFields)
			}
		}
	}
	return v.list.check()
}

// nearestFields replaces what is no field by what is most like it.
func nearestFields(s string) []string {
	parts := strings.Split(s, ",")
	for i, part := range parts {
		if part = strings.TrimSpace(part); !slices.Contains(LogFields, part) {
			// The names have underscores, for which Nearest takes dashes.
			dashed := make([]string, len(LogFields))
			for j, name := range LogFields {
				dashed[j] = strings.ReplaceAll(name, "_", "-")
			}
			part = strings.ReplaceAll(suggest.Nearest(part, dashed), "-", "_")
		}
		parts[i] = part
	}
	return []string{strings.Join(parts, ",")}
}
