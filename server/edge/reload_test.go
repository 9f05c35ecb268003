package edge

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// replace swaps the rig's only site for another, and returns when the old one has
// ended.
func (r *rig) replace(o origin.Origin, inherits bool) (before *site.Site, ended chan struct{}) {
	r.t.Helper()
	before = r.sites.Load().Sites()[0]
	s := &site.Site{Name: "next", Default: true, Origin: o, Rules: &rfc9111.Rules{}, HitStatus: HitStatus}
	if inherits {
		s.Inherit(before)
	}
	t, err := site.NewTable(s)
	if err != nil {
		r.t.Fatal(err)
	}
	r.SetSites(t)
	ended = make(chan struct{})
	before.Retire(func() { close(ended) })
	return before, ended
}

// TestSetSites: what is stored for a site is there for the one that inherits and
// for no other, and what a connection remembers is dropped either way.
func TestSetSites(t *testing.T) {
	for _, inherits := range []bool{true, false} {
		r := newRig(t, knobs{}, always(200, "old", "cache-control", "max-age=60"))
		r.get("/a")
		request := message.Request{Method: "GET", Authority: "example.com", Path: "/a"}
		var l message.Lookup
		now := time.Now()
		if !r.Look(&l, &request, now) || !l.Repeatable || !r.Again(&l, now) {
			t.Fatal("it is not stored")
		}
		next := &scripted{script: always(200, "new", "cache-control", "max-age=60")}
		_, ended := r.replace(next, inherits)
		<-ended
		if r.Again(&l, now) {
			t.Errorf("inherits %t: what was remembered is used under another table", inherits)
		}
		if hit := r.Look(&l, &request, now); hit != inherits {
			t.Errorf("inherits %t: hit %t", inherits, hit)
		}
		if hit := r.Again(&l, now); hit != inherits {
			t.Errorf("inherits %t: the new look can be repeated: %t", inherits, hit)
		}
	}
}

// TestSetSitesInFlight: a request ends with the site that it began with, which is
// there until then; one that was looked up before and comes after is the new
// site's.
func TestSetSitesInFlight(t *testing.T) {
	began, go1 := make(chan struct{}), make(chan struct{})
	r := newRig(t, knobs{}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
		close(began)
		<-go1
		return give(sink, 200, "old")
	})
	slow := r.begin("GET", "/slow")
	<-began
	next := &scripted{script: always(200, "new")}
	before, ended := r.replace(next, false)
	select {
	case <-ended:
		t.Error("the site has ended under a request")
	default:
	}
	late := r.newClient("example.com", "GET", "/late")
	late.content = "x" // it is not looked up again
	late.looked.Policy, late.looked.Key = before, []byte("old key")
	late.start()
	if body := late.wait().text(); body != "new" || next.last().path != "/late" {
		t.Errorf("a request that was looked up before the change is answered with %q", body)
	}
	close(go1)
	if body := slow.wait().text(); body != "old" {
		t.Errorf("a request that began before the change is answered with %q", body)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the old site does not end")
	}
}

// TestSetSitesAuthority: a connection from before has nothing of a site that asks
// for certificates from now on, whatever it remembers and whatever is stored.
func TestSetSitesAuthority(t *testing.T) {
	r := newRig(t, knobs{}, always(200, "secret", "cache-control", "public, max-age=60"))
	r.get("/a")
	request := message.Request{Method: "GET", Authority: "example.com", Path: "/a"}
	var l message.Lookup
	now := time.Now()
	if !r.Look(&l, &request, now) || !l.Repeatable || !r.Again(&l, now) {
		t.Fatal("it is not stored")
	}
	authority, client := newAuthority(t, false)
	before := r.sites.Load().Sites()[0]
	next := &site.Site{Name: "next", Default: true, Origin: r.origin, Rules: before.Rules, Clients: authority}
	next.Inherit(before) // so that it is stored for this one, too
	table, err := site.NewTable(next)
	if err != nil {
		t.Fatal(err)
	}
	r.SetSites(table)
	if r.Again(&l, now) {
		t.Error("what the connection remembers is used")
	}
	if r.Look(&l, &request, now) {
		t.Error("the connection has a hit")
	}
	if c := r.as(nil, "example.com", "GET", "/a"); c.hit || c.status != http.StatusMisdirectedRequest {
		t.Errorf("the connection is answered %d, a hit: %t; want 421", c.status, c.hit)
	}
	if c := r.as(client("ann"), "example.com", "GET", "/a"); !c.hit || c.status != http.StatusOK {
		t.Errorf("a client with a certificate is answered %d, a hit: %t", c.status, c.hit)
	}
}
