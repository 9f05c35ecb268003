package edge

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	clients "github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/rules"
)

// BenchmarkHit is both ways to a hit, of a file and of what came from an
// upstream; beside them is what net/http does to answer the same from a
// directory.
func BenchmarkHit(b *testing.B) {
	d, root := newDirectory(b, origin.DirectoryConfig{})
	write(b, root+"/a", strings.Repeat("x", 1024), time.Now().Add(-time.Hour))
	for _, tt := range hits {
		k := knobs{}
		if tt.files {
			k.files = d
		}
		r := newRig(b, k, always(200, strings.Repeat("x", 1024), tt.answer...))
		r.get("/a", tt.asked...)
		c := r.newClient("example.com", "GET", "/a", tt.asked...)
		now := time.Now()
		b.Run(tt.about+"/Look", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !r.Look(&c.looked, &c.request, now) || message.Select(&c.request, c.looked.Response) == nil {
					b.Fatal("no hit")
				}
			}
		})
		b.Run(tt.about+"/Again", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !r.Again(&c.looked, now) {
					b.Fatal("no hit")
				}
			}
		})
	}
	for _, coded := range []bool{true, false} {
		// 16 KiB of HTML in a coding, beside a content of the coded size.
		body := page(16 << 10)
		k := knobs{coding: coder(encode.Gzip)}
		var coders encode.Encoders
		small, err := coders.Encode(encode.Gzip, []byte(body), len(body))
		if err != nil {
			b.Fatal(err)
		}
		name := "coded"
		if !coded {
			name, k.coding, body = "of that size", nil, string(small)
		}
		r := newRig(b, k, always(200, body, "content-type", "text/html", "cache-control", "max-age=600"))
		r.get("/a")
		c := r.newClient("example.com", "GET", "/a", "accept-encoding", "gzip, deflate, br, zstd")
		for now := time.Now(); !r.Look(&c.looked, &c.request, now) || len(c.looked.Response.Body) != len(small); {
			time.Sleep(time.Millisecond)
		}
		now := time.Now()
		b.Run(name+"/Look", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !r.Look(&c.looked, &c.request, now) || message.Select(&c.request, c.looked.Response) == nil {
					b.Fatal("no hit")
				}
			}
		})
		b.Run(name+"/Again", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !r.Again(&c.looked, now) {
					b.Fatal("no hit")
				}
			}
		})
	}
	b.Run("guarded/Look", func(b *testing.B) {
		r := newRig(b, knobs{}, always(200, strings.Repeat("x", 1024), "cache-control", "max-age=60"))
		r.sites.Load().Sites()[0].Guard = &rules.Guard{
			Addresses: rules.Addresses{Deny: clients.Networks{netip.MustParsePrefix("192.0.2.0/24")}},
			Redirects: rules.NewRedirects([]rules.Redirect{{From: "/old/*", To: "/new/*", Status: 308}}),
		}
		r.get("/a")
		c := r.newClient("example.com", "GET", "/a")
		c.request.Client = netip.MustParseAddr("203.0.113.1")
		now := time.Now()
		b.ReportAllocs()
		for b.Loop() {
			if !r.Look(&c.looked, &c.request, now) {
				b.Fatal("no hit")
			}
		}
	})
	b.Run("FileServer", func(b *testing.B) {
		root := b.TempDir()
		if err := os.WriteFile(root+"/a", make([]byte, 1024), 0o644); err != nil {
			b.Fatal(err)
		}
		files := http.FileServer(http.Dir(root))
		r := httptest.NewRequest("GET", "/a", nil)
		b.ReportAllocs()
		for b.Loop() {
			files.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
