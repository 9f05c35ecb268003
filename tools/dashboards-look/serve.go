package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"time"
)

// files are what the page is made of.
type files struct {
	modules string // folder with node_modules
	bundle  string // folder with index.html, main.js and main.css
	boards  []board
}

// handler serves the page, the dashboards, and under /prometheus what Prometheus
// answers: all from one origin, so that the browser asks for no permission.
func handler(f files, prometheus *url.URL) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(f.bundle)))
	// Where Grafana's libraries expect its icons and its type.
	of := func(parts ...string) http.Handler {
		return http.FileServer(http.Dir(filepath.Join(append([]string{f.modules, "node_modules"}, parts...)...)))
	}
	mux.Handle("GET /public/build/img/icons/", http.StripPrefix("/public/build", of("@grafana", "ui", "dist", "public")))
	mux.Handle("GET /public/fonts/inter/", http.StripPrefix("/public/fonts/inter", of("inter-ui", "web")))
	mux.HandleFunc("GET /boards.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(f.boards) // the browser has gone
	})
	for _, b := range f.boards {
		mux.HandleFunc("GET /boards/"+b.name+".json", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(b.text) // the browser has gone
		})
	}
	mux.Handle("GET /prometheus/", http.StripPrefix("/prometheus", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(prometheus) },
	}))
	return mux
}

// site is the served page.
type site struct {
	url    string
	server *http.Server
}

// serve serves on a port of the loopback interface until stop.
func serve(ctx context.Context, f files, prometheus string) (*site, error) {
	target, err := url.Parse(prometheus)
	if err != nil {
		return nil, fmt.Errorf("the URL of Prometheus: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{
		url:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: handler(f, target), ReadHeaderTimeout: 10 * time.Second},
	}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // a loopback listener that fails is a mistake in here
		}
	}()
	return s, nil
}

func (s *site) stop() { _ = s.server.Close() } // nothing waits for what it was sending
