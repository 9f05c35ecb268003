package admin

import (
	_ "embed"
	"net/http"
)

// indexPage needs nothing from elsewhere: an admin network often has no way
// out.
//
//go:embed index.html
var indexPage []byte

func index(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	// An error means that the client has left: there is nobody to tell.
	_, _ = w.Write(indexPage)
}
