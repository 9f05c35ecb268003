package main

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// useProxies has targets reached by the proxy that is given, or by those that the
// environment has for them.
func (o *options) useProxies(cfg *attack.Config) error {
	if o.proxy == "" && !o.environment {
		return nil
	}
	origins, err := cfg.Origins()
	if err != nil {
		return err
	}
	proxyOf := httpproxy.FromEnvironment().ProxyFunc()
	cfg.Proxies = make(map[exchange.Origin]string)
	for _, origin := range origins {
		if o.proxy != "" {
			cfg.Proxies[origin] = o.proxy
			continue
		}
		p, err := proxyOf(originURL(origin))
		switch {
		case err != nil:
			return fmt.Errorf("-proxy-from-environment: the proxy for %s is no URL: allowed is http://HOST:PORT", origin.Host)
		case p != nil:
			cfg.Proxies[origin] = p.String()
		default:
			o.direct = append(o.direct, origin.Host)
		}
	}
	return nil
}

func originURL(o exchange.Origin) *url.URL {
	scheme := "http"
	if o.Secure {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: o.Address()}
}

// noteProxy says that a proxy which the environment has for a target is not used:
// what is measured is the server, not the way there that other programs take. And
// the other way round, that there is none for one though it was to be used.
func (o *options) noteProxy(cfg *attack.Config, s streams) {
	if len(o.direct) > 0 {
		fmt.Fprintf(s.err, "loadgen: the environment has no proxy for %s: it is reached directly\n", o.direct[0])
	}
	if o.proxy != "" || o.environment || o.unixSocket != "" || !environmentHasProxy() {
		return
	}
	proxyOf := httpproxy.FromEnvironment().ProxyFunc()
	for i := range cfg.Targets {
		u, err := url.Parse(cfg.Targets[i].URL)
		if err != nil { // Check has parsed it
			continue
		}
		if p, err := proxyOf(u); err == nil && p != nil {
			fmt.Fprintf(s.err, "loadgen: the environment has the proxy %s for %s: it is not used (-proxy-from-environment uses it)\n", p.Redacted(), u.Hostname())
			return
		}
	}
}

// environmentHasProxy spares looking at a million targets.
func environmentHasProxy() bool {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// proxyNote is a sentence of the report, "" without a proxy: it is a part of what
// was measured.
func proxyNote(cfg *attack.Config) string {
	var all []string
	for _, by := range cfg.Proxies {
		if by = exchange.ShownURL(by); !slices.Contains(all, by) {
			all = append(all, by)
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return fmt.Sprintf("Reached by the proxy %s: its time is a part of the figures.", strings.Join(all, ", "))
}
