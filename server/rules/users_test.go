package rules

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// hashed is a line of htpasswd -B, of the least cost.
func hashed(t testing.TB, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return user + ":$2y$" + strings.TrimPrefix(string(hash), "$2a$") + "\n"
}

func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

func asking(client string, values ...string) *message.Request {
	r := &message.Request{Method: "GET", Path: "/", Client: netip.MustParseAddr(client)}
	for _, v := range values {
		r.Fields = append(r.Fields, hpack.Field{Name: "authorization", Value: v})
	}
	return r
}

func newTestUsers(t testing.TB, text string) (*Users, *Attempts) {
	t.Helper()
	a := NewAttempts(metrics.NewHotpath(metrics.Options{}))
	u := NewUsers("here", false, a)
	if err := u.Load([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return u, a
}

// TestUsers: who is let in, and that those who were let in once are known.
func TestUsers(t *testing.T) {
	u, _ := newTestUsers(t, "# users\n\n"+hashed(t, "ann", "se:cret")+hashed(t, "bob", "other"))
	for why, tt := range map[string]struct {
		values []string
		in     bool
	}{
		"a user with the password":             {[]string{basic("ann:se:cret")}, true},
		"in any case of the scheme":            {[]string{"bAsIc" + basic("bob:other")[5:]}, true},
		"another's password":                   {[]string{basic("ann:other")}, false},
		"a user who does not exist":            {[]string{basic("eve:other")}, false},
		"no name":                              {[]string{basic(":other")}, false},
		"no colon":                             {[]string{basic("ann")}, false},
		"no credentials":                       {nil, false},
		"two of them":                          {[]string{basic("ann:se:cret"), basic("ann:se:cret")}, false},
		"another scheme":                       {[]string{"Bearer x"}, false},
		"no base64":                            {[]string{"Basic ???"}, false},
		"more than credentials are":            {[]string{basic("ann:" + strings.Repeat("x", maxCredentials))}, false},
		"the hash is not the password":         {[]string{basic("ann:$2y$")}, false},
		"an empty password of an existing one": {[]string{basic("ann:")}, false},
	} {
		r := asking("192.0.2.1", tt.values...)
		if u.known(r) {
			t.Errorf("%s: is known before it was verified", why)
		}
		answer := u.answer(t.Context(), r)
		if in := answer == nil; in != tt.in || u.known(r) != tt.in {
			t.Errorf("%s: let in %t, then known %t; want %t", why, in, u.known(r), tt.in)
		}
		if answer != nil && answer.Status != 401 {
			t.Errorf("%s: answered %d", why, answer.Status)
		}
	}
	if err := u.Load([]byte("nonsense")); err == nil || !u.known(asking("192.0.2.1", basic("ann:se:cret"))) {
		t.Errorf("a broken file: %v, and the users before are gone", err)
	}
	if err := u.Load([]byte(hashed(t, "ann", "new"))); err != nil || u.known(asking("192.0.2.1", basic("ann:se:cret"))) {
		t.Errorf("%v: an old password is known with another file", err)
	}
}

// TestUsersFile: what is wrong with a file is said with its line.
func TestUsersFile(t *testing.T) {
	good := hashed(t, "ann", "x")
	for want, text := range map[string]string{
		"has no user": "# none\n",
		"line 2 is not a name, a colon and a hash":          good + "bob\n",
		"line 1 has no bcrypt hash, which begins with $2y$": "bob:{SHA}x\n",
		"line 3 has the user \"ann\" again":                 good + "\n" + good,
		"line 1 has a hash of cost 13, more than 12":        strings.Replace(good, "$04$", "$13$", 1),
		"line 2 has no bcrypt hash, which begins with $2y$": good + "bob:$apr1$x$y\n",
	} {
		if err := CheckUsers([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := CheckUsers([]byte(strings.ReplaceAll(good, "\n", "\r\n"))); err != nil {
		t.Error(err)
	}
}

// TestAttempts: passwords are verified one after the other, with a rest between, the
// same ones once; what is beyond the limits is refused at once.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, a := newTestUsers(t, hashed(t, "ann", "x"))
		a.permits = make(chan struct{}, 1)
		var running, most, total atomic.Int32
		a.compare = func(_, _ []byte) error {
			total.Add(1)
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(50 * time.Millisecond)
			running.Add(-1)
			return errors.New("wrong")
		}
		status := func(client, password string) chan int {
			answered := make(chan int, 1)
			go func() { answered <- u.answer(context.Background(), asking(client, basic("ann:"+password))).Status }()
			synctest.Wait()
			return answered
		}
		began := time.Now()
		var of []chan int
		for i := range maxAttemptsOfClient {
			of = append(of, status("192.0.2.1", string(rune('a'+i))))
		}
		if got := <-status("192.0.2.1", "one more"); got != 429 {
			t.Errorf("one more of a client is answered %d, want 429", got)
		}
		same := status("192.0.2.9", "a")
		for i := range maxAttempts - maxAttemptsOfClient {
			of = append(of, status(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String(), "b"+string(rune('a'+i))))
		}
		if got := <-status("203.0.113.1", "beyond"); got != 503 {
			t.Errorf("one more of all is answered %d, want 503", got)
		}
		if time.Since(began) != 0 {
			t.Error("what is refused has waited")
		}
		for _, answered := range append(of, same) {
			if got := <-answered; got != 401 {
				t.Errorf("answered %d, want 401", got)
			}
		}
		if took := time.Since(began); took != (2*maxAttempts-1)*50*time.Millisecond || most.Load() != 1 || total.Load() != maxAttempts {
			t.Errorf("%d took %v, %d at once", total.Load(), took, most.Load())
		}
		if got := a.metrics.LimitBreaches.Value(metrics.LimitPasswords); got != 2 {
			t.Errorf("%d breaches are counted, want 2", got)
		}
		time.Sleep(time.Second)
		if got := <-status("203.0.113.1", "later"); got != 401 {
			t.Errorf("later it is answered %d", got)
		}
		time.Sleep(time.Second)
	})
}

// TestAttemptsOfOneNetwork: 64 bits of IPv6 are one client.
func TestAttemptsOfOneNetwork(t *testing.T) {
	if networkOf(netip.MustParseAddr("2001:db8::1")) != networkOf(netip.MustParseAddr("2001:db8::2:1")) {
		t.Error("two addresses of a network are two clients")
	}
	if networkOf(netip.MustParseAddr("192.0.2.1")) == networkOf(netip.MustParseAddr("192.0.2.2")) {
		t.Error("two addresses of IPv4 are one client")
	}
}

// TestPassesAllocatesNothing: a guard is on the way of hits.
func TestPassesAllocatesNothing(t *testing.T) {
	u, _ := newTestUsers(t, hashed(t, "ann", "x"))
	g := Guard{
		Maintenance: &Maintenance{allow: networks("192.0.2.0/24")},
		Addresses:   Addresses{Allow: networks("192.0.2.0/24"), Deny: networks("192.0.2.99/32")},
		Redirects:   NewRedirects([]Redirect{{"/a", "/b", 308}, {"/c*", "/d", 308}}),
		Users:       u,
	}
	r := asking("192.0.2.1", basic("ann:x"))
	if g.Answer(t.Context(), r) != nil {
		t.Fatal("it does not pass")
	}
	if n := testing.AllocsPerRun(100, func() {
		if !g.Passes(r) {
			t.Fatal("it does not pass")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
