package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/client"
)

func TestParseUpstream(t *testing.T) {
	for _, c := range []struct{ text, scheme, network, dial, host string }{
		{"http://a", "http", "tcp", "a:80", "a"},
		{"https://a/", "https", "tcp", "a:443", "a"},
		{"h2c://a:8080", "h2c", "tcp", "a:8080", "a:8080"},
		{"http://[::1]", "http", "tcp", "[::1]:80", "[::1]"},
		{"http://[::1]:99", "http", "tcp", "[::1]:99", "[::1]:99"},
		{"unix:/run/a.sock", "http", "unix", "/run/a.sock", "localhost"},
		{"unix:///run/a.sock", "http", "unix", "/run/a.sock", "localhost"},
	} {
		a, err := parseUpstream(c.text)
		if err != nil || a.scheme != c.scheme || a.network != c.network || a.dial != c.dial || a.host != c.host {
			t.Errorf("%s: %+v, %v", c.text, a, err)
		}
	}
}

// TestValidate: an error names the key, the value and what is allowed.
func TestValidate(t *testing.T) {
	ok := func(change func(*Config)) Config {
		c := filled(Config{Upstreams: []string{"http://a"}})
		change(&c)
		return c
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config Config
		words  []string
	}{
		{Config{}, []string{"Upstreams", "at least one"}},
		{ok(func(c *Config) { c.Upstreams = []string{"ftp://a"} }), []string{"Upstreams", "ftp://a", "h2c"}},
		{ok(func(c *Config) { c.Upstreams = []string{"http://a/path"} }), []string{"http://a/path", "alone"}},
		{ok(func(c *Config) { c.Upstreams = []string{"http://u:p@a"} }), []string{"alone"}},
		{ok(func(c *Config) { c.Upstreams = []string{"http://"} }), []string{"host"}},
		{ok(func(c *Config) { c.Upstreams = []string{"unix:a"} }), []string{"absolute"}},
		{ok(func(c *Config) { c.Upstreams = []string{"http://a", "http://a"} }), []string{"once"}},
		{ok(func(c *Config) { c.Balance = "random" }), []string{"Balance", "random", "least_conn"}},
		{ok(func(c *Config) { c.HashBy = "x" }), []string{"HashBy", "client"}},
		{ok(func(c *Config) { c.ForwardedStyle = "x" }), []string{"ForwardedStyle", "both"}},
		{ok(func(c *Config) { c.Timeouts.Head = -time.Second }), []string{"Timeouts.Head", "-1s"}},
		{ok(func(c *Config) { c.MaxRequests = -1 }), []string{"MaxRequests", "-1"}},
		{ok(func(c *Config) { c.Retry.Percent = 101 }), []string{"Retry.Percent", "100"}},
		{ok(func(c *Config) { c.Passive.Failures = 5000 }), []string{"Passive.Failures", "1000"}},
		{ok(func(c *Config) { c.Health.Path = "health" }), []string{"Health.Path", "absolute"}},
		{ok(func(c *Config) { c.Host = "a b" }), []string{"Host", "a b", "upstream"}},
		{ok(func(c *Config) { c.TrustedProxies = client.Networks{{}} }), []string{"TrustedProxies"}},
		{ok(func(c *Config) { c.TLS.CAFile = "/nonexistent" }), []string{"TLS.CAFile", "/nonexistent"}},
		{ok(func(c *Config) { c.TLS.CAFile = empty }), []string{"TLS.CAFile", empty, "certificate"}},
	} {
		err := c.config.Validate()
		if err == nil {
			t.Errorf("%v: no error", c.words)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q says nothing of %q", err, w)
			}
		}
		if _, err := New(c.config); err == nil {
			t.Errorf("%v: New takes it", c.words)
		}
	}
	if err := ok(func(*Config) {}).Validate(); err != nil {
		t.Error(err)
	}
}
