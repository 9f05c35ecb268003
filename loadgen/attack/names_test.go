package attack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// order is in which order connections try the addresses of a host: the last byte
// of each.
func order(t *testing.T, n *names, host string) string {
	t.Helper()
	all, err := n.addresses(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	var s []byte
	for _, a := range all {
		b := a.AsSlice()
		s = append(s, '0'+b[len(b)-1])
	}
	return string(s)
}

// TestNamesTakeTurns: addresses take turns, those that did not answer come last
// for a while, and names are looked up again.
func TestNamesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames(time.Second)
		lookups := 0
		there := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("::ffff:192.0.2.3"), netip.MustParseAddr("192.0.2.1")}
		n.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
			lookups++
			return there, nil
		}
		want := func(why string, orders ...string) {
			t.Helper()
			for _, w := range orders {
				if got := order(t, n, "a.example"); got != w {
					t.Errorf("%s: %s, want %s", why, got, w)
				}
			}
		}
		want("each is first in turn, and once", "123", "231", "312", "123")
		n.failed("a.example", there[1])
		want("one that failed is last", "312", "132", "312", "132")
		if lookups != 1 {
			t.Errorf("%d look-ups within a moment", lookups)
		}
		time.Sleep(nameAge + 1)
		there = there[:2]
		want("it is looked up again, and what failed is remembered", "12", "12")
		time.Sleep(shunTime)
		want("after a while it has its turn again", "21", "12")
		if lookups != 3 {
			t.Errorf("%d look-ups in three times", lookups)
		}
		n.failed("a.example", there[0])
		n.failed("a.example", there[1])
		if got := order(t, n, "a.example"); len(got) != 2 {
			t.Errorf("if all failed, all are tried: %s", got)
		}
	})
}

// TestNamesFail: a name without addresses, one that cannot be looked up, and a
// look-up that takes longer than there is time.
func TestNamesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames(time.Second)
		n.lookup = func(ctx context.Context, _, host string) ([]netip.Addr, error) {
			switch host {
			case "silent.example":
				<-ctx.Done()
				return nil, ctx.Err()
			case "many.example":
				all := make([]netip.Addr, 0, 200)
				for i := range byte(200) {
					all = append(all, netip.AddrFrom4([4]byte{192, 0, 2, i}))
				}
				return all, nil
			}
			return nil, nil
		}
		var none *net.DNSError
		if _, err := n.addresses(t.Context(), "none.example"); !errors.As(err, &none) || !none.IsNotFound {
			t.Errorf("a name without addresses: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := n.addresses(ctx, "silent.example"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a look-up without an answer: %v", err)
		}
		if all, err := n.addresses(t.Context(), "many.example"); err != nil || len(all) != maxAddresses {
			t.Errorf("a name with 200 addresses: %d are used, %v", len(all), err)
		}
		if all, err := n.addresses(t.Context(), "fe80::1%eth0"); err != nil || !slices.Equal(all, []netip.Addr{netip.MustParseAddr("fe80::1%eth0")}) {
			t.Errorf("an address is not looked up: %v, %v", all, err)
		}
		time.Sleep(2 * time.Second) // the look-up ends by itself
	})
}
