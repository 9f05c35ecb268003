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
