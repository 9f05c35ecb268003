package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/server/client"
)

// Config says which servers are used, and how. A field that says nothing of its
// zero value is required; the values for zero are those of what is no setting.
type Config struct {
	// Upstreams are the servers, as URLs of a scheme and a
	// host, without a path: http://host:port (HTTP/1.1), https://host (HTTP/2
	// or HTTP/1.1, as ALPN agrees), h2c://host:port (HTTP/2 with prior
	// knowledge), unix:/path.sock (HTTP/1.1). At least one.
	Upstreams []string

	Balance Balance // how one of them is chosen
	HashBy  HashBy  // what Balance "hash" hashes; "": key

	TLS      TLS
	Timeouts Timeouts

	// MaxRequests is how many fetches run at one upstream at once, tunnels
	// among them; in HTTP/1.1 each has a connection. A fetch beyond that waits
	// in a queue of MaxQueue (0: as many as MaxRequests; negative: none) for
	// at most Timeouts.Queue. Connections to the upstream, in use, idle and
	// being made, take MaxRequests + [SpareSockets] descriptors at most.
	MaxRequests int
	MaxQueue    int

	Health    Health
	Passive   Passive
	SlowStart time.Duration // for how long a recovered upstream gets less than its share; 0: 10 s, negative: none
	Retry     Retry

	// Host is the Host field sent: "client" as the client sent it,
	// "upstream" the upstream URL's, anything else that very value.
	Host string

	// TrustedProxies are the clients whose forwarded fields are trusted and
	// appended to. Those of all others are dropped.
	TrustedProxies client.Networks
	ForwardedStyle ForwardedStyle // "": x-forwarded
}

// TLS is how https upstreams are verified. TLS 1.2 is the lowest version.
type TLS struct {
	CAFile             string // PEM certificates that are trusted instead of the system's; "": the system's
	ServerName         string // SNI and the name that is verified; "": the URL's host
	InsecureSkipVerify bool   // any certificate is accepted: for tests
}

// Timeouts bound every wait for an upstream. There is no waiting without end.
type Timeouts struct {
	Dial     time.Duration // to connect, TLS handshake included
	Queue    time.Duration // in the queue of a full upstream; 0: 5 s
	Continue time.Duration // for a 100 before the body is sent all the same (RFC 9110 §10.1.1); 0: 1 s
	Head     time.Duration // from the end of the request to the head of the response
	Idle     time.Duration // between two bytes of a content, both ways
	Tunnel   time.Duration // without a byte either way in a tunnel; 0: 10 min
	Pool     time.Duration // that an unused connection is kept; 0: 60 s
}

// Health are checks that request Path from each upstream again and again; an answer
// of 2xx or 3xx is a success. All are required if there is a Path.
type Health struct {
	Path      string        // "": no checks
	Interval  time.Duration // between two checks
	Timeout   time.Duration // of one check
	Healthy   int           // successes in a row after which it is used again
	Unhealthy int           // failures in a row after which it is not used
}

// Passive ejects an upstream for Ejection after Failures failed fetches within
// Window. A failure is a connection that does not come about, ends or is silent
// before the head, or a head that is no HTTP; a status is none.
type Passive struct {
	Failures int           // 0: 5; negative: no ejection
	Window   time.Duration // 0: 10 s
	Ejection time.Duration // 0: 30 s
}

// Retry bounds how many fetches are tried again: Percent of all, and at most
// Burst more after a quiet time. A budget, since retries without one multiply
// the load of an upstream that is failing because of its load.
type Retry struct {
	Percent int // 0: 10; negative: no retries; at most 100
	Burst   int // 0: 10
}

// Balance is a way to choose an upstream.
type Balance string

// The ways to choose.
const (
	RoundRobin Balance = "round_robin" // one after another
	LeastConn  Balance = "least_conn"  // the one with the fewest fetches running
	Hash       Balance = "hash"        // the same for the same HashBy (rendezvous hashing)
)

// HashBy is what is hashed.
type HashBy string

// What can be hashed.
const (
	ByKey    HashBy = "key"    // authority, path and query
	ByPath   HashBy = "path"   // the path without the query
	ByClient HashBy = "client" // the client's address
)

// ForwardedStyle says which fields describe the client to the upstream. Fields of
// the other style are dropped whoever sent them, so that there is one truth.
type ForwardedStyle string

// The styles.
const (
	XForwarded ForwardedStyle = "x-forwarded" // X-Forwarded-For, -Proto, -Host
	Forwarded  ForwardedStyle = "forwarded"   // Forwarded (RFC 7239)
	Both       ForwardedStyle = "both"
)

// withDefaults returns c with every zero replaced that stands for a value.
func (c Config) withDefaults() Config {
	set := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	number := func(n *int, standard int) {
		if *n == 0 {
			*n = standard
		}
	}
	if c.HashBy == "" {
		c.HashBy = ByKey
	}
	if c.ForwardedStyle == "" {
		c.ForwardedStyle = XForwarded
	}
	set(&c.Timeouts.Queue, 5*time.Second)
	set(&c.Timeouts.Continue, time.Second)
	set(&c.Timeouts.Tunnel, 10*time.Minute)
	set(&c.Timeouts.Pool, time.Minute)
	number(&c.MaxQueue, c.MaxRequests)
	number(&c.Passive.Failures, 5)
	set(&c.Passive.Window, 10*time.Second)
	set(&c.Passive.Ejection, 30*time.Second)
	set(&c.SlowStart, 10*time.Second)
	number(&c.Retry.Percent, 10)
	number(&c.Retry.Burst, 10)
	return c
}

const (
	hostClient   = "client"
	hostUpstream = "upstream"
)

// Validate reports the first setting that cannot be used, by key, value and
// what is allowed.
func (c Config) Validate() error {
	if len(c.Upstreams) == 0 {
		return configError("Upstreams", "", "at least one URL")
	}
	if len(c.Upstreams) > maxUpstreams {
		return configError("Upstreams", len(c.Upstreams), fmt.Sprintf("at most %d URLs", maxUpstreams))
	}
	seen := make(map[string]bool)
	for _, text := range c.Upstreams {
		if _, err := parseUpstream(text); err != nil {
			return err
		}
		if seen[text] {
			return configError("Upstreams", text, "each URL once")
		}
		seen[text] = true
	}
	switch c.Balance {
	case RoundRobin, LeastConn, Hash:
	default:
		return configError("Balance", c.Balance, "round_robin, least_conn, hash")
	}
	switch c.HashBy {
	case "", ByKey, ByPath, ByClient:
	default:
		return configError("HashBy", c.HashBy, "key, path, client")
	}
	switch c.ForwardedStyle {
	case "", XForwarded, Forwarded, Both:
	default:
		return configError("ForwardedStyle", c.ForwardedStyle, "x-forwarded, forwarded, both")
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"Timeouts.Queue", c.Timeouts.Queue}, {"Timeouts.Continue", c.Timeouts.Continue},
		{"Timeouts.Tunnel", c.Timeouts.Tunnel}, {"Timeouts.Pool", c.Timeouts.Pool},
		{"Passive.Window", c.Passive.Window}, {"Passive.Ejection", c.Passive.Ejection},
	} {
		if d.value < 0 {
			return configError(d.key, d.value, "0 (the default) or more")
		}
	}
	checked := c.Health.Path != ""
	for _, r := range []struct {
		key      string
		value    any
		positive bool
		required bool
	}{
		{"MaxRequests", c.MaxRequests, c.MaxRequests > 0, true},
		{"Timeouts.Dial", c.Timeouts.Dial, c.Timeouts.Dial > 0, true},
		{"Timeouts.Head", c.Timeouts.Head, c.Timeouts.Head > 0, true},
		{"Timeouts.Idle", c.Timeouts.Idle, c.Timeouts.Idle > 0, true},
		{"Health.Interval", c.Health.Interval, c.Health.Interval > 0, checked},
		{"Health.Timeout", c.Health.Timeout, c.Health.Timeout > 0, checked},
		{"Health.Healthy", c.Health.Healthy, c.Health.Healthy > 0, checked},
		{"Health.Unhealthy", c.Health.Unhealthy, c.Health.Unhealthy > 0, checked},
	} {
		if r.required && !r.positive {
			return configError(r.key, r.value, "more than 0")
		}
	}
	if c.Retry.Burst < 0 {
		return configError("Retry.Burst", c.Retry.Burst, "0 (the default) or more")
	}
	if c.Retry.Percent > 100 {
		return configError("Retry.Percent", c.Retry.Percent, "at most 100")
	}
	if c.Passive.Failures > maxFailures {
		return configError("Passive.Failures", c.Passive.Failures, fmt.Sprintf("at most %d", maxFailures))
	}
	if p := c.Health.Path; p != "" && !validTarget(http.MethodGet, p) {
		return configError("Health.Path", p, "an absolute path, percent-encoded")
	}
	if c.Host == "" || !validHost(c.Host) {
		return configError("Host", c.Host, "client, upstream, or a host with an optional port")
	}
	for _, prefix := range c.TrustedProxies {
		if !prefix.IsValid() {
			return configError("TrustedProxies", prefix, "address prefixes such as 10.0.0.0/8")
		}
	}
	_, err := c.TLS.config()
	return err
}

// maxUpstreams bounds what every choice looks at.
const maxUpstreams = 256

// address is a parsed upstream URL.
type address struct {
	text    string // as configured
	scheme  string // http, https or h2c; http for a socket file
	network string // tcp or unix
	dial    string // host:port, or the socket's path
	host    string // the URL's host, for Host "upstream" and as the pool's key
}

// parseUpstream reads one of Config.Upstreams.
func parseUpstream(text string) (address, error) {
	fail := func(allowed string) (address, error) {
		return address{}, configError("Upstreams", text, allowed)
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		path, _ = strings.CutPrefix(path, "//")
		if !strings.HasPrefix(path, "/") || strings.ContainsRune(path, 0) {
			return fail("unix: and the absolute path of a socket")
		}
		return address{text: text, scheme: "http", network: "unix", dial: path, host: "localhost"}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return fail("a URL such as http://10.0.0.1:8080")
	}
	port := ""
	switch u.Scheme {
	case "http", "h2c":
		port = "80"
	case "https":
		port = "443"
	default:
		return fail("http://, https://, h2c:// or unix:")
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		u.Path != "" && u.Path != "/" {
		return fail("a scheme, a host and an optional port alone: the path is the client's")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	dial := u.Hostname() + ":" + port
	if strings.Contains(u.Hostname(), ":") {
		dial = "[" + u.Hostname() + "]:" + port
	}
	return address{text: text, scheme: u.Scheme, network: "tcp", dial: dial, host: u.Host}, nil
}

// config is what crypto/tls is given, but for the name and ALPN.
func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.InsecureSkipVerify,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	if t.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("proxy: reading TLS.CAFile: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, configError("TLS.CAFile", t.CAFile, "a file with at least one PEM certificate")
	}
	return c, nil
}

// validHost reports whether host can stand in a Host field.
func validHost(host string) bool {
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~!$&'()*+,;=:[]%", c) >= 0: // RFC 3986 §3.2.2
		default:
			return false
		}
	}
	return true
}
