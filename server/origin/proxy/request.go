package proxy

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// pseudonym is our name in Via (RFC 9110 §7.6.3).
const pseudonym = "hotpath"

// maxPasses is how often a request may have passed a proxy of our name. Tiers
// (edge, region, shield) are three; a loop reaches any number.
const maxPasses = 8

// outgoing is a request as it is sent, without what depends on the upstream. It
// owns its memory: goroutines of net/http may look at it after Fetch returned.
type outgoing struct {
	method    string
	target    string // the request target as received
	authority string // as the client sent it
	kind      method
	header    http.Header
	te        bool   // TE: trailers
	protocol  string // of an upgrade
	accept    string // the Sec-WebSocket-Accept that a key of ours calls for
	translate bool   // an extended CONNECT that is sent as an upgrade

	text   strings.Builder // what own owns
	values []string        // memory of header's values
}

// prepare writes the request that is sent (RFC 9110 §7.6).
func (p *Proxy) prepare(r *origin.Request) (*outgoing, error) {
	q := &outgoing{
		header: make(http.Header, len(r.Fields)+8),
		values: make([]string, 0, len(r.Fields)+8), // + Via, X-Real-IP, four forwarded fields, two of the certificate
	}
	size := len(r.Authority) + len(r.Path) + 2*maxAddress + len(r.Proto) + len(r.Upgrade)
	for i := range r.Fields {
		size += len(r.Fields[i].Value)
	}
	q.text.Grow(size + spare)
	q.method = q.ownMethod(r.Method)
	q.authority = q.own(r.Authority)
	q.target = q.own(r.Path)
	if !validTarget(r.Method, r.Path) && !(r.Method == http.MethodConnect && r.Path == "") {
		return nil, newError(httpRequestError, fmt.Errorf("the request target %.100q cannot be forwarded", r.Path))
	}
	if !validHost(r.Authority) {
		return nil, newError(httpRequestError, fmt.Errorf("the authority %.100q cannot be forwarded", r.Authority))
	}
	switch q.method {
	case http.MethodHead:
		q.kind = headMethod
	case http.MethodConnect:
		q.kind = connectMethod
	}
	if r.Upgrade != "" && !strings.EqualFold(r.Upgrade, "h2c") { // our hop's, not the upstream's
		q.protocol = q.own(r.Upgrade)
		q.translate = q.kind == connectMethod
		q.kind = upgradeMethod
	} else if q.kind == connectMethod {
		q.target = q.authority // RFC 9112 §3.2.3
	}
	if err := p.fields(q, r); err != nil {
		return nil, err
	}
	if q.kind == upgradeMethod {
		q.upgrade()
	}
	return q, nil
}

// spare is memory for names that are not common.
const spare = 128

// fields fills in the header.
func (p *Proxy) fields(q *outgoing, r *origin.Request) error {
	trusted := p.config.TrustedProxies.Contain(r.Peer.Addr())
	var connection, cookies, via []string
	var before chain
	for i := range r.Fields {
		if r.Fields[i].Name == "connection" {
			connection = append(connection, r.Fields[i].Value)
		}
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Name {
		case "host", "content-length", "connection", "proxy": // Proxy: CVE-2016-5385
			continue
		case clientCert, clientCertChain, clientCertSubject: // ours alone
			continue
		case "te":
			q.te = q.te || hasToken(f.Value, "trailers")
			continue
		case "cookie":
			cookies = append(cookies, q.own(f.Value))
			continue
		case "via":
			via = append(via, q.own(f.Value))
			continue
		case "expect":
			if r.Body == nil || r.Proto == "1.0" { // RFC 9110 §10.1.1
				continue
			}
		case "max-forwards":
			if q.method == http.MethodOptions {
				value, ok := forwards(f.Value)
				if ok {
					q.add("Max-Forwards", value)
				}
				continue
			}
		case "sec-websocket-key":
			if q.translate {
				continue // of HTTP/1.1: RFC 8441 §5
			}
		}
		switch {
		case hopByHop(f.Name), len(connection) > 0 && nominated(connection, f.Name):
			continue
		case aboutClient(f.Name):
			if !trusted || before.take(f.Name, q.own(f.Value)) {
				continue
			}
		case disguised(f.Name):
			continue
		}
		q.add(canonical(f.Name, q.own), q.own(f.Value))
	}
	switch len(cookies) {
	case 0:
	case 1:
		q.add("Cookie", cookies[0])
	default:
		q.add("Cookie", strings.Join(cookies, "; ")) // RFC 9113 §8.2.3
	}
	if passes(via) > maxPasses {
		return newError(proxyLoopDetected, fmt.Errorf("the field Via names %s more than %d times", pseudonym, maxPasses))
	}
	for _, v := range via {
		q.add("Via", v)
	}
	q.add("Via", q.via(r.Proto))
	q.forward(&p.config, r, &before)
	if c := r.Identity.Certified(); c != nil {
		q.add("Client-Cert", ":"+base64.StdEncoding.EncodeToString(c.Raw)+":")
		if r.Identity.Subject != "" {
			q.add("Client-Cert-Subject", r.Identity.Subject)
		}
	}
	if q.header["User-Agent"] == nil {
		q.header["User-Agent"] = nil // or net/http adds its own
	}
	return nil
}

// add appends a field line.
func (q *outgoing) add(name, value string) {
	if before := q.header[name]; before != nil {
		q.header[name] = append(before, value)
		return
	}
	q.values = append(q.values, value)
	n := len(q.values)
	q.header[name] = q.values[n-1 : n : n]
}

// own returns a copy of s in memory of q's.
func (q *outgoing) own(s string) string {
	if q.text.Cap()-q.text.Len() < len(s) {
		return strings.Clone(s)
	}
	start := q.text.Len()
	q.text.WriteString(s) // within what Grow reserved: earlier views stay valid
	return q.text.String()[start:]
}

func (q *outgoing) ownMethod(m string) string {
	for _, known := range [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"} {
		if m == known {
			return known
		}
	}
	return strings.Clone(m)
}

// via is our element of the Via field.
func (q *outgoing) via(proto string) string {
	switch proto {
	case "1.1", "":
		return "1.1 " + pseudonym
	case "2.0":
		return "2.0 " + pseudonym
	}
	return q.own(proto) + " " + pseudonym
}

// passes counts our pseudonym in the Via fields.
func passes(via []string) (n int) {
	for _, line := range via {
		for element := range strings.SplitSeq(line, ",") {
			words := strings.Fields(element)
			if len(words) >= 2 && words[1] == pseudonym {
				n++
			}
		}
	}
	return n
}

// forwards counts down Max-Forwards (RFC 9110 §7.6.2). A value that is no
// number is left out, and so is 0, with which the request is not for an upstream.
func forwards(value string) (string, bool) {
	n, ok := parseLength(value)
	if !ok || n == 0 {
		return "", false
	}
	return strconv.FormatInt(n-1, 10), true
}

// upgrade adds the fields of an upgrade in HTTP/1.1 (RFC 9110 §7.8). An
// extended CONNECT becomes a GET with a key of ours (RFC 8441 §5).
func (q *outgoing) upgrade() {
	q.header["Connection"] = []string{"Upgrade"}
	q.header["Upgrade"] = []string{q.protocol}
	if !q.translate {
		return
	}
	q.method = http.MethodGet
	if q.protocol != "websocket" {
		return
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	text := base64.StdEncoding.EncodeToString(key[:])
	q.header["Sec-Websocket-Key"] = []string{text}
	q.accept = websocketAccept(text)
}

// websocketAccept is the answer that a key calls for (RFC 6455 §4.2.2).
func websocketAccept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// validTarget reports whether a request target can be written as it is: an
// absolute path with an optional query, or "*" for OPTIONS, without white space
// and controls, which would end it.
func validTarget(method, target string) bool {
	if target == "" || target[0] != '/' && (target != "*" || method != http.MethodOptions) {
		return false
	}
	for i := range len(target) {
		if target[i] <= ' ' || target[i] == 0x7f {
			return false
		}
	}
	return true
}

func pathOnly(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// url returns the URL whose RequestURI is the target, byte for byte, and what
// net/http writes before it that must not be sent.
//
// An opaque URL is written as it is, unless it begins with "//": then net/http
// writes "scheme:" before it. So such a target gets "//host" as well, which
// makes an absolute form of it; net/http takes scheme and host off again for
// HTTP/2, and conn for HTTP/1.1.
func (q *outgoing) url(scheme, poolKey, host string) (u *url.URL, cut []byte) {
	u = &url.URL{Scheme: scheme, Host: poolKey, Opaque: q.target}
	if strings.HasPrefix(q.target, "//") {
		u.Opaque = "//" + host + q.target
		cut = []byte(scheme + "://" + host)
	}
	return u, cut
}

// host is the Host field for an upstream.
func (c *Config) host(q *outgoing, u *upstream) string {
	if q.kind == connectMethod {
		return q.authority
	}
	host := c.Host
	switch host {
	case hostClient:
		host = q.authority
	case hostUpstream:
		host = u.host
	}
	return or(host, u.host) // HTTP/1.0 without a Host
}

// errClientBody wraps the error of the client's content.
var errClientBody = errors.New("reading the request's content")

// announced returns the trailer map of a request with the names that the client
// announced; values follow when the content has ended.
func announced(fields []hpack.Field) http.Header {
	t := make(http.Header)
	for _, f := range fields {
		if f.Name != "trailer" {
			continue
		}
		for name := range strings.SplitSeq(f.Value, ",") {
			name = strings.ToLower(trimSpace(name))
			if validName(name) && trailerAllowed(name) {
				t[canonical(name, strings.Clone)] = nil
			}
		}
	}
	return t
}
