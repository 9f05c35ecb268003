package config

import (
	"fmt"
	"slices"
	"strings"
)

// contradictions are the settings that do not go together. What involves a wrong
// one is left out.
func (c *Config) contradictions(wrong map[string]bool) Mistakes {
	var all Mistakes
	fail := func(key, value, problem, allowed string, beside ...string) {
		for _, k := range append(beside, key) {
			if wrong[k] {
				return
			}
		}
		all = append(all, &Error{c.at(key), key, value, problem, allowed})
	}
	if c.Cert != "" && c.Key == "" {
		fail("cert", c.Cert, "there is no key to it", "cert and key together, or neither", "key")
	}
	if c.Key != "" && c.Cert == "" {
		fail("key", c.Key, "there is no cert to it", "cert and key together, or neither", "cert")
	}
	c.acmeContradictions(fail)
	if c.Admin != "" && c.Admin == c.Listen && !strings.HasSuffix(c.Admin, ":0") {
		if c.where["admin"] == "" { // it was listen that was set
			fail("listen", c.Listen, "is the address of admin", "an address of its own, or another one for admin", "admin")
		} else {
			fail("admin", c.Admin, "is the address of listen", "an address of its own, or off", "listen")
		}
	}
	if c.adminExposed() && c.AdminTokenFile == "" && !c.AdminInsecure {
		fail("admin", c.Admin, "can be reached from other machines by anybody", "a loopback address; another with admin-token-file, or with admin-insecure", "admin-token-file", "admin-insecure")
	}
	if c.HTTP3 == "on" && c.ReusePort {
		fail("http3", c.HTTP3, "stands beside reuse-port: the system would divide the packets of a connection among servers", "http3 or reuse-port", "reuse-port")
	}
	if c.MemoryLimit > 0 && c.MemoryLimit < c.CacheBytes {
		fail("memory-limit", formatSize(c.MemoryLimit), "is less than cache-bytes, which is "+formatSize(c.CacheBytes),
			meant("a limit above cache-bytes, or smaller cache-bytes", "cache-bytes "+formatSize(max(1, c.MemoryLimit/2))), "cache-bytes")
	}
	if c.Root != "" && len(c.Upstreams) > 0 {
		fail("upstream", strings.Join(c.Upstreams, ","), "stands beside root "+quote(c.Root), "root or upstream", "root")
	}
	if where := c.where[sitesKey]; where != "" {
		const allowed = "in a file with sites, a site's own root or upstream"
		at := strings.TrimSuffix(where, ": "+sitesKey)
		if c.Root != "" {
			fail("root", c.Root, "stands beside the sites of "+at, allowed)
		}
		if len(c.Upstreams) > 0 {
			fail("upstream", strings.Join(c.Upstreams, ","), "stands beside the sites of "+at, allowed)
		}
	}
	return all
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// About is an Error about the value that a setting has.
func (c *Config) About(key, problem, allowed string) *Error {
	return &Error{c.at(key), key, c.setting(key).value.String(), problem, allowed}
}

// Warnings are the settings that were given and do nothing. The server starts
// with them.
func (c Config) Warnings() []*Error { return c.warnings(nil) }

// warnings is Warnings without those that involve a setting in wrong.
func (c *Config) warnings(wrong map[string]bool) []*Error {
	var all []*Error
	// without warns of a setting that was set, and means something only if on, which
	// is a matter of those beside it.
	without := func(key string, on bool, problem, allowed string, beside ...string) {
		if c.where[key] == "" || on || slices.ContainsFunc(append(beside, key), func(name string) bool { return wrong[name] }) {
			return
		}
		if e := c.About(key, problem, allowed); e.Value != c.setting(key).def {
			all = append(all, e)
		}
	}
	without("http3-port", c.HTTP3 == "on", "has no effect: http3 is off", "http3 on beside it", "http3")
	without("proxy-protocol-from", c.HTTP3 == "off", "has no effect on HTTP/3, which has no PROXY header: connections over QUIC from these addresses are refused", "balancers for TCP alone, or http3 off", "http3")
	logged := c.AccessLog != "off"
	for _, key := range []string{"access-log-file", "access-log-format", "access-log-rate"} {
		without(key, logged, "has no effect: access-log is off", "access-log errors, sampled or all beside it", "access-log")
	}
	without("access-log-fields", logged && c.AccessLogFormat == "json", "has no effect: the access log is not in JSON", "access-log-format json beside it, and an access-log", "access-log", "access-log-format")
	without("access-log-sample", c.AccessLog == "sampled", "has no effect: access-log is "+c.AccessLog, "access-log sampled beside it", "access-log")
	for _, key := range []string{"trace-sample", "trace-trust"} {
		without(key, c.OTLPEndpoint != "", "has no effect: there is no otlp-endpoint", "an otlp-endpoint beside it", "otlp-endpoint")
	}
	rates := c.LimitRequests > 0 || c.LimitHandshakes > 0
	for _, key := range []string{"limit-burst", "limit-by"} {
		without(key, c.LimitRequests > 0, "has no effect: limit-requests is off", "limit-requests beside it", "limit-requests")
	}
	without("limit-clients", rates, "has no effect: neither limit-requests nor limit-handshakes is set", "one of them beside it", "limit-requests", "limit-handshakes")
	for _, key := range []string{"limit-ipv4-prefix", "limit-ipv6-prefix", "limit-exempt", "limit-mode"} {
		without(key, rates || c.LimitConnections > 0, "has no effect: no limit of a client is set", "limit-connections, limit-handshakes or limit-requests beside it",
			"limit-connections", "limit-handshakes", "limit-requests")
	}
	for _, key := range []string{"acme-email", "acme-storage", "acme-ca-file", "acme-challenge", "acme-dns-hook", "acme-eab-key-id", "acme-eab-key-file"} {
		without(key, c.ACME.Directory != "", "has no effect: there is no acme-directory", "an acme-directory beside it", "acme-directory")
	}
	if !wrong[sitesKey] {
		without("acme-directory", len(c.ACMENames()) > 0, "has no effect: no site has hosts without a certificate", "sites with hosts, and without cert and acme: false")
	}
	all = append(all, c.unprovable(wrong)...)
	without("capacity-file", c.Admin != "", "has no effect: admin is off", "an admin address beside it", "admin")
	without("admin-token-file", c.Admin != "", "has no effect: admin is off", "an admin address beside it", "admin")
	without("config-watch", c.File != "", "has no effect: there is no config", "a config beside it", configKey)
	without("admin-insecure", c.adminExposed(), "has no effect: no other machine can reach admin "+quote(c.Admin), "an admin address for other machines beside it", "admin")
	without("max-stored", c.MaxStored <= c.CacheBytes/storedShare, "is more than a quarter of cache-bytes, "+formatSize(c.CacheBytes)+": larger bodies are not stored", "at most a quarter of cache-bytes", "cache-bytes")
	without("hello-timeout", c.HelloTimeout <= c.HandshakeTimeout, "is longer than handshake-timeout, "+formatDuration(c.HandshakeTimeout)+", which ends first", "at most handshake-timeout", "handshake-timeout")
	without("cache-shards", c.CacheShards <= c.CacheEntries, fmt.Sprintf("is more than cache-entries, %d", c.CacheEntries), "fewer shards than entries", "cache-entries")
	return all
}

// storedShare is the part of cache-bytes, as a divisor, that one body may take: a
// larger one would evict most of the rest, and two that are being sent when they
// are evicted would take half of the limit.
const storedShare = 4

// LargestStored is how large a body may be that is stored, in bytes.
func (c *Config) LargestStored() int64 { return min(c.MaxStored, c.CacheBytes/storedShare) }
