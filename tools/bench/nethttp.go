//go:build linux

package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// netHTTPCommand is the argument with which this program runs itself as the
// net/http contender.
const netHTTPCommand = "serve-net-http"

// serveNetHTTP is a plain net/http server at its best: default settings, and
// the files in memory, so that it is not compared by its disk access. args are
// the address, certificate, key and directory. It returns only an error.
func serveNetHTTP(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%s has %d arguments, want address, cert, key, directory", netHTTPCommand, len(args))
	}
	mux := http.NewServeMux()
	for _, b := range bodies {
		data, err := os.ReadFile(filepath.Join(args[3], b.file()))
		if err != nil {
			return err
		}
		length := strconv.Itoa(len(data))
		mux.HandleFunc("/"+b.file(), func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "application/octet-stream")
			h.Set("Content-Length", length)
			if _, err := w.Write(data); err != nil {
				log.Print(err)
			}
		})
	}
	return http.ListenAndServeTLS(args[0], args[1], args[2], mux)
}
