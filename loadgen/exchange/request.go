package exchange

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/net/http/httpguts"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Request is a target, prepared for both protocols.
type Request struct {
	Target int // its index among the attack's targets
	Row    int // its place among those that are counted apart, from 1; 0: none are
	Origin Origin
	Method string
	URL    string // as reports show it: without user and password

	Fields []hpack.Field // of HTTP/2, pseudo-fields first
	Head   []byte        // of HTTP/1.1, with the empty line
	Body   []byte
}

// Origin is where connections go (RFC 9110 §4.3.1).
type Origin struct {
	Secure bool   // https
	Host   string // as in the URL, without the port
	Port   string
}

// Address is what is dialled.
func (o Origin) Address() string {
	return net.JoinHostPort(o.Host, o.Port)
}

// UserAgent is sent to proxies, and to servers unless the target has one of its own.
const UserAgent = "hotpath-loadgen"

// connectionFields are of HTTP/1.1 connections, and no field of a message
// (RFC 9113 §8.2.2): the engines decide on them.
var connectionFields = []string{"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "host", "te", "expect"}

// NewRequest prepares the target with that index. The error says what is wrong
// with it.
func NewRequest(index int, t *vegeta.Target) (*Request, error) {
	shown := ShownURL(t.URL)
	u, err := url.Parse(t.URL)
	switch {
	case err != nil && strings.Contains(t.URL, "@"):
		return nil, fmt.Errorf("target %d: its URL, not shown as it may have a password, is not well-formed: user and password may have letters and digits, all else percent-encoded", index+1)
	case err != nil:
		return nil, fmt.Errorf("target %d: %w", index+1, err)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("target %d: %q does not begin with https:// or http://", index+1, shown)
	case u.Hostname() == "":
		return nil, fmt.Errorf("target %d: %q has no host", index+1, shown)
	case strings.Contains(u.User.Username(), ":"): // RFC 7617 §2
		return nil, fmt.Errorf("target %d: the user in the URL of %q has a colon, which Basic authentication does not have", index+1, shown)
	case !httpguts.ValidHeaderFieldName(t.Method):
		return nil, fmt.Errorf("target %d: %q is no method", index+1, t.Method)
	}
	r := &Request{
		Target: index,
		Origin: Origin{Secure: u.Scheme == "https", Host: u.Hostname(), Port: u.Port()},
		Method: t.Method,
		URL:    shown,
		Body:   t.Body,
	}
	if r.Origin.Port == "" {
		r.Origin.Port = defaultPort(r.Origin.Secure)
	}
	host, err := hostField(t.Header)
	if err != nil {
		return nil, fmt.Errorf("target %d: %w", index+1, err)
	}
	authority, err := authority(u, host)
	if err != nil {
		return nil, fmt.Errorf("target %d: %w", index+1, err)
	}
	path := requestTarget(u)
	r.Fields = []hpack.Field{
		{Name: ":method", Value: t.Method},
		{Name: ":scheme", Value: u.Scheme},
		{Name: ":authority", Value: authority},
		{Name: ":path", Value: path},
	}
	r.Head = fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", t.Method, path, authority)
	if err := r.addFields(t, u.User); err != nil {
		return nil, fmt.Errorf("target %d: %w", index+1, err)
	}
	r.Head = append(r.Head, "\r\n"...)
	return r, nil
}

// pathField is the index of :path among a request's fields.
const pathField = 3

// requestTarget is the path and the query of a URL as they are sent. net/url escapes
// what a path may not have, and refuses control characters, but leaves the query as it
// was typed: a space in it would end the target in the middle of the request line, and
// other octets are in no URI (RFC 3986 §2). They are percent-encoded, as browsers do.
// What is visible ASCII stays, so that what is asked for is what was written.
func requestTarget(u *url.URL) string {
	var b strings.Builder
	uri := u.RequestURI()
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// defaultPort is that of https or http (RFC 9110 §4.2).
func defaultPort(secure bool) string {
	if secure {
		return "443"
	}
	return "80"
}

// withoutZone leaves the zone of an address out: it is this machine's name for one
// of its links, and not sent (RFC 6874 §4).
func withoutZone(host string) string {
	if from, to := strings.IndexByte(host, '%'), strings.IndexByte(host, ']'); from >= 0 && from < to {
		return host[:from] + host[to:]
	}
	return host
}

// authority is what Host or :authority has: host, or else that of the URL, which is
// checked either way, as proxies are sent it.
func authority(u *url.URL, host string) (string, error) {
	own := withoutZone(u.Host)
	host = cmp.Or(host, own)
	for _, text := range []string{own, host} {
		if !httpguts.ValidHostHeader(text) || !httpguts.ValidHeaderFieldValue(text) || strings.ContainsAny(text, " \t") {
			return "", fmt.Errorf("%q is no host: allowed are a name or an address, with a port if need be", text)
		}
	}
	return host, nil
}

// hostField is the value of the field Host, whose name targets may write in any case;
// "": there is none. A request has one (RFC 9112 §3.2).
func hostField(h http.Header) (string, error) {
	var all []string
	for key, values := range h {
		if strings.EqualFold(key, "host") {
			all = append(all, values...)
		}
	}
	slices.Sort(all)
	switch all = slices.Compact(all); len(all) {
	case 0:
		return "", nil
	case 1:
		return all[0], nil
	}
	return "", fmt.Errorf("the field Host is %q and %q, of the target or of -header: a request has one", all[0], all[1])
}

// has reports whether a field is there, be it empty.
func has(h http.Header, name string) bool {
	for key := range h {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// ShownURL is a URL without the user and the password that it may have: reports are
// shown around.
func ShownURL(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return text
	}
	if ok {
		scheme += "://"
	}
	return scheme + rest[at+1:]
}

// Basic is the credentials of a user (RFC 7617 §2).
func Basic(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// addFields adds the target's header fields, in a fixed order, and the URL's user,
// unless the target has an authorization of its own.
func (r *Request) addFields(t *vegeta.Target, user *url.Userinfo) error {
	add := func(name, value string) {
		r.Fields = append(r.Fields, hpack.Field{Name: strings.ToLower(name), Value: value})
		r.Head = append(r.Head, name+": "+value+"\r\n"...)
	}
	if !has(t.Header, "user-agent") {
		add("User-Agent", UserAgent)
	}
	if user != nil && !has(t.Header, "authorization") {
		add("Authorization", Basic(user))
	}
	names := make([]string, 0, len(t.Header))
	for name := range t.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if lower := strings.ToLower(name); slices.Contains(connectionFields, lower) {
			if lower == "host" {
				continue
			}
			if lower == "te" && slices.Equal(t.Header[name], []string{"trailers"}) {
				// RFC 9113 §8.2.2, and RFC 9110 §10.1.4 for the other.
				r.Fields = append(r.Fields, hpack.Field{Name: "te", Value: "trailers"})
				r.Head = append(r.Head, "TE: trailers\r\nConnection: TE\r\n"...)
				continue
			}
			return fmt.Errorf("the header field %s is the connection's and cannot be set", name)
		}
		for _, value := range t.Header[name] {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("%q: %q is no header field", name, value)
			}
			add(name, value)
		}
	}
	if len(t.Body) > 0 || t.Method == "POST" || t.Method == "PUT" || t.Method == "PATCH" { // RFC 9110 §8.6
		add("Content-Length", strconv.Itoa(len(t.Body)))
	}
	return nil
}

// ByProxy has HTTP/1.1 ask a proxy, with the target in absolute form (RFC 9112
// §3.2.2). authorization is the value of Proxy-Authorization; "": none.
func (r *Request) ByProxy(authorization string) {
	path := r.Fields[pathField].Value
	rest := r.Head[len(r.Method)+len(" ")+len(path):]
	address := r.Origin.Address()
	if r.Origin.Port == defaultPort(r.Origin.Secure) {
		address = strings.TrimSuffix(address, ":"+r.Origin.Port)
	}
	head := []byte(r.Method + " http://" + withoutZone(address) + path)
	if authorization != "" {
		line, fields, _ := bytes.Cut(rest, []byte("\r\n"))
		head = append(head, line...)
		rest = append([]byte("\r\nProxy-Authorization: "+authorization+"\r\n"), fields...)
	}
	r.Head = append(head, rest...)
}

// HeadOnly reports whether responses have no content (RFC 9110 §9.3.2).
func (r *Request) HeadOnly() bool { return r.Method == "HEAD" }
