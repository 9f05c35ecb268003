package config

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// endpoint is the URL of a collector.
type endpoint struct{ p *string }

func (v *endpoint) set(s string) error { *v.p = s; return v.check() }

func (v *endpoint) check() error {
	if *v.p == "" {
		return nil
	}
	u, err := url.Parse(*v.p)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("has more than scheme, host, port and path")
	}
	_, err = normalUpstream(u.Scheme + "://" + withUser(u))
	return err
}

// withUser is the authority of a URL, with the user that it must not have.
func withUser(u *url.URL) string {
	if u.User != nil {
		return u.User.String() + "@" + u.Host
	}
	return u.Host
}

func (v *endpoint) String() string { return *v.p }
func (v *endpoint) allowed() string {
	return "a URL such as http://127.0.0.1:4318, or empty (no traces)"
}

// candidates implements the correction of what was probably meant: an address
// without a scheme.
func (v *endpoint) candidates(s string) []string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		return []string{"http://" + rest}
	}
	return []string{"http://" + s}
}

// Collector is the URL that traces are sent to, "" for none: the path that the
// specification of OTLP gives to a base URL is added to one without.
func (c *Config) Collector() string {
	u, err := url.Parse(c.OTLPEndpoint)
	if err != nil || c.OTLPEndpoint == "" || u.Path != "" && u.Path != "/" {
		return c.OTLPEndpoint
	}
	u.Path = "/v1/traces"
	return u.String()
}

// share is a number from 0 to 1.
type share struct{ p *float64 }

func (v *share) set(s string) error {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return errors.New("is not a number")
	}
	*v.p = n
	return v.check()
}

func (v *share) check() error {
	if !(*v.p >= 0 && *v.p <= 1) { // NaN is neither
		return errors.New("is no share")
	}
	return nil
}

func (v *share) String() string  { return strconv.FormatFloat(*v.p, 'g', -1, 64) }
func (v *share) allowed() string { return "a number from 0 (none by chance) to 1 (all)" }
func (v *share) schema() schema {
	return schema{"type": []string{"number", "string"}}
}
func (v *share) edges() []string { return []string{"0", "1e-09", "1"} }

// candidates: a share in percent.
func (v *share) candidates(s string) []string {
	number, percent := strings.CutSuffix(s, "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !percent {
		return nil
	}
	return []string{strconv.FormatFloat(n/100, 'g', 6, 64)}
}
