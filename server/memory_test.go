package main

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// TestBoundOfClientCertificates: the bound has room for certificates of clients on
// every connection if one site asks for them, and else for none.
func TestBoundOfClientCertificates(t *testing.T) {
	bound := func(sites ...config.Site) int64 {
		c := config.Default()
		c.Sites = sites
		b := boundOf(&c, &descriptors{conns: 1000}, 1)
		return b.total()
	}
	open, closed := config.Site{}, config.Site{ClientCA: "ca.pem"}
	if with, without := bound(open, closed, closed), bound(open, open, open); with != without+1000*certificateBytes {
		t.Errorf("with client-ca the bound is %d, without %d", with, without)
	}
}

// TestBoundOfPages: the bound has room for all pages of a configuration, and for those
// before a reload, if a site has any.
func TestBoundOfPages(t *testing.T) {
	bound := func(s config.Site) int64 {
		c := config.Default()
		c.Sites = []config.Site{s}
		b := boundOf(&c, &descriptors{conns: 1000}, 1)
		return b.total()
	}
	without := bound(config.Site{})
	for why, s := range map[string]config.Site{
		"a page of errors":      {Errors: config.SiteErrors{Pages: map[string]string{"404": "a", "5xx": "b"}}},
		"a page of maintenance": {Maintenance: config.SiteMaintenance{Page: "a"}},
	} {
		if with := bound(s); with != without+2*config.MaxPages {
			t.Errorf("%s: the bound is %d, without %d", why, with, without)
		}
	}
}
