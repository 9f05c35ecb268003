package admin

import (
	"net/http"
	"strings"
)

// change answers with a line for each thing that has changed, or, with 409, for
// each reason why nothing has.
func change(do func() ([]string, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		lines, err := do()
		if err != nil {
			plain(w, http.StatusConflict, err.Error())
			return
		}
		plain(w, http.StatusOK, strings.Join(lines, "\n"))
	})
}

// settings answers with what is in effect, in JSON.
func settings(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // an error means that the client has left
}
