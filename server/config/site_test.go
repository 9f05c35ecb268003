package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestSites reads every setting of a site.
func TestSites(t *testing.T) {
	file := `
cert: all.pem
key: all.key
sites:
  - hosts: [Example.COM., "*.example.com", BÜCHER.example, "[::1]"]
    upstream: [https://10.0.0.1:3000, https://ORIGIN.example/]
    cert: a.pem
    key: a.key
    acme: false
    client-ca: clients.pem
    client-auth: optional
    cache-key: {query: sorted, drop: [utm_source, gclid]}
    cache:
      default-fresh: 1m
      heuristics: true
      store-set-cookie: true
      honor-request: false
      negative: {404: 10s, 503: 1s}
      stale-while-revalidate: 30s
      stale-if-error: 48h
      cache-status: false
    compress: {codings: [zstd, gzip], types: [usual, -text/csv, +cbor], min: 2KiB, deltas: true}
    host: upstream
    balance: hash
    health: {path: /healthz, interval: 5s, timeout: 1s, healthy: 1, unhealthy: 2}
    timeouts: {dial: 1s, head: 2s, idle: 3s}
    tls: {ca: ca.pem, server-name: origin.example}
    trusted-proxies: [10.0.0.0/8, 192.0.2.1]
    request-id: false
  - default: true
    hosts: www.example.org
    root: /srv
`
	c, err := Load([]string{"-config", "f"}, nil, files(map[string]string{"f": file}))
	if err != nil {
		t.Fatal(err)
	}
	first := Site{
		Hosts:     []string{"example.com", "*.example.com", "xn--bcher-kva.example", "[::1]"},
		Upstreams: []string{"https://10.0.0.1:3000", "https://origin.example"},
		Cert:      "a.pem", Key: "a.key",
		ClientCA: "clients.pem", ClientAuth: ClientOptional,
		CacheKey: SiteCacheKey{Query: QuerySorted, Drop: []string{"utm_source", "gclid"}},
		Cache: SiteCache{DefaultFresh: time.Minute, Heuristics: true, StoreSetCookie: true, Negative: map[int]time.Duration{404: 10 * time.Second, 503: time.Second},
			StaleWhileRevalidate: 30 * time.Second, StaleIfError: 48 * time.Hour},
		Compress: SiteCompress{Codings: []string{"zstd", "gzip"}, Types: []string{"usual", "-text/csv", "+cbor"}, Min: 2 << 10, Deltas: true},
		Host:     HostUpstream, Balance: Hash,
		Health:         SiteHealth{"/healthz", 5 * time.Second, time.Second, 1, 2},
		Timeouts:       SiteTimeouts{time.Second, 2 * time.Second, 3 * time.Second, time.Minute, 5 * time.Second},
		TLS:            SiteTLS{CA: "ca.pem", ServerName: "origin.example"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")},
		RequestID:      false,
		Users:          SiteUsers{Realm: "restricted"},
		Maintenance:    SiteMaintenance{RetryAfter: 5 * time.Minute},
	}
	second := DefaultSite()
	second.Default, second.Hosts, second.Root = true, []string{"www.example.org"}, "/srv"
	for i, want := range []Site{first, second} {
		got := c.Sites[i]
		got.where, got.name, got.sum = nil, "", siteSum{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("site %d is\n%+v, want\n%+v", i, got, want)
		}
	}
}

// TestSiteSettings: defaults are written as they are read, and rows of a table are
// one line.
func TestSiteSettings(t *testing.T) {
	s := DefaultSite()
	seen := make(map[string]bool)
	for _, k := range siteSettings(&s) {
		if seen[k.name] {
			t.Errorf("%s is defined twice", k.name)
		}
		seen[k.name] = true
		if k.value.String() != k.def {
			t.Errorf("%s: its default %q is written %q", k.name, k.def, k.value)
		}
		if !strings.HasSuffix(k.help, ".") || strings.ContainsAny(k.help, "|\n") || strings.ContainsAny(k.value.allowed(), "|\n") {
			t.Errorf("%s: help or allowed do not fit in a line of a table", k.name)
		}
	}
	for _, name := range upstreamOnly {
		if !seen[name] {
			t.Errorf("%s is for upstreams, and no setting", name)
		}
	}
}

// TestSiteExample: the documentation shows a file that loads.
func TestSiteExample(t *testing.T) {
	c, err := Load([]string{"-config", "f"}, nil, files(map[string]string{"f": siteExample}))
	if err != nil || len(c.Sites) != 2 {
		t.Fatalf("%+v, %v", c.Sites, err)
	}
	lines := c.Lines()
	if got, want := lines[len(lines)-1], (Line{Key: "sites[1].root", Value: "/var/www/html"}); got != want {
		t.Errorf("the last of the settings in effect is %+v, want %+v", got, want)
	}
}

// TestSiteMistakes: each is a line with its place in the file.
func TestSiteMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, sites string
		want        []string // parts of the lines
	}{
		{"not a list", "sites: {hosts: a}", []string{`f.yaml:1: sites "": is not a list of sites; allowed: a list whose items begin with a dash`}},
		{"empty", "sites: []", []string{"is not a list of sites"}},
		{"not a mapping", "sites: [a]", []string{`f.yaml:1: sites[0] "a": is not a mapping`}},
		{"nothing", "sites: [{}]", []string{`sites[0] "": gets no request; allowed: hosts: [example.com], or default: true`, "has nothing to serve; allowed: root: DIR, or upstream: URL"}},
		{"all of them", "sites:\n  - hosts: [a, https://b.example/x]\n    rot: /x\n    root: /y\n    cache: {default-fresh: 60, negative: {404: 10, 200: 1s}, fresh: 1s}\n    health: 5\n",
			[]string{
				`f.yaml:2: sites[0].hosts "https://b.example/x": is not a host; allowed: a host such as example.com or *.example.com, without scheme and port, or several, or empty (by ` + "`default: true`" + `) (did you mean b.example?)`,
				`f.yaml:3: sites[0].rot "/x": is no setting of a site; allowed: the keys hosts, default, path, strip, root,`,
				`f.yaml:5: sites[0].cache.default-fresh "60": is not a duration; allowed: 0 (they are not kept for that), or a duration such as 500ms, 30s or 2m, from 1ms to 8760h (did you mean 60s?)`,
				`f.yaml:5: sites[0].cache.negative.404 "10": is not a duration; allowed: a mapping such as {404: 10s, 410: 1m}, of statuses from 400 to 599 to durations (did you mean 10s?)`,
				`f.yaml:5: sites[0].cache.negative.200 "1s": has a status that is not from 400 to 599`,
				`f.yaml:5: sites[0].cache.fresh "1s": is no setting of a site; allowed: the keys default-fresh, heuristics,`,
				`f.yaml:6: sites[0].health "5": is not a mapping; allowed: the keys path, interval, timeout, healthy, unhealthy`,
			}},
		{"flat", "sites: [{default: true, root: /x, stale-if-error: 1h}]", []string{`(did you mean cache: {stale-if-error: …}?)`}},
		{"twice a host", "sites:\n  - {hosts: [a.example], root: /x}\n  - {hosts: [A.example.], root: /y}\n",
			[]string{`f.yaml:3: sites[1].hosts "a.example": belongs to f.yaml:2: sites[0].hosts already; allowed: each host in one site`}},
		{"a host twice in a site", "sites: [{hosts: [a, A], root: /x}]", []string{`sites[0].hosts "A": is given twice`}},
		{"two defaults", "sites:\n  - {default: true, root: /x}\n  - {default: true, root: /y}\n", []string{`f.yaml:3: sites[1].default "true": is set at f.yaml:2: sites[0].default already`}},
		{"root and upstream", "sites: [{default: true, root: /x, upstream: http://a}]", []string{`sites[0].upstream "http://a": stands beside root; allowed: root or upstream`}},
		{"cert alone", "sites: [{default: true, root: /x, cert: c}]", []string{`sites[0].cert "c": there is no key to it`}},
		{"key policy under key", "sites: [{default: true, root: /x, key: {query: drop}}]", []string{`sites[0].key "": is not a single value`}},
		{"for an upstream", "sites: [{default: true, root: /x, balance: hash}]", []string{`sites[0].balance "hash": is for an upstream, and the site has a root`}},
		{"keep and drop", "sites: [{default: true, root: /x, cache-key: {keep: a, drop: b}}]", []string{`sites[0].cache-key.drop "b": stands beside cache-key.keep`}},
		{"keep of nothing", "sites: [{default: true, root: /x, cache-key: {query: drop, keep: a}}]", []string{`the query is dropped as a whole`}},
		{"TLS without it", "sites: [{default: true, upstream: http://a, tls: {insecure: true}}]", []string{`sites[0].tls.insecure "true": has no effect: the upstream is not https`}},
		{"a mode without an authority", "sites: [{default: true, upstream: http://a, client-auth: optional}]", []string{`sites[0].client-auth "optional": has no effect: there is no client-ca`}},
		{"another mode", "sites: [{default: true, upstream: http://a, client-ca: x, client-auth: ask}]", []string{`sites[0].client-auth "ask": `}},
		{"files with and without a certificate", "sites: [{default: true, root: /r, client-ca: x, client-auth: optional}]", []string{`sites[0].client-auth "optional": gives the files to all clients`}},
		{"TLS twice", "sites: [{default: true, upstream: https://a, tls: {insecure: true, ca: x}}]", []string{`sites[0].tls.ca "x": has no effect`}},
		{"mixed", "sites: [{default: true, upstream: [https://a, http://b]}]", []string{`mixes http and https`}},
		{"health of nothing", "sites: [{default: true, upstream: http://a, health: {interval: 1s}}]", []string{`there is no health.path`}},
		{"health that is late", "sites: [{default: true, upstream: http://a, health: {path: /, interval: 1s}}]", []string{`is longer than the interval, 1s`}},
		{"a network", "sites: [{default: true, upstream: http://a, trusted-proxies: [10.1.0.0/8]}]", []string{`has bits beyond its length; allowed: a network such as 10.0.0.0/8, or an address, or several, or empty (none) (did you mean 10.0.0.0/8?)`}},
		{"a user", "sites: [{default: true, upstream: 'http://u:p@a'}]", []string{`has a user`}},
		{"a pattern within", "sites: [{hosts: ['a.*.example'], root: /x}]", []string{`has a * that is not the whole first label`}},
		{"a port", "sites: [{hosts: ['a.example:8443'], root: /x}]", []string{`(did you mean a.example?)`}},
		{"null", "sites: [{hosts: , root: /x}]", []string{`sites[0].hosts "": has no value`}},
		{"fields", "sites:\n- default: true\n  upstream: http://a\n  response-headers:\n    set: {Content-Length: 1, X A: b, X-B: \"a\\nb\", Strict-Transport-Security: max-age=1}\n    remove: [ETag, Strict-Transport-Security]\n  request-headers:\n    set: {Host: a, Authorization: x, X-Forwarded-For: y}\n",
			[]string{
				`f.yaml:5: sites[0].response-headers.set.Content-Length "1": says how messages are framed; allowed: a mapping such as {X-Frame-Options: DENY}`,
				`f.yaml:5: sites[0].response-headers.set.X A "b": is no name of a field`,
				`f.yaml:5: sites[0].response-headers.set.X-B "a\nb": has a value that a field cannot have`,
				`f.yaml:6: sites[0].response-headers.remove "ETag": is what caches go by; allowed: the name of a field`,
				`f.yaml:8: sites[0].request-headers.set.Host "a": is set by host`,
				`f.yaml:8: sites[0].request-headers.set.Authorization "(a secret)": has a secret`,
				`f.yaml:8: sites[0].request-headers.set.X-Forwarded-For "y": is written anew for upstreams`,
			}},
		{"a field that is set and removed", "sites: [{default: true, root: /x, response-headers: {set: {A: b}, remove: a}}]", []string{`sites[0].response-headers.remove "a": has a, which is set; allowed: each field in one of the two`}},
		{"redirects", "sites:\n- default: true\n  root: /x\n  redirects:\n  - {from: old, to: /new}\n  - {from: /a, to: /b, status: 200}\n  - {from: /a, to: '//evil'}\n  - {from: /a*, to: 'https://e.example*'}\n  - {from: /a, to: '/b*'}\n  - {from: /a/*, to: /a/b}\n  - {form: /a}\n  - /a\n  - {from: /c, to: /d}\n  - {from: /c, to: /e}\n",
			[]string{
				`f.yaml:5: sites[0].redirects[0] "old": from does not begin with / and a path, of which * may be the end; allowed: a list of mappings such as {from: /old/*, to: /new/*, status: 308}`,
				`f.yaml:6: sites[0].redirects[1].status "200": is none of the choices; allowed: 301, 302, 303, 307, 308`,
				`f.yaml:7: sites[0].redirects[2] "//evil": to is neither a path nor a URL of http or https`,
				`f.yaml:8: sites[0].redirects[3] "https://e.example*": to has a * that would be part of the host`,
				`f.yaml:9: sites[0].redirects[4] "/b*": to ends in *, and from does not`,
				`f.yaml:10: sites[0].redirects[5] "/a/b": to leads to itself`,
				`f.yaml:11: sites[0].redirects[6].form "/a": is no key of it; allowed: the keys from, to, status`,
				`f.yaml:12: sites[0].redirects[7] "/a": is not a mapping`,
				`f.yaml:14: sites[0].redirects[9] "/c": is led elsewhere already`,
			}},
		{"no list of redirects", "sites: [{default: true, root: /x, redirects: /a}]", []string{`sites[0].redirects "/a": is not a list`}},
		{"addresses", "sites: [{default: true, root: /x, allow: 10.0.0.1/8, deny: [everybody]}]", []string{`sites[0].allow "10.0.0.1/8": has bits beyond its length`, `sites[0].deny "everybody": is not a network`}},
		{"addresses that no client has", "sites: [{default: true, root: /x, deny: ['::ffff:192.0.2.1', '::ffff:192.0.2.0/120']}]", []string{`sites[0].deny "::ffff:192.0.2.1": is an IPv4 address as IPv6 has it`, `sites[0].deny "::ffff:192.0.2.0/120": is a network of IPv4 as IPv6 has it`}},
		{"empty lists that would let everybody in", "sites: [{default: true, root: /x, allow: [], basic-auth: {users: ''}}]", []string{`sites[0].allow "": is empty, which would let everybody in`, `sites[0].basic-auth.users "": is empty`}},
		{"a path beside a pattern with client-ca", "sites: [{hosts: ['*.example.com'], root: /x, client-ca: /etc/ca.pem}, {hosts: [api.example.com], path: /y/, root: /y}]", []string{`sites[1].client-ca "": is not that of the host's site without a path`}},
		{"sign-in", "sites: [{default: true, root: /x, basic-auth: {realm: 'a\"b', users: u}}]", []string{`sites[0].basic-auth.realm "a\"b": has characters that a realm cannot have`}},
		{"a realm of nothing", "sites: [{default: true, root: /x, basic-auth: {realm: a}}]", []string{`sites[0].basic-auth.realm "a": has no effect: there is no basic-auth.users; allowed: basic-auth.users beside it`}},
		{"bodies", "max-body: 1MiB\nsites: [{default: true, upstream: 'http://a', max-body: 2MiB}]", []string{`f.yaml:2: sites[0].max-body "2MiB": is more than max-body outside of sites, 1MiB, which comes first`}},
		{"no size", "sites: [{default: true, upstream: 'http://a', max-body: 2M}]", []string{`sites[0].max-body "2M": is not a size`}},
		{"pages", "sites: [{default: true, root: /x, errors: {pages: {200: a, 416: b, 6xx: c, 404: /d}}}]", []string{`sites[0].errors.pages.200 "a": has a status that is neither`, `sites[0].errors.pages.416 "b": `, `sites[0].errors.pages.6xx "c": `}},
		{"pages of nothing", "sites: [{default: true, upstream: 'http://a', errors: {upstream: true}}]", []string{`sites[0].errors.upstream "true": has no effect: there is no errors.pages`}},
		{"maintenance", "sites: [{default: true, root: /x, maintenance: {on: maybe, retry-after: 5}}]", []string{`sites[0].maintenance.on "maybe": is neither true nor false`, `sites[0].maintenance.retry-after "5": is not a duration`}},
		{"paths", "sites: [{default: true, path: /, root: /x}, {default: true, path: 'api', root: /x}, {default: true, path: /a%2f, root: /x}, {default: true, strip: true, root: /x}, {default: true, path: /a/../b, root: /x}]",
			[]string{`sites[0].path "/": is every path; allowed: a path such as /api/`, `sites[1].path "api": is not the plain beginning of a path; allowed: a path such as /api/, without escapes, empty segments and those that begin with a dot, or empty (what no other site of the host has) (did you mean /api?)`,
				`sites[2].path "/a%2f": `, `sites[4].path "/a/../b": `, `sites[3].strip "true": has no effect: there is no path; allowed: a path beside it`}},
		{"a path twice", "sites:\n- {hosts: [a], path: /x, root: /x}\n- {hosts: [a, b], path: /x/, root: /x}", []string{`f.yaml:3: sites[1].hosts "a": belongs to f.yaml:2: sites[0].hosts already`}},
		{"a certificate of a path", "sites: [{hosts: [a], path: /x, root: /x, cert: c, key: k}]", []string{`sites[0].cert "c": is presented before there is a path`, `sites[0].key "k": is presented before there is a path`}},
		{"an authority of a path", "sites: [{hosts: [a], root: /x, client-ca: c}, {hosts: [a], path: /x, root: /x}]", []string{`sites[1].client-ca "": is not that of the host's site without a path, by which clients are asked; allowed: client-ca and client-auth of that one`}},
		{"beside root", "root: /x\nsites: [{default: true, root: /x}]", []string{`f.yaml:1: root "/x": stands beside the sites of f.yaml:2; allowed: in a file with sites, a site's own root or upstream`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mistakes(t, tt.sites, nil)
			if len(got) != len(tt.want) {
				t.Fatalf("got %d lines\n%s\nwant %d", len(got), strings.Join(got, "\n"), len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got\n%s\nwant it to have\n%s", got[i], want)
				}
			}
		})
	}
}

// TestSiteFiles: files of sites are looked at, and their place is named.
func TestSiteFiles(t *testing.T) {
	file := "sites:\n  - default: true\n    upstream: https://a\n    cert: /nowhere/c\n    key: /nowhere/k\n    tls: {ca: /dev/zero}\n  - hosts: b\n    root: /nowhere/r\n    client-ca: /nowhere/ca\n    basic-auth: {users: /nowhere/u}\n    errors: {pages: {404: /nowhere/p}}\n    maintenance: {page: /dev/zero}\n"
	c, err := Load([]string{"-config", "f.yaml"}, nil, files(map[string]string{"f.yaml": file}))
	if err != nil {
		t.Fatal(err)
	}
	err = c.checkFiles(nil).orNil()
	if err == nil {
		t.Fatal("no mistake in files that are not there")
	}
	want := []string{`f.yaml:4: sites[0].cert "/nowhere/c": cannot open`, `f.yaml:5: sites[0].key "/nowhere/k": cannot open`, `f.yaml:6: sites[0].tls.ca "/dev/zero": is not a regular file`, `f.yaml:8: sites[1].root "/nowhere/r": cannot open`, `f.yaml:9: sites[1].client-ca "/nowhere/ca": cannot open`,
		`f.yaml:10: sites[1].basic-auth.users "/nowhere/u": cannot open`, `f.yaml:11: sites[1].errors.pages "/nowhere/p": cannot open`, `f.yaml:12: sites[1].maintenance.page "/dev/zero": is not a regular file`}
	got := strings.Split(err.Error(), "\n")
	for i, line := range got {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d: %s", i, line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}
