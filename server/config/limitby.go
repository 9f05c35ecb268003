package config

import (
	"errors"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// limitBy is a word, or a field's name.
type limitBy struct{ p *string }

func (v *limitBy) set(s string) error {
	*v.p = strings.ToLower(s)
	return v.check()
}

func (v *limitBy) check() error {
	switch *v.p {
	case LimitByAddress:
	case "ip", "client", "none", "off", "host":
		return errors.New("is none of the choices") // meant otherwise
	default:
		if *v.p != strings.ToLower(*v.p) || !httpguts.ValidHeaderFieldName(*v.p) {
			return errors.New("is not a field's name")
		}
	}
	return nil
}

func (v *limitBy) String() string  { return *v.p }
func (v *limitBy) allowed() string { return LimitByAddress + ", or a field's name such as x-api-key" }
func (v *limitBy) candidates(s string) []string {
	switch strings.ToLower(s) {
	case "ip", "client", "none", "off":
		return []string{LimitByAddress}
	}
	name := strings.TrimSuffix(strings.TrimSpace(s), ":")
	return []string{suggest.Nearest(s, []string{LimitByAddress}), name, strings.ReplaceAll(name, " ", "-")}
}
