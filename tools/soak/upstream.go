//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// startUpstream is a server that answers with how long the content was that came:
// what it answers is never stored, so that each request reaches it.
func startUpstream() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, "the upload: "+err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprint(w, n)
	}))
}
