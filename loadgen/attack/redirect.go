package attack

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// Redirect has connections for a host and port go elsewhere, as curl's --connect-to
// does: the request, SNI and the certificate that is asked for stay the URL's.
type Redirect struct {
	FromHost, FromPort string // of the URL; "": any
	ToHost, ToPort     string // that is dialled; "": the URL's
}

// ParseRedirect reads HOST:PORT:ADDR:PORT, of which each part may be empty. IPv6
// addresses are in brackets.
func ParseRedirect(text string) (Redirect, error) {
	const form = "allowed is HOST:PORT:ADDR:PORT, each of which may be empty, with IPv6 addresses in brackets"
	var parts []string
	for rest, more := text, true; more; {
		var part string
		if strings.HasPrefix(rest, "[") {
			end := strings.IndexByte(rest, ']')
			if end < 0 || end+1 < len(rest) && rest[end+1] != ':' {
				return Redirect{}, errors.New(form)
			}
			part, rest = rest[1:end], rest[end+1:]
			if a, err := netip.ParseAddr(part); err != nil || !a.Is6() {
				return Redirect{}, fmt.Errorf("%q is no IPv6 address: %s", part, form)
			}
			more, rest = rest != "", strings.TrimPrefix(rest, ":")
		} else {
			part, rest, more = strings.Cut(rest, ":")
		}
		parts = append(parts, part)
	}
	if len(parts) != 4 {
		return Redirect{}, errors.New(form)
	}
	r := Redirect{parts[0], parts[1], parts[2], parts[3]}
	for _, host := range []string{r.FromHost, r.ToHost} {
		if strings.ContainsAny(host, "/@[] \t\r\n") {
			return Redirect{}, fmt.Errorf("%q is no host: %s", host, form)
		}
	}
	for _, port := range []string{r.FromPort, r.ToPort} {
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0 || port[0] == '0') {
			return Redirect{}, fmt.Errorf("%q is no port: allowed are 1 to 65535, or none", port)
		}
	}
	return r, nil
}

// String is the form that ParseRedirect reads.
func (r Redirect) String() string {
	return bracketed(r.FromHost) + ":" + r.FromPort + ":" + bracketed(r.ToHost) + ":" + r.ToPort
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// covers reports whether the redirect is about connections to an origin.
func (r Redirect) covers(o exchange.Origin) bool {
	return (r.FromHost == "" || strings.EqualFold(r.FromHost, o.Host)) && (r.FromPort == "" || r.FromPort == o.Port)
}
