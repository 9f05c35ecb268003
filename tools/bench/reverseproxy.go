//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// reverseProxyCommand is the argument with which this program runs itself as the
// contender that is httputil.ReverseProxy behind net/http.
const reverseProxyCommand = "serve-reverse-proxy"

// idleUpstream is how many idle connections to the upstream are kept: as many
// as there are requests at once; net/http's default of 2 would open one
// for nearly every request.
const idleUpstream = 256

// serveReverseProxy is the shortest proxy that the standard library offers, at
// its best. args are the address, certificate, key and the upstream's address.
// It returns only an error.
func serveReverseProxy(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%s has %d arguments, want address, cert, key, upstream", reverseProxyCommand, len(args))
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: args[3]})
			r.SetXForwarded()
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: idleUpstream, DisableCompression: true},
	}
	return http.ListenAndServeTLS(args[0], args[1], args[2], proxy)
}
