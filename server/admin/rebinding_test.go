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
		{loopback, "", http.StatusForbidden},
		{net.IPv6loopback, "rebound.example", http.StatusForbidden},
		{public, "hotpath.example:9180", http.StatusOK},
	} {
		handler := unbound(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
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
