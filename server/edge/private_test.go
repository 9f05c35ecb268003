package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestTwoUsers: every kind of answer, to two users by Authorization or by a
// cookie and to one that is neither, one after the other and all at once. None
// ever has a page that was made for another, unless the origin says that it is
// for all.
func TestTwoUsers(t *testing.T) {
	for _, tt := range []struct {
		fields []string
		cookie bool // the answer to a user with a cookie is for all
		auth   bool // that to one with Authorization
	}{
		{[]string{"cache-control", "max-age=60"}, true, false},
		{[]string{"cache-control", "public, max-age=60"}, true, true},
		{[]string{"cache-control", "s-maxage=60"}, true, true},
		{[]string{"cache-control", "must-revalidate, max-age=60"}, true, true},
		{[]string{"cache-control", "private"}, false, false},
		{[]string{"cache-control", "private, max-age=60"}, false, false},
		{[]string{"cache-control", "public, private, max-age=60"}, false, false},
		{[]string{"cache-control", "no-store"}, false, false},
		{[]string{"cache-control", "no-cache"}, false, false},
		{[]string{"cache-control", "no-store, s-maxage=60"}, false, false},
		{[]string{"cache-control", "max-age=0"}, false, false},
		{nil, false, false},
		{[]string{"cache-control", "max-age=60", "set-cookie", "a=b"}, false, false},
		{[]string{"cache-control", "public, s-maxage=60", "set-cookie", "a=b"}, false, false},
		{[]string{"cache-control", "public, max-age=60", "vary", "*"}, false, false},
		{[]string{"cache-control", "public, max-age=60", "vary", "cookie, authorization"}, false, false},
		{[]string{"cache-control", "max-age=60", "vary", "cookie, authorization"}, false, false},
		{[]string{"cache-control", "s-maxage=60", "vary", "Cookie", "vary", "Authorization"}, false, false},
		{[]string{"cache-control", "no-store", "cdn-cache-control", "max-age=60"}, true, false},
		{[]string{"cache-control", "public, max-age=60", "cdn-cache-control", "private"}, false, false},
		{[]string{"cache-control", "private", "etag", `"same"`}, false, false},
		{[]string{"cache-control", "no-cache, private", "etag", `"same"`}, false, false},
		{[]string{"expires", "Thu, 01 Jan 1970 00:00:00 GMT"}, false, false},
		{[]string{"cache-control", "private", "status", "404"}, false, false},
		{[]string{"status", "401", "cache-control", "max-age=60"}, true, false},
	} {
		for _, length := range []string{"declared", "unknown"} {
			for _, how := range []string{"one after the other", "at once"} {
				t.Run(fmt.Sprint(tt.fields, " ", length, " ", how), func(t *testing.T) {
					inBubble(t, func(t *testing.T) { twoUsers(t, tt.fields, tt.cookie, tt.auth, length, how) })
				})
			}
		}
	}
}

func twoUsers(t *testing.T, answer []string, cookie, auth bool, length, how string) {
	r := newRig(t, knobs{}, func(_ int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		h := origin.Head{Status: 200, Length: -1}
		for _, f := range fields(answer...) {
			if f.Name == "status" {
				fmt.Sscan(f.Value, &h.Status)
				continue
			}
			h.Fields = append(h.Fields, f)
		}
		page := "for " + field(q.Fields, "cookie") + field(q.Fields, "authorization")
		if length == "declared" {
			h.Length = int64(len(page))
		}
		if err := sink.Head(h); err != nil {
			return err
		}
		for _, p := range []string{page[:3], page[3:]} {
			if _, err := sink.Write([]byte(p)); err != nil {
				return err
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		return sink.End(nil)
	})
	users := [][]string{
		{"cookie", "ann"}, {"cookie", "bob"}, {"authorization", "ann2"}, {"authorization", "bob2"}, {},
	}
	forAll := map[string]bool{"for ": cookie || auth, "for ann": cookie, "for bob": cookie, "for ann2": auth, "for bob2": auth}
	var all []*client
	for range 3 {
		for _, u := range users {
			c := r.begin("GET", "/a", u...)
			if how != "at once" {
				c.wait()
			}
			all = append(all, c)
		}
	}
	for i, c := range all {
		c.wait()
		user := users[i%len(users)]
		mine := "for "
		if len(user) > 0 {
			mine += user[1]
		}
		withAuthorization := len(user) > 0 && user[0] == "authorization"
		switch got := c.text(); {
		case c.broken != nil || !strings.HasPrefix(got, "for "):
			t.Errorf("%q has %q, %v", mine, got, c.broken)
		case got != mine && !forAll[got]:
			t.Errorf("%q has the page %q", mine, got)
		case got != mine && withAuthorization && !auth:
			t.Errorf("%q, with Authorization, has the page %q", mine, got)
		}
	}
}

// TestAuthorizedAnswerEvictsNothing: what an origin answers to an authorized user
// says nothing of what is stored for all.
func TestAuthorizedAnswerEvictsNothing(t *testing.T) {
	for _, control := range []string{"private", "no-store", "max-age=60"} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{}, func(_ int, _ context.Context, q *origin.Request, sink origin.Sink) error {
				if field(q.Fields, "authorization") != "" {
					return give(sink, 200, "mine", "cache-control", control, "etag", `"mine"`)
				}
				return give(sink, 200, "all", "cache-control", fresh)
			})
			r.get("/a")
			for _, method := range []string{"GET", "HEAD"} {
				if c := r.ask(method, "/a", "authorization", "x"); c.hit {
					t.Errorf("%s with Authorization is a hit", method)
				}
			}
			if c := r.get("/a"); !c.hit || c.text() != "all" {
				t.Errorf("%s: hit %t, %q", control, c.hit, c.text())
			}
		})
	}
}

// TestFieldsOfOneUser: a field that the origin keeps from shared caches reaches
// the request that asked, and no other (RFC 9111 §5.2.2.4, §5.2.2.7).
func TestFieldsOfOneUser(t *testing.T) {
	for _, control := range []string{`max-age=60, no-cache="set-cookie"`, `max-age=60, private="set-cookie"`} {
		for _, length := range []int64{4, -1} {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
					h := origin.Head{Status: 200, Fields: fields("cache-control", control, "set-cookie", "session=1", "etag", `"a"`), Length: length}
					if err := sink.Head(h); err != nil {
						return err
					}
					if err := pause(ctx, time.Second); err != nil {
						return err
					}
					if _, err := sink.Write([]byte("body")); err != nil {
						return err
					}
					return sink.End(nil)
				})
				leader := r.begin("GET", "/a")
				time.Sleep(time.Millisecond)
				waiter := r.begin("GET", "/a")
				leader.wait()
				waiter.wait()
				hit := r.get("/a")
				if leader.field("set-cookie") != "session=1" || waiter.field("set-cookie") != "" || hit.field("set-cookie") != "" || !hit.hit {
					t.Errorf("%s, length %d: Set-Cookie %q, %q and %q", control, length, leader.field("set-cookie"), waiter.field("set-cookie"), hit.field("set-cookie"))
				}
			})
		}
	}
}

// TestVariantsCoalesce: clients with different values of what turns out to select
// are let go to the fetches of their variants: one each.
func TestVariantsCoalesce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(_ int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			return give(sink, 200, "in "+field(q.Fields, "accept-language"), "cache-control", fresh, "vary", "Accept-Language")
		})
		var all []*client
		for i := range 300 {
			all = append(all, r.begin("GET", "/a", "accept-language", []string{"en", "de", "fr"}[i%3]))
		}
		for i, c := range all {
			if c.wait(); c.text() != "in "+[]string{"en", "de", "fr"}[i%3] {
				t.Errorf("%q", c.text())
			}
		}
		if n := r.origin.count(); n != 3 {
			t.Errorf("%d fetches of three variants", n)
		}
	})
}

// TestRequestDirectives: a request's directives count if the site
// says so; no-store and only-if-cached always do.
func TestRequestDirectives(t *testing.T) {
	const (
		hit       = "hit"
		asked     = "asked" // the origin was
		gone      = "504"
		atOnce    = 10 * time.Second
		staleSoon = 70 * time.Second
	)
	for _, tt := range []struct {
		directive string
		age       time.Duration
		honored   string
		ignored   string
	}{
		{"", atOnce, hit, hit},
		{"no-cache", atOnce, asked, hit},
		{"max-age=0", atOnce, asked, hit},
		{"max-age=5", atOnce, asked, hit},
		{"max-age=20", atOnce, hit, hit},
		{"min-fresh=55", atOnce, asked, hit},
		{"min-fresh=40", atOnce, hit, hit},
		{"max-stale", staleSoon, hit, asked},
		{"max-stale=20", staleSoon, hit, asked},
		{"max-stale=5", staleSoon, asked, asked},
		{"only-if-cached", atOnce, hit, hit},
		{"only-if-cached", staleSoon, gone, gone},
		{"only-if-cached, max-stale", staleSoon, hit, gone},
		{"no-store", atOnce, hit, hit},
		{"no-store", staleSoon, asked, asked},
	} {
		for _, honor := range []bool{true, false} {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{rules: rfc9111.Rules{HonorRequest: honor}}, always(200, "x", "cache-control", fresh, "etag", `"x"`))
				r.get("/a")
				time.Sleep(tt.age)
				c := r.get("/a", "cache-control", tt.directive)
				got := hit
				switch {
				case r.origin.count() > 1:
					got = asked
				case c.status == 504:
					got = gone
				}
				if want := map[bool]string{true: tt.honored, false: tt.ignored}[honor]; got != want {
					t.Errorf("%q, honored %t, at the age of %v: %s, want %s", tt.directive, honor, tt.age, got, want)
				}
			})
		}
	}
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, always(200, "x", "cache-control", fresh))
		if c := r.get("/a", "cache-control", "only-if-cached"); c.status != 504 || r.origin.count() != 0 {
			t.Errorf("only-if-cached of nothing: %d, %d fetches", c.status, r.origin.count())
		}
		if r.get("/a", "cache-control", "no-store"); r.get("/a").hit {
			t.Error("the answer to a request with no-store was stored")
		}
	})
}
