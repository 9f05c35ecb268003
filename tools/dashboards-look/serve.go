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
	mux.Handle("GET /public/build/img/icons/", http.StripPrefix("/public/build", orEmptyIcon(of("@grafana", "ui", "dist", "public"))))
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

// orEmptyIcon serves an empty picture for what is not there: @grafana/ui names icons
// that its package does not have.
func orEmptyIcon(icons http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := missing{ResponseWriter: w}
		icons.ServeHTTP(&found, r)
		if found.yes {
			w.Header().Set("Content-Type", "image/svg+xml")
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)) // the browser has gone
		}
	})
}

// missing holds back an answer of 404.
type missing struct {
	http.ResponseWriter
	yes bool
}

func (m *missing) WriteHeader(status int) {
	if m.yes = status == http.StatusNotFound; !m.yes {
		m.ResponseWriter.WriteHeader(status)
	}
}

func (m *missing) Write(p []byte) (int, error) {
	if m.yes {
		return len(p), nil
	}
	return m.ResponseWriter.Write(p)
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
