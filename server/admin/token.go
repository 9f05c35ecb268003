package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// authorized lets requests pass that have the token: programs' as a bearer token
// (RFC 6750 §2.1), browsers' as the password of any user (RFC 7617).
func authorized(token string, next http.Handler) http.Handler {
	if token == "" {
		return ownNames(next)
	}
	want := sha256.Sum256([]byte(token)) // digests are of one length: how long the comparison takes does not depend on the token
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(shown(r)))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="hotpath admin: any user, the token as password"`)
			plain(w, http.StatusUnauthorized, "the token is missing or wrong: send it as \"Authorization: Bearer TOKEN\", or as the password of any user")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// shown is the token that a request has; "" if it has none.
func shown(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
