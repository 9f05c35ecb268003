package config

import "slices"

// siteSetting is the one definition of a site's setting. The name has a dot
// between the keys of nested mappings.
type siteSetting struct {
	name  string
	def   string // default, as a user would write it
	value value
	help  string
}

// Bounds of a site that are not a matter of taste.
const (
	// A response that is fresh for longer than a year is a mistake in the
	// unit; RFC 9111 §1.2.2 asks for no more than 68 years.
	maxFresh = 365 * maxTime

	// So many successes or failures in a row, at the longest interval, take
	// months.
	maxInRow = 100
)

// siteSettings is the table, bound to the fields of s.
func siteSettings(s *Site) []siteSetting {
	return slices.Concat([]siteSetting{
		{"hosts", "", hosts(&s.Hosts),
			"Hosts of the requests that the site gets. `*.example.com` is every name below example.com, not example.com itself. A site needs hosts or `default: true`."},
		{"default", "false", &toggle{p: &s.Default},
			"The site gets what no other site's hosts match. One site may; without one, such requests are answered 421 over HTTP/2, where another connection may be the right one, else 404."},
		{"path", "", &pathPrefix{p: &s.Path},
			"The site gets of its hosts this path and all below it, with all settings of a site of its own; it inherits none. The longest one wins. A path that may be read in several ways, which lead to different sites, is answered with 400."},
		{"strip", "false", &toggle{p: &s.Strip},
			"The root or the upstream is asked for what follows the path. Location and the path of Set-Cookie are passed on as the upstream has them."},
		{"root", "", &text{p: &s.Root, what: "a directory", empty: "there is an upstream"},
			"Directory to serve. A site has a root or an upstream."},
		{"upstream", "", upstreams(&s.Upstreams),
			"Server in front of which to stand, or a list of servers that are alike."},
		{"cert", "", &text{p: &s.Cert, what: "a PEM file with the certificate and its chain", empty: "the certificate outside of sites"},
			"Certificate to present to clients that ask for one of the hosts. It needs the key beside it."},
		{"key", "", &text{p: &s.Key, what: "a PEM file with the private key", empty: "the key outside of sites"},
			"Private key of the certificate."},
		{"acme", "true", &toggle{p: &s.ACME},
			"Whether certificates for the hosts are obtained, if there are acme-directory and no cert."},
		{"client-ca", "", &text{p: &s.ClientCA, what: "a PEM file of certificates", empty: "clients are not asked for a certificate"},
			"Authorities that clients must have a certificate of. An upstream gets it in Client-Cert (RFC 9440), and its subject in Client-Cert-Subject (RFC 4514). A request on a connection whose handshake was for another site is answered 421."},
		{"client-auth", ClientRequire, &choice{p: &s.ClientAuth, of: []string{ClientRequire, ClientOptional}},
			"Whether clients without a certificate are let in. require: no. optional: yes, and the upstream sees no Client-Cert."},

		{"cache-key.query", QuerySent, &choice{p: &s.CacheKey.Query, of: []string{QuerySent, QuerySorted, QueryDrop}},
			"What of the query distinguishes resources. sent: all of it as it was sent. sorted: its parameters, in any order. drop: nothing."},
		{"cache-key.keep", "", parameters(&s.CacheKey.Keep),
			"Only these parameters of the query distinguish resources."},
		{"cache-key.drop", "", parameters(&s.CacheKey.Drop),
			"These parameters of the query do not distinguish resources."},
		{"cache-key.fields", "", fieldNames(&s.CacheKey.Fields, true),
			"Fields of a request that distinguish resources, whatever Vary says: each value has a stored response of its own."},
		{"cache-key.cookies", "", cookieNames(&s.CacheKey.Cookies),
			"Cookies that distinguish resources, in the same way. The upstream gets all cookies in any case: what it makes of others must not be stored."},

		{"cache.default-fresh", "0s", &span{p: &s.Cache.DefaultFresh, zero: "they are not kept for that", min: minTime, max: maxFresh},
			"Freshness lifetime of responses that have neither Cache-Control nor Expires."},
		{"cache.heuristics", "false", &toggle{p: &s.Cache.Heuristics},
			"Such responses are fresh for a tenth of the time since Last-Modified (RFC 9111 §4.2.2)."},
		{"cache.store-set-cookie", "false", &toggle{p: &s.Cache.StoreSetCookie},
			"Responses that set a cookie may be stored, and given to everybody."},
		{"cache.honor-request", "true", &toggle{p: &s.Cache.HonorRequest},
			"Cache-Control of a request counts (RFC 9111 §5.2.1). With false a client's reload does not reach the origin."},
		{"cache.negative", "", &statuses{p: &s.Cache.Negative},
			"Freshness lifetime of error responses that have neither Cache-Control nor Expires, by status."},
		{"cache.stale-while-revalidate", "0s", &span{p: &s.Cache.StaleWhileRevalidate, zero: "what the response says", min: minTime, max: maxFresh},
			"How long a stale response that says nothing about it is still served while it is validated (RFC 5861 §3)."},
		{"cache.stale-if-error", "0s", &span{p: &s.Cache.StaleIfError, zero: "what the response says", min: minTime, max: maxFresh},
			"How long a stale response that says nothing about it is still served when the origin fails (RFC 5861 §4)."},
		{"cache.cache-status", "true", &toggle{p: &s.Cache.CacheStatus},
			"Responses say in Cache-Status what the cache did (RFC 9211)."},

		{"host", HostClient, &hostName{p: &s.Host},
			"Host of the requests that an upstream gets. client: as the client sent it. upstream: the upstream's own."},
		{"balance", RoundRobin, &choice{p: &s.Balance, of: []string{RoundRobin, LeastConn, Hash}},
			"How an upstream is chosen. round_robin: in turn. least_conn: the one with the fewest requests. hash: by the cache key, so that one upstream has all of a resource."},
		{"health.path", "", &urlPath{p: &s.Health.Path},
			"Path that each upstream is asked for; a status below 400 is a success."},
		{"health.interval", "10s", &span{p: &s.Health.Interval, min: minTime, max: maxTime},
			"Time from one such request to the next."},
		{"health.timeout", "2s", &span{p: &s.Health.Timeout, min: minTime, max: maxTime},
			"For an answer to it; none is a failure."},
		{"health.healthy", "2", &count{p: &s.Health.Healthy, min: 1, max: maxInRow},
			"Successes in a row that bring an upstream back."},
		{"health.unhealthy", "3", &count{p: &s.Health.Unhealthy, min: 1, max: maxInRow},
			"Failures in a row that take an upstream out."},
		{"timeouts.dial", "5s", &span{p: &s.Timeouts.Dial, min: minTime, max: maxTime},
			"For a connection to an upstream, with its TLS handshake."},
		{"timeouts.head", "30s", &span{p: &s.Timeouts.Head, min: minTime, max: maxTime},
			"From the end of a request to the head of its response."},
		{"timeouts.idle", "30s", &span{p: &s.Timeouts.Idle, min: minTime, max: maxTime},
			"For a body of which no byte comes, or is taken; then the exchange is ended."},
		{"timeouts.pool", "1m", &span{p: &s.Timeouts.Pool, min: minTime, max: maxTime},
			"For which a connection to an upstream is kept without a request; less than the upstream keeps it."},
		{"timeouts.wait", "5s", &span{p: &s.Timeouts.Wait, min: minTime, max: maxTime},
			"For a turn at an upstream that has as many requests as it may; then the answer is 503."},
		{"tls.ca", "", &text{p: &s.TLS.CA, what: "a PEM file of certificates", empty: "those that the system trusts"},
			"Certificates that are trusted to sign an upstream's."},
		{"tls.server-name", "", &serverName{p: &s.TLS.ServerName},
			"Name that an upstream is asked for, and that its certificate must have."},
		{"tls.insecure", "false", &toggle{p: &s.TLS.Insecure},
			"Every certificate of an upstream is trusted."},
		{"trusted-proxies", "", prefixes(&s.TrustedProxies),
			"Proxies in front of the server: the client is whom their X-Forwarded-For, or else Forwarded, names, the last address that is none of theirs. An upstream gets what they say, with X-Forwarded-Proto and the like, and the proxy's own address added; what others say is replaced."},
		{"request-id", "true", &toggle{p: &s.RequestID},
			"An upstream gets X-Request-Id with each request, by which its log and the access log (`request_id`) can be found by each other: what a trusted proxy calls the request, in at most 128 letters, digits and `-._~+/=:@`, else 32 random digits. With false a client's own is passed on as it is."},
	}, compressSettings(s), ruleSettings(s))
}

// upstreamOnly are the settings that mean nothing beside a root.
var upstreamOnly = []string{
	"host", "balance", "request-id", "cache-key.fields", "cache-key.cookies",
	"health.path", "health.interval", "health.timeout", "health.healthy", "health.unhealthy",
	"timeouts.dial", "timeouts.head", "timeouts.idle", "timeouts.pool", "timeouts.wait", "tls.ca", "tls.server-name", "tls.insecure",
	"request-headers.set", "request-headers.remove", "errors.upstream", "basic-auth.pass",
}
