package edge

import "github.com/e0ac7cd4/hotpath/internal/hpack"

// originFields are the fields of the request to the origin for a response that
// is to be stored: the request's, but for its range and the conditions about the
// client's copy, which are answered from what is stored, and but for those that
// are unkeyed or ambiguous.
func originFields(fields []hpack.Field) []hpack.Field {
	kept := make([]hpack.Field, 0, len(fields)+2)
	for _, f := range fields {
		switch f.Name {
		case "range", "if-range", "if-none-match", "if-modified-since":
		default:
			if !unkeyed(f.Name) && !ambiguous(f.Name) {
				kept = append(kept, f)
			}
		}
	}
	return kept
}

// mayConfirm reports whether the answer to a request that is passed on as it is
// may say of what is stored that it is current, or obsolete: a HEAD that has
// fields which no key names is not about the response that others get.
func mayConfirm(fields []hpack.Field) bool {
	for i := range fields {
		if unkeyed(fields[i].Name) || ambiguous(fields[i].Name) {
			return false
		}
	}
	return true
}

// ambiguous reports whether a name has other characters than letters, digits
// and "-". Servers of CGI, WSGI and the like have one variable for all names
// that differ in those alone, so it may stand for any field, one that Vary names
// included: what is stored for a request without Accept-Language would be in the
// language of accept_language. No list of names covers that, so none of them is
// sent; nginx drops them from all requests.
func ambiguous(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		default:
			return true
		}
	}
	return false
}

// unkeyed reports whether applications let a field lead them to another resource,
// host, scheme, method or client than the request's own, which no key names: a
// client that sends one could have others served what it makes of a page.
// Forwarded, X-Forwarded-* and the fields of one vendor's proxies are package
// proxy's, which passes on none but a trusted proxy's. The list is that of the
// frameworks' documentation: IIS and Symfony (x-original-url, x-rewrite-url),
// Rails, Rack, Laravel and ASP.NET (method overrides), WSGI (x-script-name,
// x-url-scheme), Exchange (front-end-https), and the fields of load balancers.
func unkeyed(name string) bool {
	switch name {
	case "x-original-url", "x-rewrite-url", "x-original-uri", "x-script-name",
		"x-override-url", "x-http-path-override",
		"x-original-host", "x-host", "x-http-host-override",
		"x-http-method-override", "x-http-method", "x-method-override",
		"x-url-scheme", "x-original-scheme", "x-original-proto", "front-end-https", "x-ssl",
		"client-ip", "x-client-ip", "x-cluster-client-ip", "x-original-for",
		"x-forwarded", "forwarded-for", "x-forward-for",
		"x-remote-ip", "x-remote-addr", "x-proxyuser-ip":
		return true
	}
	return false
}
