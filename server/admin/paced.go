package admin

import (
	"net/http"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// paced has h let others go first between what it writes: on one core a scrape, which
// takes milliseconds, would keep every client waiting.
func paced(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(pacedWriter{w}, r) })
}

type pacedWriter struct{ http.ResponseWriter }

func (w pacedWriter) Write(b []byte) (int, error) {
	yield.InLoop()
	return w.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (w pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
