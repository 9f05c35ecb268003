package config

import "slices"

// Same reports whether two sites differ in nothing but the certificate.
func (s *Site) Same(o *Site) bool { return s.differsOnly(o, certificateOnly) }

// StoresAs reports whether what was stored for o may be served for s: both store
// the same responses under the same keys, by the same rules. An upstream more or
// less changes nothing in that, another server does.
func (s *Site) StoresAs(o *Site) bool {
	if !s.differsOnly(o, notStored) {
		return false
	}
	if len(s.Upstreams) == 0 && len(o.Upstreams) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Upstreams, func(u string) bool { return slices.Contains(o.Upstreams, u) })
}

var certificateOnly = map[string]bool{"cert": true, "key": true, "acme": true}

// notStored are the settings that what is stored does not depend on: which
// requests a site gets, how it answers them from what is stored, and by which way
// an upstream is asked. The fields and pages of answers are none of them: they are
// encoded in what is stored.
var notStored = map[string]bool{
	"hosts": true, "default": true, "cert": true, "key": true, "acme": true,
	"cache.honor-request": true, "cache.cache-status": true,
	"upstream": true, "balance": true, "trusted-proxies": true, "request-id": true,
	"health.path": true, "health.interval": true, "health.timeout": true, "health.healthy": true, "health.unhealthy": true,
	"timeouts.dial": true, "timeouts.head": true, "timeouts.idle": true, "timeouts.pool": true, "timeouts.wait": true,
	"allow": true, "deny": true, "redirects": true, "max-body": true,
	"basic-auth.realm": true, "maintenance.on": true, "maintenance.allow": true, "maintenance.retry-after": true, "maintenance.page": true,
}

// differsOnly reports whether two sites differ in no setting but some.
func (s *Site) differsOnly(o *Site, some map[string]bool) bool {
	if s.equal(o) {
		return true
	}
	a, b := *s, *o // the table binds to fields: it is of copies
	theirs := siteSettings(&b)
	for i, k := range siteSettings(&a) {
		if !some[k.name] && k.value.String() != theirs[i].value.String() {
			return false
		}
	}
	return true
}
