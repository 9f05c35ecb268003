package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// validateSites reports what is wrong in sites and between them.
func (c *Config) validateSites(wrong map[string]bool) Mistakes {
	var all Mistakes
	owner := make(map[string]*Site) // by host with path; a path alone for the default
	for i := range c.Sites {
		yield.InLoop()
		s := &c.Sites[i]
		if s.name == "" || wrong[s.name] {
			continue // the one of root and upstream, or none
		}
		all = append(all, s.validate(wrong)...)
		if s.Default {
			if first := owner[s.Path]; first != nil {
				all = append(all, &Error{s.at("default"), s.name + ".default", "true", "is set at " + first.at("default") + " already", "one default site"})
			} else {
				owner[s.Path] = s
			}
		}
		if s.MaxBody > c.MaxBody && !wrong["max-body"] && !wrong[s.name+".max-body"] {
			all = append(all, &Error{s.at("max-body"), s.name + ".max-body", formatSize(s.MaxBody), "is more than max-body outside of sites, " + formatSize(c.MaxBody) + ", which comes first", "at most that"})
		}
		if wrong[s.name+".hosts"] {
			continue
		}
		for _, host := range s.Hosts {
			if first := owner[host+s.Path]; first != nil {
				all = append(all, &Error{s.at("hosts"), s.name + ".hosts", host, "belongs to " + first.at("hosts") + " already", "each host in one site"})
			} else {
				owner[host+s.Path] = s
			}
		}
	}
	return append(all, c.validatePaths(owner, wrong)...)
}

// validatePaths reports the sites with a path that do not go together with those of
// their hosts: who a client is shows in the handshake, before there is a path.
func (c *Config) validatePaths(owner map[string]*Site, wrong map[string]bool) Mistakes {
	var all Mistakes
	for i := range c.Sites {
		yield.InLoop()
		s := &c.Sites[i]
		if s.Path == "" || wrong[s.name] || wrong[s.name+".path"] || wrong[s.name+".hosts"] || wrong[s.name+".client-ca"] {
			continue
		}
		hosts := s.Hosts
		if s.Default {
			hosts = append(slices.Clip(hosts), "")
		}
		for _, host := range hosts {
			var ca, auth string
			if base := baseOf(owner, host); base != nil {
				ca, auth = base.ClientCA, base.ClientAuth
			}
			if s.ClientCA != ca || ca != "" && s.ClientAuth != auth {
				all = append(all, &Error{s.at("client-ca"), s.name + ".client-ca", s.ClientCA, "is not that of the host's site without a path, by which clients are asked", "client-ca and client-auth of that one"})
				break
			}
		}
	}
	return all
}

// baseOf is the site of a host without a path: its own, or that of the longest
// pattern, or the default.
func baseOf(owner map[string]*Site, host string) *Site {
	if s := owner[host]; s != nil {
		return s
	}
	for rest := strings.TrimPrefix(host, "*"); ; {
		_, after, ok := strings.Cut(rest[min(1, len(rest)):], ".")
		if !ok {
			return owner[""]
		}
		rest = "." + after
		if s := owner["*"+rest]; s != nil {
			return s
		}
	}
}

// validate reports what is wrong in the site, but for the settings in wrong.
func (s *Site) validate(wrong map[string]bool) Mistakes {
	var all Mistakes
	values := make(map[string]string)
	for _, k := range siteSettings(s) {
		values[k.name] = k.value.String()
		if wrong[s.name+"."+k.name] {
			continue
		}
		if err := k.value.check(); err != nil {
			all = append(all, &Error{s.at(k.name), s.name + "." + k.name, k.value.String(), err.Error(), k.value.allowed()})
		}
	}
	given := func(name string) bool { return values[name] != "" || wrong[s.name+"."+name] }
	fail := func(name, problem, allowed string) {
		key, where := s.name+"."+name, s.at(name)
		if name == "" {
			key, where = s.name, s.at("")
		}
		if !wrong[key] {
			all = append(all, &Error{strings.TrimSuffix(where, "."), key, values[name], problem, allowed})
		}
	}
	either := func(a, b string) {
		if given(a) && given(b) {
			fail(b, "stands beside "+a, a+" or "+b)
		}
	}
	meantHosts := false // by host, which is another setting
	if !given("hosts") && !s.Default && !wrong[s.name+".default"] {
		likely := ""
		if s.where["host"] != "" && !wrong[s.name+".host"] {
			meantHosts, likely = true, "hosts: ["+s.Host+"]"
		}
		fail("", "gets no request", meant("hosts: [example.com], or default: true", likely))
	}
	either("root", "upstream")
	if !given("root") && !given("upstream") {
		fail("", "has nothing to serve", "root: DIR, or upstream: URL")
	}
	if s.Strip && !given("path") {
		fail("strip", "has no effect: there is no path", "a path beside it")
	}
	if s.Path != "" {
		for _, name := range []string{"cert", "key"} {
			if given(name) {
				fail(name, "is presented before there is a path", "it in the host's site without a path")
			}
		}
	}
	if given("cert") && !given("key") {
		fail("cert", "there is no key to it", "cert and key together, or neither")
	}
	if given("key") && !given("cert") {
		fail("key", "there is no cert to it", "cert and key together, or neither")
	}
	if s.where["client-auth"] != "" && !given("client-ca") {
		fail("client-auth", "has no effect: there is no client-ca", "a client-ca beside it")
	}
	if s.ClientAuth == ClientOptional && given("root") && given("client-ca") {
		fail("client-auth", "gives the files to all clients: they are the same without a certificate", "require, or an upstream in place of the root")
	}
	s.validateRules(given, fail)
	s.validateCompress(wrong, given, fail)
	either("cache-key.keep", "cache-key.drop")
	if s.CacheKey.Query == QueryDrop {
		for _, name := range []string{"cache-key.keep", "cache-key.drop"} {
			if given(name) {
				fail(name, "has no effect: the query is dropped as a whole", "query: sent or query: sorted beside it")
			}
		}
	}
	if given("root") && !given("upstream") {
		for _, name := range upstreamOnly {
			if s.where[name] != "" && !(name == "host" && meantHosts) {
				fail(name, "is for an upstream, and the site has a root", "an upstream in place of the root")
			}
		}
		return all
	}
	s.validateUpstream(wrong, fail)
	return all
}

// validateUpstream reports through fail what does not go together in front of
// upstreams.
func (s *Site) validateUpstream(wrong map[string]bool, fail func(name, problem, allowed string)) {
	secure := 0
	for _, u := range s.Upstreams {
		if strings.HasPrefix(u, "https:") {
			secure++
		}
	}
	if secure > 0 && secure < len(s.Upstreams) {
		fail("upstream", "mixes http and https", "one scheme for all that are alike")
	}
	if secure == 0 && len(s.Upstreams) > 0 && !wrong[s.name+".upstream"] {
		for _, name := range []string{"tls.ca", "tls.server-name", "tls.insecure"} {
			if s.where[name] != "" {
				fail(name, "has no effect: the upstream is not https", "an upstream of https")
			}
		}
	}
	if s.TLS.Insecure && s.TLS.CA != "" {
		fail("tls.ca", "has no effect: tls.insecure trusts every certificate", "one of the two")
	}
	if s.Health.Path == "" && !wrong[s.name+".health.path"] {
		for _, name := range []string{"health.interval", "health.timeout", "health.healthy", "health.unhealthy"} {
			if s.where[name] != "" {
				fail(name, "has no effect: there is no health.path", "a health.path beside it")
			}
		}
	} else if s.Health.Timeout > s.Health.Interval {
		fail("health.timeout", fmt.Sprintf("is longer than the interval, %s", formatDuration(s.Health.Interval)), "at most the interval")
	}
}
