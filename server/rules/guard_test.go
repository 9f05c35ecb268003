package rules

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/message"
)

func networks(all ...string) (n client.Networks) {
	for _, one := range all {
		n = append(n, netip.MustParsePrefix(one))
	}
	return n
}

// TestOrder: which rule answers first.
func TestOrder(t *testing.T) {
	u, _ := newTestUsers(t, hashed(t, "ann", "x"))
	g := &Guard{
		Maintenance: NewMaintenance(networks("10.0.0.0/8", "192.0.2.0/24"), "300", "", nil, nil),
		Addresses:   Addresses{Allow: networks("10.0.0.0/8"), Deny: networks("10.9.0.0/16")},
		Redirects:   NewRedirects([]Redirect{{"/old", "/new", 301}}),
		Users:       u,
	}
	for why, tt := range map[string]struct {
		client, path string
		credentials  []string
		want         int
	}{
		"maintenance comes first":                   {"203.0.113.1", "/old", nil, 503},
		"then the address: one that is not allowed": {"192.0.2.1", "/old", nil, 403},
		"one that is denied, though allowed":        {"10.9.0.1", "/old", nil, 403},
		"then a redirect":                           {"10.0.0.1", "/old", nil, 301},
		"then credentials":                          {"10.0.0.1", "/", nil, 401},
		"who has all of them passes":                {"10.0.0.1", "/", []string{basic("ann:x")}, 0},
		"IPv4 in IPv6 is IPv4":                      {"::ffff:10.9.0.1", "/", nil, 403},
	} {
		r := asking(tt.client, tt.credentials...)
		r.Path = tt.path
		got := 0
		if answer := g.Answer(t.Context(), r); answer != nil {
			got = answer.Status
		}
		if got != tt.want || g.Passes(r) != (got == 0) {
			t.Errorf("%s: %d, passes %t; want %d", why, got, g.Passes(r), tt.want)
		}
	}
	deny := Addresses{Deny: networks("192.0.2.0/24")}
	if !deny.admit(netip.Addr{}) || !(&Addresses{}).admit(netip.Addr{}) || (&Addresses{Allow: networks("192.0.2.0/24")}).admit(netip.Addr{}) {
		t.Error("a client without an address is in a network")
	}
	if (*Guard)(nil).Answer(t.Context(), asking("192.0.2.1")) != nil || (*Guard)(nil).Takes() || !g.Takes() {
		t.Error("no guard demands something, or a guard with users does not take Authorization")
	}
}

// TestForetell: what is foretold is what is answered then; and of a client without an
// address, and of credentials that were not verified, what is assumed is said.
func TestForetell(t *testing.T) {
	u, _ := newTestUsers(t, hashed(t, "ann", "x"))
	maintained := &Guard{Maintenance: NewMaintenance(networks("10.0.0.0/8"), "300", "", nil, nil)}
	all := &Guard{Addresses: Addresses{Allow: networks("10.0.0.0/8"), Deny: networks("10.9.0.0/16")}, Redirects: NewRedirects([]Redirect{{"/old", "/new", 301}}), Users: u}
	const right, wrong = "ann:x", "ann:y"
	for why, tt := range map[string]struct {
		guard                     *Guard
		client, path, credentials string
		want                      int
		assumed                   string
	}{
		"no rules":                                      {nil, "203.0.113.1", "/", "", 0, ""},
		"maintenance":                                   {maintained, "203.0.113.1", "/", "", 503, ""},
		"a client that it lets in":                      {maintained, "10.0.0.1", "/", "", 0, ""},
		"one that may be let in":                        {maintained, "", "/", "", 503, "none of those that maintenance lets in"},
		"maintenance for all":                           {&Guard{Maintenance: NewMaintenance(nil, "300", "", nil, nil)}, "", "/", "", 503, ""},
		"a client that is not allowed":                  {all, "203.0.113.1", "/", "", 403, ""},
		"one that is denied":                            {all, "10.9.0.1", "/", "", 403, ""},
		"one whose address is not known":                {all, "", "/old", "", 301, "allow and deny depend"},
		"a redirect":                                    {all, "10.0.0.1", "/old", "", 301, ""},
		"no credentials":                                {all, "10.0.0.1", "/", "", 401, ""},
		"no name":                                       {all, "10.0.0.1", "/", ":x", 401, ""},
		"right ones that have not been verified":        {all, "10.0.0.1", "/", right, 0, "have not been verified"},
		"wrong ones are taken for right, which it says": {all, "10.0.0.1", "/", wrong, 0, "have not been verified"},
	} {
		r := &message.Request{Method: "GET", Path: tt.path}
		if tt.client != "" {
			r.Client = netip.MustParseAddr(tt.client)
		}
		if tt.credentials != "" {
			r.Fields = []hpack.Field{{Name: "authorization", Value: basic(tt.credentials)}}
		}
		f := tt.guard.Foretell(r)
		if got := status(f.Answer); got != tt.want || (got != 0) != (f.Why != "") || !strings.Contains(strings.Join(f.Assumed, " "), tt.assumed) || len(f.Assumed) > 0 != (tt.assumed != "") {
			t.Errorf("%s: %d, %q, assumed %q; want %d, %q", why, got, f.Why, f.Assumed, tt.want, tt.assumed)
		}
		if got := status(tt.guard.Answer(t.Context(), r)); tt.assumed == "" && got != tt.want {
			t.Errorf("%s: answered with %d, foretold %d", why, got, tt.want)
		}
	}
	for credentials, want := range map[string]bool{right: false, wrong: true} {
		if f := all.Foretell(asking("10.0.0.1", basic(credentials))); f.Answer != nil || len(f.Assumed) > 0 != want {
			t.Errorf("%s after it was verified: %v, assumed %q", credentials, f.Answer, f.Assumed)
		}
	}
}

func status(answer *message.Response) int {
	if answer == nil {
		return 0
	}
	return answer.Status
}

// TestAnswers: fields are removed and set, once however often it is done, and pages
// stand in for errors of our own.
func TestAnswers(t *testing.T) {
	pages := &Pages{}
	pages.Add("404", "a.txt", []byte("nothing here"))
	pages.Add("5xx", "b.html", []byte("<p>down"))
	a := NewAnswers(&Fields{Set: []hpack.Field{{Name: "x-a", Value: "1"}}, Remove: []string{"server", "x-b"}}, pages, true)
	before := []hpack.Field{{Name: "server", Value: "s"}, {Name: "x-a", Value: "0"}, {Name: "x-a", Value: "2"}, {Name: "x-b", Value: "b"}, {Name: "x-c", Value: "c"}, {Name: "cdn-cache-control", Value: "public"}}
	want := "[{x-c c false} {x-a 1 false} {cache-control private false}]"
	once := a.Fields(before)
	if got := text(once); got != want || text(a.Fields(once)) != "[{x-c c false} {x-a 1 false} {cache-control private false}]" {
		t.Errorf("once %s, twice %s; want %s", got, text(a.Fields(once)), want)
	}
	if before[0].Name != "server" || len(before) != 6 {
		t.Error("the fields that were given have changed")
	}
	stored := a.Stored(200, before[:1], []byte("body"), 7)
	if a.Rewrite(stored) != stored || text(stored.AsSent()) != text(before[:1]) || stored.NotModified == nil {
		t.Errorf("a stored response is rewritten again, or is not as sent: %v", stored.AsSent())
	}
	failed := message.Select(&message.Request{Method: "GET", Fields: []hpack.Field{{Name: "if-match", Value: `"x"`}}}, stored)
	if failed.Status != 412 || text(failed.Fields) != "[{content-length 0 false} {x-a 1 false} {cache-control private false}]" {
		t.Errorf("its 412 is %d with %s", failed.Status, text(failed.Fields))
	}
	for why, tt := range map[string]struct {
		status int
		born   int64
		body   string
	}{
		"a status that has a page":     {404, 0, "nothing here"},
		"a class that has one":         {502, 0, "<p>down"},
		"one that has none":            {403, 0, "own"},
		"what came from an upstream":   {404, 5, "own"},
		"a redirect":                   {301, 0, "own"},
		"416 speaks of what is stored": {416, 0, "own"},
	} {
		r := message.Stored(tt.status, []hpack.Field{{Name: "retry-after", Value: "1"}}, []byte("own"), tt.born)
		got := a.page(r)
		if string(got.Body) != tt.body || got.Status != tt.status || got.Fields[0].Name != "retry-after" && got.Fields[1].Name != "retry-after" {
			t.Errorf("%s: %q with %v", why, got.Body, got.Fields)
		}
	}
	if NewAnswers(nil, nil, false) != nil || text((*Answers)(nil).Fields(before)) != text(before) {
		t.Error("no rules change something")
	}
}

func text(fields []hpack.Field) string {
	s := "["
	for i, f := range fields {
		if i > 0 {
			s += " "
		}
		s += "{" + f.Name + " " + f.Value + " false}"
	}
	return s + "]"
}
