package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHandler: page, icons, type, dashboards and Prometheus are at one address.
func TestHandler(t *testing.T) {
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "prometheus got "+r.URL.String())
	}))
	t.Cleanup(prometheus.Close)
	target, err := url.Parse(prometheus.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{
		"bundle/index.html", "bundle/main.js",
		"modules/node_modules/@grafana/ui/dist/public/img/icons/unicons/clock.svg", "modules/node_modules/inter-ui/web/Inter-Regular.woff2",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("this is "+filepath.Base(name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := handler(files{
		modules: filepath.Join(dir, "modules"), bundle: filepath.Join(dir, "bundle"),
		boards: []board{{name: "overview", text: []byte(`{"panels":[]}`), UID: "hotpath-overview", Title: "Overview", Tags: []string{"hotpath"}}},
	}, target)
	for path, want := range map[string]string{
		"/?board=overview": "this is index.html",
		"/main.js":         "this is main.js",
		"/public/build/img/icons/unicons/clock.svg": "this is clock.svg",
		"/public/fonts/inter/Inter-Regular.woff2":   "this is Inter-Regular.woff2",
		"/public/build/img/icons/unicons/no.svg":    `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"/boards.json":                              `[{"uid":"hotpath-overview","title":"Overview","tags":["hotpath"]}]`,
		"/boards/overview.json":                     `{"panels":[]}`,
		"/boards/other.json":                        "404 page not found",
		"/prometheus/api/v1/query?query=up&time=1":  "prometheus got /api/v1/query?query=up&time=1",
	} {
		got := httptest.NewRecorder()
		h.ServeHTTP(got, httptest.NewRequest("GET", path, nil))
		if body := strings.TrimSpace(got.Body.String()); body != want {
			t.Errorf("%s: %d %q, want %q", path, got.Code, body, want)
		}
	}
}
