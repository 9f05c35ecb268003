package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// TestSilentPeers opens connections that say less than they should, each until
// the server has had enough of it: it is closed, and counted under its limit.
func TestSilentPeers(t *testing.T) {
	p := start(t, "-hello-timeout", "150ms", "-head-timeout", "250ms", "-idle-timeout", "400ms")
	address := strings.TrimPrefix(p.url, "https://")
	for _, tt := range []struct {
		name, limit string
		protocol    string // of TLS; "" for none
		says        string
	}{
		{"nothing at all", "hello_timeout", "", ""},
		{"half a ClientHello", "hello_timeout", "", "\x16\x03\x01\x02\x00\x01"},
		{"half an HTTP/1.1 head", "head_timeout", "http/1.1", "GET / HTTP/1.1\r\nHost:"},
		{"half an HTTP/2 preface", "head_timeout", "h2", "PRI * HTTP/2.0\r\n"},
		{"no HTTP/1.1 request", "idle_timeout", "http/1.1", ""},
		{"no HTTP/2 request", "idle_timeout", "h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			label := fmt.Sprintf("hotpath_limit_breaches_total{limit=%q}", tt.limit)
			before := p.metrics()[label]
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if tt.protocol != "" {
				c = tls.Client(c, &tls.Config{RootCAs: testIdentity(t).pool, ServerName: "127.0.0.1", NextProtos: []string{tt.protocol}})
			}
			if _, err := io.WriteString(c, tt.says); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("it did not end, it broke: %v", err)
			}
			p.eventually("the breach to be counted", func() error {
				if got := p.metrics()[label] - before; got != 1 {
					return fmt.Errorf("%s has grown by %v, want 1", label, got)
				}
				return nil
			})
		})
	}
}
