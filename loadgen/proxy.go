package main

import (
	"fmt"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
)

// noteProxy says that a proxy which the environment has for a target is not used:
// what is measured is the server, not the way there that other programs take.
func (o *options) noteProxy(cfg *attack.Config, s streams) {
	if o.quiet {
		return
	}
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	for i := range cfg.Targets {
		u, err := url.Parse(cfg.Targets[i].URL)
		if err != nil { // Check has parsed it
			continue
		}
		if p, err := proxy(u); err == nil && p != nil {
			fmt.Fprintf(s.err, "loadgen: the environment has the proxy %s for %s: it is not used\n", p.Redacted(), u.Hostname())
			return
		}
	}
}
