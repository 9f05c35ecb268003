package main

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/server/site"
)

// TestBaseOf: a URL of a site begins with one of its hosts, and with what of the path
// its origin, and so its keys, do not have.
func TestBaseOf(t *testing.T) {
	for _, tt := range []struct {
		site *site.Site
		want string
	}{
		{&site.Site{Default: true}, "https://localhost"},
		{&site.Site{Hosts: []string{"*.example.com", "example.com"}}, "https://example.com"},
		{&site.Site{Hosts: []string{"*.example.com"}}, "https://any.example.com"},
		{&site.Site{Hosts: []string{"a.example"}, Path: "/docs/"}, "https://a.example"},
		{&site.Site{Hosts: []string{"a.example"}, Path: "/docs/", Strip: true}, "https://a.example/docs"},
	} {
		if got := baseOf(tt.site); got != tt.want {
			t.Errorf("%v, path %q: %q, want %q", tt.site.Hosts, tt.site.Path, got, tt.want)
		}
	}
}
