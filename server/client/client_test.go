package client

import (
	"net"
	"net/netip"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

var trusted = Networks{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}

// fieldsOf makes fields of names and values in turn.
func fieldsOf(pairs ...string) (fields []hpack.Field) {
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return fields
}

func TestOf(t *testing.T) {
	const proxy, stranger = "10.0.0.7", "192.0.2.7"
	for why, tt := range map[string]struct {
		peer   string
		fields []hpack.Field
		want   string
	}{
		"a stranger is the client":                           {stranger, nil, stranger},
		"whatever it claims":                                 {stranger, fieldsOf("x-forwarded-for", "203.0.113.9", "forwarded", "for=203.0.113.9"), stranger},
		"a trusted proxy that names no client is the client": {proxy, nil, proxy},
		"it names the client":                                {proxy, fieldsOf("x-forwarded-for", "203.0.113.9"), "203.0.113.9"},
		"what stands before the client is its claim":         {proxy, fieldsOf("x-forwarded-for", "198.51.100.1, 203.0.113.9"), "203.0.113.9"},
		"also if it claims to be a trusted proxy":            {proxy, fieldsOf("x-forwarded-for", "10.0.0.1, 203.0.113.9"), "203.0.113.9"},
		"trusted proxies behind one another are skipped":     {proxy, fieldsOf("x-forwarded-for", "203.0.113.9, 10.0.0.8, 2001:db8:ffff::1"), "203.0.113.9"},
		"lines are one list in their order":                  {proxy, fieldsOf("x-forwarded-for", "198.51.100.1", "a", "b", "x-forwarded-for", "203.0.113.9, 10.0.0.8"), "203.0.113.9"},
		"if all are trusted, it is the first":                {proxy, fieldsOf("x-forwarded-for", "10.0.0.9, 10.0.0.8"), "10.0.0.9"},
		"a name that is no address ends the chain":           {proxy, fieldsOf("x-forwarded-for", "203.0.113.9, unknown, 10.0.0.8"), "10.0.0.8"},
		"nonsense alone leaves the proxy":                    {proxy, fieldsOf("x-forwarded-for", "for=203.0.113.9"), proxy},
		"empty elements do not count":                        {proxy, fieldsOf("x-forwarded-for", ", 203.0.113.9 ,\t,"), "203.0.113.9"},
		"an empty field names no client":                     {proxy, fieldsOf("x-forwarded-for", ""), proxy},
		"IPv6 as it is":                                      {proxy, fieldsOf("x-forwarded-for", "2001:db8::1"), "2001:db8::1"},
		"IPv6 in brackets":                                   {proxy, fieldsOf("x-forwarded-for", "[2001:db8::1]"), "2001:db8::1"},
		"IPv6 with a port":                                   {proxy, fieldsOf("x-forwarded-for", "[2001:db8::1]:4711"), "2001:db8::1"},
		"IPv4 with a port":                                   {proxy, fieldsOf("x-forwarded-for", "203.0.113.9:4711"), "203.0.113.9"},
		"IPv4 in IPv6 is IPv4":                               {proxy, fieldsOf("x-forwarded-for", "::ffff:203.0.113.9, ::ffff:10.0.0.8"), "203.0.113.9"},
		"IPv4 has no brackets":                               {proxy, fieldsOf("x-forwarded-for", "[203.0.113.9]"), proxy},
		"an address has no zone":                             {proxy, fieldsOf("x-forwarded-for", "fe80::1%eth0"), proxy},
		"a port is a number":                                 {proxy, fieldsOf("x-forwarded-for", "203.0.113.9:http"), proxy},
		"Forwarded names the client, too":                    {proxy, fieldsOf("forwarded", "for=203.0.113.9"), "203.0.113.9"},
		"with other parameters, in any case":                 {proxy, fieldsOf("forwarded", `proto=https; For="203.0.113.9:80";host="a"`), "203.0.113.9"},
		"and IPv6 in quotes":                                 {proxy, fieldsOf("forwarded", `for="[2001:db8::1]:4711"`), "2001:db8::1"},
		"its trusted proxies are skipped":                    {proxy, fieldsOf("forwarded", `for=198.51.100.1, for=203.0.113.9;host="a,b", for=10.0.0.8`), "203.0.113.9"},
		"an element that names no client ends the chain":     {proxy, fieldsOf("forwarded", "for=203.0.113.9, proto=https, for=10.0.0.8"), "10.0.0.8"},
		"so does one that hides it":                          {proxy, fieldsOf("forwarded", "for=203.0.113.9, for=_hidden"), proxy},
		"quotes that a client leaves open change nothing":    {proxy, fieldsOf("forwarded", `for="198.51.100.1`, "forwarded", "for=203.0.113.9"), "203.0.113.9"},
		"within one line either":                             {proxy, fieldsOf("forwarded", `for="198.51.100.1, for=203.0.113.9`), "203.0.113.9"},
		"beside X-Forwarded-For it does not count":           {proxy, fieldsOf("forwarded", "for=198.51.100.1", "x-forwarded-for", "203.0.113.9"), "203.0.113.9"},
		"even if that has nothing in it":                     {proxy, fieldsOf("forwarded", "for=198.51.100.1", "x-forwarded-for", ""), proxy},
		"other fields name no client":                        {proxy, fieldsOf("x-real-ip", "203.0.113.9", "true-client-ip", "203.0.113.9"), proxy},
	} {
		t.Run(why, func(t *testing.T) {
			if got := Of(netip.MustParseAddr(tt.peer), tt.fields, trusted); got != netip.MustParseAddr(tt.want) {
				t.Errorf("the client is %v, want %s", got, tt.want)
			}
		})
	}
	if got := Of(netip.Addr{}, fieldsOf("x-forwarded-for", "203.0.113.9"), trusted); got.IsValid() {
		t.Errorf("without a peer the client is %v", got)
	}
}

func TestPeer(t *testing.T) {
	for _, tt := range []struct {
		address net.Addr
		want    netip.Addr
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, netip.MustParseAddr("192.0.2.1")},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, netip.MustParseAddr("fe80::1")},
		{&net.UnixAddr{Name: "/a"}, netip.Addr{}},
		{nil, netip.Addr{}},
	} {
		if got := Peer(tt.address); got != tt.want {
			t.Errorf("%v is %v, want %v", tt.address, got, tt.want)
		}
	}
}

// What is well-formed costs no allocation, and neither does a name that hides an
// address.
func TestOfAllocatesNothing(t *testing.T) {
	peer := netip.MustParseAddr("10.0.0.7")
	for _, fields := range [][]hpack.Field{
		fieldsOf("x-forwarded-for", "198.51.100.1, [2001:db8::1]:4711, 10.0.0.8"),
		fieldsOf("forwarded", `for="[2001:db8::1]";proto=https;host="a", for=10.0.0.8`),
		fieldsOf("x-forwarded-for", "unknown"),
		nil,
	} {
		if n := testing.AllocsPerRun(100, func() { Of(peer, fields, trusted) }); n != 0 {
			t.Errorf("%v: %v allocations", fields, n)
		}
	}
}

// FuzzOf: whatever a client sends, it is what the trusted proxy behind it names,
// in a line of its own or appended to the client's.
func FuzzOf(f *testing.F) {
	for _, seed := range []string{"", "203.0.113.9", "10.0.0.1, ", `for="`, `for=10.0.0.1;host="a,b"`, `"\"`, "[::1]:1", ":", "[", "[]", "unknown"} {
		f.Add(seed, seed)
	}
	peer, client := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("203.0.113.9")
	f.Fuzz(func(t *testing.T, first, second string) {
		said := fieldsOf("x-forwarded-for", first, "forwarded", second)
		Of(peer, said, trusted)
		Of(peer, said[1:], trusted)
		for name, fields := range map[string][]hpack.Field{
			"a line":                append(said, fieldsOf("x-forwarded-for", "203.0.113.9, 10.0.0.8")...),
			"appended":              fieldsOf("x-forwarded-for", first+", 203.0.113.9"),
			"a line of Forwarded":   append(said[1:2:2], fieldsOf("forwarded", "for=203.0.113.9")...),
			"appended to Forwarded": fieldsOf("forwarded", second+`, for="203.0.113.9:80";proto=https`),
		} {
			if got := Of(peer, fields, trusted); got != client {
				t.Fatalf("%s: the client of %v is %v", name, fields, got)
			}
		}
	})
}
