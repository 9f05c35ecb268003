package proxy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSucceed: what a successor takes over of an upstream, and what it does not.
func TestSucceed(t *testing.T) {
	before := filled(Config{Upstreams: []string{"http://a:1", "http://b:1"}})
	for what, tt := range map[string]struct {
		change func(c *Config)
		same   [2]bool // for a and b
	}{
		"nothing":             {func(*Config) {}, [2]bool{true, true}},
		"one more":            {func(c *Config) { c.Upstreams = []string{"http://c:1", "http://a:1", "http://b:1"} }, [2]bool{true, true}},
		"one less":            {func(c *Config) { c.Upstreams = c.Upstreams[1:] }, [2]bool{false, true}},
		"another port":        {func(c *Config) { c.Upstreams = []string{"http://a:2", "http://b:1"} }, [2]bool{false, true}},
		"balance, host":       {func(c *Config) { c.Balance, c.Host = Hash, "upstream" }, [2]bool{true, true}},
		"checks":              {func(c *Config) { c.Health.Path = "/" }, [2]bool{true, true}},
		"a timeout":           {func(c *Config) { c.Timeouts.Head = time.Second }, [2]bool{}},
		"a name to verify":    {func(c *Config) { c.TLS.ServerName = "x" }, [2]bool{}},
		"nothing to verify":   {func(c *Config) { c.TLS.InsecureSkipVerify = true }, [2]bool{}},
		"what ejects":         {func(c *Config) { c.Passive.Failures = 9 }, [2]bool{}},
		"how many at a time":  {func(c *Config) { c.MaxRequests = 9 }, [2]bool{}},
		"how many may wait":   {func(c *Config) { c.MaxQueue = 9 }, [2]bool{}},
		"a retry more or two": {func(c *Config) { c.Retry.Burst = 12 }, [2]bool{true, true}},
	} {
		old, err := New(before)
		if err != nil {
			t.Fatal(err)
		}
		c := before
		tt.change(&c)
		p, err := Succeed(old, c)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range tt.same {
			got := false
			for _, u := range p.upstreams {
				got = got || u == old.upstreams[i]
			}
			if got != want {
				t.Errorf("%s: %s is the same: %t, want %t", what, before.Upstreams[i], got, want)
			}
			// What runs at the upstream that was counts at its successor, unless
			// that has another limit.
			for _, u := range p.upstreams {
				shared := u.room == old.upstreams[i].room
				if want := u.text == old.upstreams[i].text && c.MaxRequests == before.MaxRequests; shared != want {
					t.Errorf("%s: %s and its successor share their limit: %t, want %t", what, u.text, shared, want)
				}
			}
			owners := int32(1)
			if want {
				owners = 2
			}
			if n := old.upstreams[i].owners.Load(); n != owners {
				t.Errorf("%s: %s has %d owners, want %d", what, before.Upstreams[i], n, owners)
			}
		}
		for range 2 { // a second time is nothing
			_ = old.Close()
		}
		for _, u := range p.upstreams {
			if n := u.owners.Load(); n != 1 {
				t.Errorf("%s: %s has %d owners after the old one was closed, want 1", what, u.text, n)
			}
		}
		if _, err := fetch(t, old, get("/")); !strings.Contains(fmt.Sprint(err), "closed") {
			t.Errorf("%s: a fetch after Close: %v", what, err)
		}
		_ = p.Close()
	}
}

// TestSucceedHealth: what is known of an upstream's health stays known, the new
// checks go on from it, and without checks nothing is known.
func TestSucceedHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		m.set("a", "500")
		c := filled(Config{
			Upstreams: []string{"http://a", "http://b"}, SlowStart: 20 * time.Second,
			Health: Health{Path: "/health", Interval: 10 * time.Second, Healthy: 2, Unhealthy: 3},
		})
		succeed := func(before *Proxy) *Proxy {
			p, err := assemble(c, before, m.dial)
			if err != nil {
				t.Fatal(err)
			}
			if before != nil {
				before.EndChecks()
			}
			p.Check()
			return p
		}
		defer m.running.Wait()
		first := succeed(nil)
		state := func(p *Proxy) string { return p.Status()[0].State + " " + p.Status()[1].State }
		time.Sleep(25 * time.Second)
		if s := state(first); s != "unhealthy up" {
			t.Fatalf("after three failures: %s", s)
		}
		c.Health.Interval = 5 * time.Second
		second := succeed(first)
		_ = first.Close()
		synctest.Wait()
		if s := state(second); s != "unhealthy up" {
			t.Errorf("after the change: %s", s)
		}
		m.set("a", "200")
		time.Sleep(12 * time.Second) // two checks
		if s := state(second); s != "starting up" {
			t.Errorf("after two good checks: %s", s)
		}
		m.set("a", "500")
		time.Sleep(15 * time.Second)
		if s := state(second); s != "unhealthy up" {
			t.Errorf("after three more failures: %s", s)
		}
		c.Health = Health{}
		third := succeed(second)
		_ = second.Close()
		if s := state(third); s == "unhealthy up" {
			t.Errorf("without checks: %s", s)
		}
		_ = third.Close()
	})
}
