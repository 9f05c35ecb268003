package admin

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOtherNamesAreRefused(t *testing.T) {
	loopback, public := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 1)
	for _, tt := range []struct {
		local net.IP
		host  string
		want  int
	}{
		{loopback, "127.0.0.1:9180", http.StatusOK},
		{loopback, "localhost:9180", http.StatusOK},
		{loopback, "LocalHost", http.StatusOK},
		{loopback, "hotpath.localhost:9180", http.StatusOK},
		{net.IPv6loopback, "[::1]:9180", http.StatusOK},
		{net.IPv6loopback, "[::1]", http.StatusOK},
		{loopback, "rebound.example:9180", http.StatusForbidden},
		{loopback, "127.0.0.1.example", http.StatusForbidden},
		{loopback, "", http.StatusOK},
		{net.IPv6loopback, "rebound.example", http.StatusForbidden},
		{public, "hotpath.example:9180", http.StatusOK},
	} {
		handler := ownNames(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = tt.host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: tt.local}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%q at %v: %d, want %d", tt.host, tt.local, w.Code, tt.want)
		}
	}
}

func TestOtherSitesAreRefused(t *testing.T) {
	handler := ownSite(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, tt := range []struct {
		path, site, mode string
		want             int
	}{
		{"/metrics", "", "", http.StatusOK}, // no browser
		{"/live", "same-origin", "cors", http.StatusOK},
		{"/debug/pprof/", "none", "navigate", http.StatusOK},
		{"/", "cross-site", "navigate", http.StatusOK},
		{"/", "cross-site", "no-cors", http.StatusForbidden},
		{"/debug/pprof/profile", "cross-site", "no-cors", http.StatusForbidden},
		{"/debug/pprof/profile", "cross-site", "navigate", http.StatusForbidden},
		{"/live", "same-site", "cors", http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		r.Header.Set("Sec-Fetch-Site", tt.site)
		r.Header.Set("Sec-Fetch-Mode", tt.mode)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s, %s, %s: %d, want %d", tt.path, tt.site, tt.mode, w.Code, tt.want)
		}
	}
}

// TestReloadAcrossSites: a page of another site cannot have a browser reload the
// server, whichever of the fields the browser sends.
func TestReloadAcrossSites(t *testing.T) {
	reloads := 0
	s, _ := newServerOf(nil, nil, "", func(c *Config) {
		c.Reload = func() ([]string, error) { reloads++; return nil, nil }
	})
	for _, tt := range []struct {
		name   string
		fields []string
		want   int
	}{
		{"a program", nil, http.StatusOK},
		{"the listener's own page", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, http.StatusOK},
		{"another site's", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"a link", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, http.StatusForbidden},
		{"a browser that sends Origin alone", []string{"Origin", "https://other.test"}, http.StatusForbidden},
	} {
		before := reloads
		r := get(s, http.MethodPost, "/reload", tt.fields...)
		if r.StatusCode != tt.want || (reloads > before) != (tt.want == http.StatusOK) {
			t.Errorf("%s: %d, want %d; %d reloads", tt.name, r.StatusCode, tt.want, reloads-before)
		}
	}
}
