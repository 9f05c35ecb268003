package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ownSite refuses what a page of another site makes an operator's browser ask
// for: it could not read the answer, but a profile costs processor time, and a
// stream a place. Browsers say where a request comes from (W3C Fetch Metadata);
// other programs do not. A link to the live page is let through.
func ownSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch site := r.Header.Get("Sec-Fetch-Site"); {
		case site == "", site == "same-origin", site == "none": // none: the address bar, a bookmark
		case r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate":
		default:
			plain(w, http.StatusForbidden, "a page of another site asked for this; open it from the address bar")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownNames refuses requests that came to a loopback address by another name than
// its own. A page that an operator's browser has open can make its own name
// resolve to 127.0.0.1, and the browser then takes this listener for that page's
// server (DNS rebinding): the name is what gives it away. It is for listeners
// without a token, which such a page would not have.
func ownNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if local != nil && local.IP.IsLoopback() && !ownName(r.Host) {
			plain(w, http.StatusForbidden, "on this machine it is asked for as localhost or by its address alone, not as "+r.Host)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownName reports whether a Host field names this machine without asking the
// DNS: an address, or localhost (RFC 6761 §6.3). No browser leaves it out, as
// HTTP/1.0 allows.
func ownName(host string) bool {
	if host == "" {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
