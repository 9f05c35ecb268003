package config

import (
	"net/netip"
	"time"

	"github.com/e0ac7cd4/hotpath/server/rules"
)

// Site is what is served to some hosts, and how. It is plain data: the table in
// sitesettings.go is the one definition of its settings and of their defaults.
// Start from [DefaultSite] or [Load]; a Site that Load returns is valid, and
// each field holds the value to use.
type Site struct {
	// Hosts are what requests ask for: "example.com", or "*.example.com"
	// for every name one or more labels below it. They are lower-case
	// A-labels (RFC 5890) or addresses, without a port, the dot at the end
	// and brackets; no other site has the same one. An exact host wins over
	// a pattern, a longer pattern over a shorter one.
	Hosts []string
	// Default is whether the site gets requests for hosts that no site
	// names. One at most has it; without one they are misdirected
	// (421, RFC 9110 §15.5.20) over HTTP/2, else not found.
	Default bool

	// Path is the part of the hosts' paths that the site gets, with a slash at both
	// ends: all below it, and itself without the slash at the end. "" is what no
	// other site of the host has. Strip takes it from what the root or the upstream
	// is asked for.
	Path  string
	Strip bool

	// What is served. One of the two; neither is the demo site, which the
	// default site of a Config without sites may be.
	Root      string   // a directory
	Upstreams []string // "http://host:port" or "https://host", without path and all alike in scheme

	// PEM files. "" for both: [Config.Cert] and Key.
	Cert, Key string

	// ACME is whether certificates are obtained for Hosts, if there is no Cert.
	ACME bool

	// ClientCA is a PEM file of the certificates that clients must be certified
	// by, "" for none, and ClientAuth whether clients without a certificate are
	// let in: [ClientRequire] or [ClientOptional].
	ClientCA   string
	ClientAuth string

	CacheKey SiteCacheKey
	Cache    SiteCache

	// Compress is which stored contents are compressed, and Precompressed whether
	// a root has codings of its files beside them.
	Compress      SiteCompress
	Precompressed bool

	// TrustedProxies are the peers whose X-Forwarded-For and Forwarded are
	// trusted.
	TrustedProxies []netip.Prefix

	// RequestID is whether an upstream gets X-Request-Id.
	RequestID bool

	// What is demanded of requests, and changed in them and in answers.
	Allow, Deny    []netip.Prefix   // clients that are let in, all if there is none, but for Deny
	Redirects      []rules.Redirect // paths that lead elsewhere
	Users          SiteUsers
	MaxBody        int64      // of a request's content, in bytes; 0: Config.MaxBody
	RequestFields  SiteFields // of requests to an upstream
	ResponseFields SiteFields // of all answers
	Errors         SiteErrors
	Maintenance    SiteMaintenance

	// Of an upstream.
	Host     string // sent as Host: [HostClient], [HostUpstream] or a name
	Balance  string // among upstreams: [RoundRobin], [LeastConn] or [Hash]
	Health   SiteHealth
	Timeouts SiteTimeouts
	TLS      SiteTLS

	// sum is of the settings' values, when all are there.
	sum siteSum
	// where is the place in the file of each setting that it has, by name.
	where map[string]string
	// name begins the site's settings in messages: "sites[0]", or "" for the
	// site of the flags.
	name string
}

// What a Site's Host can be besides a name.
const (
	HostClient   = "client"   // what the client has sent
	HostUpstream = "upstream" // the upstream's own host and port
)

// Whether clients must have a certificate.
const (
	ClientRequire  = "require"
	ClientOptional = "optional"
)

// How an upstream is chosen for a request.
const (
	RoundRobin = "round_robin"
	LeastConn  = "least_conn"
	Hash       = "hash" // by the cache key: one upstream for a resource
)

// What of a query is in the cache key.
const (
	QuerySent   = "sent"   // all of it, as it was sent
	QuerySorted = "sorted" // its parameters, sorted by name
	QueryDrop   = "drop"   // nothing
)

// SiteCacheKey is what of a request distinguishes resources. Keep and Drop are names
// of parameters; one of them at most has any.
type SiteCacheKey struct {
	Query string   // QuerySent, QuerySorted or QueryDrop
	Keep  []string // these parameters alone count
	Drop  []string // these do not count

	Fields  []string // of the request, in lower case
	Cookies []string // names
}

// SiteCache are a site's rules in what RFC 9111 leaves open.
type SiteCache struct {
	DefaultFresh         time.Duration         // of a response that says nothing; 0: not stored for that
	Heuristics           bool                  // from Last-Modified, RFC 9111 §4.2.2
	StoreSetCookie       bool                  // responses with Set-Cookie
	HonorRequest         bool                  // Cache-Control of requests, RFC 9111 §5.2.1
	Negative             map[int]time.Duration // freshness of error statuses that say nothing
	StaleWhileRevalidate time.Duration         // RFC 5861 §3, of a response that does not say; 0: none
	StaleIfError         time.Duration         // RFC 5861 §4, of a response that does not say; 0: none
	CacheStatus          bool                  // the Cache-Status field, RFC 9211
}

// SiteHealth is how upstreams are checked.
type SiteHealth struct {
	Path      string // requested with GET; "": no checks
	Interval  time.Duration
	Timeout   time.Duration // at most Interval
	Healthy   int           // so many successes in a row bring one back
	Unhealthy int           // so many failures in a row take one out
}

// SiteTimeouts are the deadlines of an upstream.
type SiteTimeouts struct {
	Dial time.Duration // TCP and TLS
	Head time.Duration // from the end of the request to the head of its response
	Idle time.Duration // without a byte of a body, in either direction
	Pool time.Duration // that a connection is kept without a request
	Wait time.Duration // for a turn at an upstream that has as many requests as it may
}

// SiteTLS is how upstreams of https are verified.
type SiteTLS struct {
	CA         string // PEM file of the certificates to trust; "": the system's
	ServerName string // name in SNI and certificate; "": the upstream's host
	Insecure   bool   // every certificate is trusted
}

// DefaultSite returns a site that has every default, and neither hosts nor
// anything to serve.
func DefaultSite() Site {
	var s Site
	for _, k := range siteSettings(&s) {
		if err := k.value.set(k.def); err != nil {
			panic("config: default of sites " + k.name + ": " + err.Error())
		}
	}
	return s
}

// flagSite is the one site of a configuration without sites: it gets every
// request.
func (c *Config) flagSite() Site {
	s := DefaultSite()
	s.Default = true
	s.Root, s.Upstreams = c.Root, c.Upstreams
	return s
}

// at is the place where the site's setting was given.
func (s *Site) at(name string) string {
	if where := s.where[name]; where != "" {
		return where
	}
	return s.name + "." + name
}
