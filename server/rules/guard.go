package rules

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/e0ac7cd4/hotpath/server/client"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// Guard is what a site demands of a request before it is served. It is asked in
// this order, and the first that does not let the request pass answers it:
// maintenance, the client's address, redirects, credentials.
type Guard struct {
	Maintenance *Maintenance // nil: the site is served
	Addresses   Addresses
	Redirects   *Redirects // nil: none
	Users       *Users     // nil: everybody is
}

// Passes reports whether a request may be served. It neither blocks nor allocates:
// a client whose credentials have not been verified yet does not pass, and
// [Guard.Answer] finds out.
func (g *Guard) Passes(r *message.Request) bool {
	return !g.Maintenance.holds(r.Client) && g.Addresses.admit(r.Client) && !g.Redirects.match(r.Path) &&
		(g.Users == nil || g.Users.known(r))
}

// Answer returns the answer to a request in place of what it asks for; nil if it
// passes. It waits for its turn to verify credentials, until ctx ends.
func (g *Guard) Answer(ctx context.Context, r *message.Request) *message.Response {
	switch {
	case g == nil:
		return nil
	case g.Maintenance.holds(r.Client):
		return g.Maintenance.answer
	case !g.Addresses.admit(r.Client):
		return forbidden
	}
	if answer := g.Redirects.answer(r.Path); answer != nil {
		return answer
	}
	if g.Users == nil {
		return nil
	}
	return g.Users.answer(ctx, r)
}

// Foretold is what a request would get.
type Foretold struct {
	Answer *message.Response // in place of what it asks for; nil if it passes
	Why    string            // there is one

	// Assumed are sentences about what the request does not say, or is not asked
	// here, and another answer depends on.
	Assumed []string
}

// Foretell says what [Guard.Answer] would. A client without an address is let in by
// its address, and held by maintenance. No password is verified: who asks what would
// become of a request could else guess them, and credentials that were not verified
// before are taken for right ones.
func (g *Guard) Foretell(r *message.Request) (f Foretold) {
	if g == nil {
		return f
	}
	unknown := !r.Client.IsValid()
	assume := func(holds bool, sentence string) {
		if holds {
			f.Assumed = append(f.Assumed, sentence)
		}
	}
	switch held := g.Maintenance.holds(r.Client); {
	case held:
		assume(unknown && len(g.Maintenance.allow) > 0, "The client is none of those that maintenance lets in: that depends on its address.")
		f.Answer, f.Why = g.Maintenance.answer, "The site is in maintenance."
		return f
	case unknown:
		assume(len(g.Addresses.Allow)+len(g.Addresses.Deny) > 0, "The client is let in: the site's allow and deny depend on its address.")
	case !g.Addresses.admit(r.Client):
		f.Answer, f.Why = forbidden, "The site's allow and deny do not let the client's address in."
		return f
	}
	if f.Answer = g.Redirects.answer(r.Path); f.Answer != nil {
		f.Why = "A redirect of the site answers."
		return f
	}
	switch {
	case g.Users == nil || g.Users.known(r):
	case !credible(r):
		f.Answer, f.Why = g.Users.asks, "The site has basic-auth, and the request no credentials for it."
	default:
		assume(true, "The credentials are right: they have not been verified yet, and wrong ones are answered with 401.")
	}
	return f
}

// Takes reports whether Authorization is for us, and not for the origin.
func (g *Guard) Takes() bool { return g != nil && g.Users != nil && !g.Users.pass }

// What is answered to a client that is not let in. No cache stores it.
var forbidden = origin.Page(http.StatusForbidden, noStore)

// Addresses are the clients that are let in.
type Addresses struct {
	// Deny are those that are not, whatever Allow says. If Allow has any, no
	// other is let in.
	Allow, Deny client.Networks
}

// admit reports whether a client is let in. One without an address is in no
// network.
func (a *Addresses) admit(c netip.Addr) bool {
	return !a.Deny.Contain(c) && (len(a.Allow) == 0 || a.Allow.Contain(c))
}

// Maintenance answers in place of a site.
type Maintenance struct {
	allow  client.Networks
	answer *message.Response
}

// NewMaintenance makes a site's maintenance: all clients but those of allow are
// answered with 503, and the page of a file, which has the name "" for the page of
// the site's errors. A client may try again after some seconds. What else the
// answer has is by the site's rules.
func NewMaintenance(allow client.Networks, after string, file string, body []byte, rules *Answers) *Maintenance {
	fields := retryAfter(after)
	answer := origin.Page(http.StatusServiceUnavailable, fields, noStore)
	if file != "" {
		answer = (&Answers{pages: &Pages{class: [2]*page{1: newPage(file, body)}}}).page(answer)
	}
	if rules != nil {
		if file == "" {
			answer = rules.page(answer)
		}
		answer = rules.Rewrite(answer)
	}
	return &Maintenance{allow, answer}
}

// holds reports whether a client is answered by m.
func (m *Maintenance) holds(c netip.Addr) bool { return m != nil && !m.allow.Contain(c) }
