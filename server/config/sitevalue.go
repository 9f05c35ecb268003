package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/idna"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// maxHost is the length of a name in the DNS, without the dot at its end
// (RFC 1035 §2.3.4).
const maxHost = 253

// normalHost is the one form of a host: a lower-case A-label name, or an address.
func normalHost(s string) (string, error) {
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		if ip.Zone() != "" {
			return "", errors.New("has a zone")
		}
		return ip.String(), nil
	}
	s = strings.TrimSuffix(s, ".")
	if s == "" || strings.ContainsAny(s, ":/ *@") {
		return "", errors.New("is not a host")
	}
	name, err := idna.Lookup.ToASCII(s)
	if err != nil || name == "" || len(name) > maxHost {
		return "", errors.New("is not a host")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 { // RFC 1035 §2.3.4
			return "", errors.New("is not a host")
		}
	}
	return name, nil
}

func normalPattern(s string) (string, error) {
	if rest, ok := strings.CutPrefix(s, "*."); ok {
		name, err := normalHost(rest)
		if _, ip := netip.ParseAddr(name); err == nil && ip == nil {
			err = errors.New("is a pattern of addresses")
		}
		return "*." + name, err
	}
	if s == "*" {
		return "", errors.New("is every host, which `default: true` is for")
	}
	if strings.Contains(s, "*") {
		return "", errors.New("has a * that is not the whole first label")
	}
	host, err := normalHost(s)
	return bracketed(host), err
}

// bracketed is a host as it stands in an authority (RFC 3986 §3.2.2): an IPv6
// address has brackets there.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func hosts(p *[]string) *list[string] {
	return &list[string]{p: p, item: normalPattern, what: "a host such as example.com or *.example.com, without scheme and port", empty: "by `default: true`", fix: func(s string) []string {
		return []string{bareHost(s)}
	}}
}

// bareHost takes the scheme, the port and the path from what should be a host.
func bareHost(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s, _, _ = strings.Cut(s, "/")
	if host, _, ok := strings.Cut(s, ":"); ok && !strings.Contains(host, "[") {
		s = host
	}
	return s
}

// normalUpstream is an origin (RFC 6454 §4): a scheme, a host and optionally a
// port.
func normalUpstream(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("is not a URL of http or https")
	case u.User != nil:
		return "", errUser
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("has more than scheme, host and port")
	}
	host, err := normalHost(u.Hostname())
	if err != nil {
		return "", errors.New("has no host")
	}
	host = bracketed(host)
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", errors.New("has no port from 1 to 65535")
		}
		host += ":" + port
	} else if strings.HasSuffix(u.Host, ":") {
		return "", errors.New("has an empty port")
	}
	return u.Scheme + "://" + host, nil
}

var errUser = errors.New("has a user")

func upstreams(p *[]string) *list[string] {
	return &list[string]{p: p, item: normalUpstream, what: "a URL such as http://127.0.0.1:3000 or https://origin.example", empty: "none", fix: func(s string) []string {
		scheme, rest, ok := strings.Cut(s, "://")
		if !ok {
			scheme, rest = "http", s
		}
		if strings.HasPrefix(rest, ":") {
			rest = "127.0.0.1" + rest
		} else if _, err := strconv.ParseUint(rest, 10, 16); err == nil {
			rest = "127.0.0.1:" + rest
		}
		rest, _, _ = strings.Cut(rest, "/")
		rest, _, _ = strings.Cut(rest, "?")
		rest, _, _ = strings.Cut(rest, "#")
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
		return []string{strings.ToLower(scheme) + "://" + rest, "http://" + rest}
	}}
}

func parameters(p *[]string) *list[string] {
	return &list[string]{p: p, what: "a parameter's name", empty: "none", item: func(s string) (string, error) {
		if s == "" || strings.ContainsAny(s, "&=#, ") {
			return "", errors.New("is not a parameter's name")
		}
		return s, nil
	}}
}

func cookieNames(p *[]string) *list[string] {
	return &list[string]{p: p, what: "a cookie's name", empty: "none", item: func(s string) (string, error) {
		if !httpguts.ValidHeaderFieldName(s) { // a token, too (RFC 6265 §4.1.1)
			return "", errors.New("is not a cookie's name")
		}
		return s, nil
	}}
}

func prefixes(p *[]netip.Prefix) *list[netip.Prefix] {
	return &list[netip.Prefix]{p: p, what: "a network such as 10.0.0.0/8, or an address", empty: "none", item: func(s string) (netip.Prefix, error) {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Is4In6() {
			return netip.Prefix{}, errors.New("is an IPv4 address as IPv6 has it, and clients have none such")
		} else if err == nil && ip.Zone() == "" {
			return netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return prefix, errors.New("is not a network")
		}
		if prefix.Addr().Is4In6() {
			return prefix, errors.New("is a network of IPv4 as IPv6 has it, and clients are in none such")
		}
		if prefix != prefix.Masked() {
			return prefix, errors.New("has bits beyond its length")
		}
		return prefix, nil
	}, fix: func(s string) []string {
		if prefix, err := netip.ParsePrefix(s); err == nil {
			return []string{prefix.Masked().String()}
		}
		return nil
	}}
}

// hostName is one of two words, or a name.
type hostName struct{ p *string }

func (v *hostName) set(s string) error { *v.p = s; return v.check() }
func (v *hostName) check() error {
	if *v.p == HostClient || *v.p == HostUpstream {
		return nil
	}
	host, _, hasPort := strings.Cut(*v.p, ":")
	if strings.HasPrefix(*v.p, "[") {
		host, _, hasPort = strings.Cut(*v.p, "]:")
	}
	if _, err := normalHost(host); err != nil {
		return errors.New("is not a host")
	}
	if hasPort {
		if _, err := strconv.ParseUint((*v.p)[strings.LastIndexByte(*v.p, ':')+1:], 10, 16); err != nil {
			return errors.New("has no port from 0 to 65535")
		}
	}
	return nil
}
func (v *hostName) String() string  { return *v.p }
func (v *hostName) allowed() string { return HostClient + ", " + HostUpstream + ", or a host's name" }
func (v *hostName) candidates(s string) []string {
	return []string{suggest.Nearest(s, []string{HostClient, HostUpstream}), bareHost(s)}
}

// serverName is a host's name, or empty.
type serverName struct{ p *string }

func (v *serverName) set(s string) error {
	*v.p = s
	return v.check()
}

func (v *serverName) check() error {
	if *v.p == "" {
		return nil
	}
	if _, err := normalHost(*v.p); err != nil {
		return errors.New("is not a host")
	}
	return nil
}

func (v *serverName) String() string               { return *v.p }
func (v *serverName) allowed() string              { return "a host's name, or empty (the upstream's)" }
func (v *serverName) candidates(s string) []string { return []string{bareHost(s)} }

// urlPath is the path of a URL, or empty.
type urlPath struct{ p *string }

func (v *urlPath) set(s string) error {
	*v.p = s
	return v.check()
}

func (v *urlPath) check() error {
	if *v.p == "" {
		return nil
	}
	if u, err := url.ParseRequestURI(*v.p); err != nil || !strings.HasPrefix(*v.p, "/") || u.Host != "" || strings.ContainsAny(*v.p, "# \t") {
		return errors.New("is not a path")
	}
	return nil
}

func (v *urlPath) String() string { return *v.p }
func (v *urlPath) allowed() string {
	return "a path that begins with /, or empty (upstreams are not asked)"
}
func (v *urlPath) candidates(s string) []string {
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		return []string{u.Path}
	}
	return []string{"/" + s}
}

// statuses are times by status: a mapping of the file.
type statuses struct{ p *map[int]time.Duration }

// pairs is a value that is a mapping of the file.
type pairs interface {
	value
	pair(key, s string) error
	kind() value // of what is behind a key; it sets nothing
}

func (v *statuses) pair(key, s string) error {
	status, err := parseInt(key)
	if err != nil || status < 400 || status > 599 {
		return errors.New("has a status that is not from 400 to 599")
	}
	var d time.Duration
	if err := v.span(&d).set(s); err != nil {
		return err
	}
	if *v.p == nil {
		*v.p = make(map[int]time.Duration)
	}
	(*v.p)[int(status)] = d
	return nil
}

func (v *statuses) span(p *time.Duration) *span {
	return &span{p: p, min: minTime, max: maxFresh}
}

func (v *statuses) kind() value { return v.span(new(time.Duration)) }

func (v *statuses) set(s string) error {
	*v.p = nil
	if s == "" {
		return nil
	}
	return errors.New("is not a mapping of statuses")
}

func (v *statuses) check() error {
	for status, d := range *v.p {
		if status < 400 || status > 599 || d < 0 || d > maxFresh {
			return errors.New("has an impossible status or time")
		}
	}
	return nil
}

func (v *statuses) String() string {
	var b strings.Builder
	for i, status := range slices.Sorted(maps.Keys(*v.p)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d: %s", status, formatDuration((*v.p)[status]))
	}
	return b.String()
}

func (v *statuses) allowed() string {
	return "a mapping such as {404: 10s, 410: 1m}, of statuses from 400 to 599 to durations"
}

// pathPrefix is the beginning of a path, with a slash at both ends, or empty.
type pathPrefix struct{ p *string }

func (v *pathPrefix) set(s string) error {
	if *v.p = s; s != "" && !strings.HasSuffix(s, "/") {
		*v.p += "/"
	}
	return v.check()
}

func (v *pathPrefix) check() error {
	s := *v.p
	switch {
	case s == "":
		return nil
	case s == "/":
		return errors.New("is every path")
	case s[0] != '/' || !strings.HasSuffix(s, "/") || strings.ContainsAny(s, "%?#*;\\") || strings.Contains(s, "//") || strings.Contains(s, "/."):
		return errors.New("is not the plain beginning of a path")
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return errors.New("has characters that a path cannot have")
		}
	}
	return nil
}

func (v *pathPrefix) String() string { return *v.p }
func (v *pathPrefix) allowed() string {
	return "a path such as /api/, without escapes, empty segments and those that begin with a dot, or empty (what no other site of the host has)"
}
func (v *pathPrefix) candidates(s string) []string { return []string{"/" + s} }
