package attack

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

func TestParseRedirect(t *testing.T) {
	for _, tt := range []struct {
		why, text string
		want      Redirect
		wrong     string // in the error
	}{
		{"all parts", "a.example:443:127.0.0.1:8443", Redirect{"a.example", "443", "127.0.0.1", "8443"}, ""},
		{"every connection goes to one address", "::127.0.0.1:8443", Redirect{"", "", "127.0.0.1", "8443"}, ""},
		{"every port of a host", "a.example::b.example:", Redirect{"a.example", "", "b.example", ""}, ""},
		{"nothing at all is an exception from what follows", ":::", Redirect{}, ""},
		{"addresses of IPv6 on both sides", "[2001:db8::1]:443:[::1]:8443", Redirect{"2001:db8::1", "443", "::1", "8443"}, ""},
		{"an address with a zone", "a::[fe80::1%eth0]:1", Redirect{"a", "", "fe80::1%eth0", "1"}, ""},
		{"an address of IPv6 at the end of a host's part alone", ":80:[::1]:", Redirect{"", "80", "::1", ""}, ""},
		{"three parts", "a:443:b", Redirect{}, "HOST:PORT:ADDR:PORT"},
		{"five parts, as an address without brackets has", "a:443:::1:8443", Redirect{}, "in brackets"},
		{"nothing", "", Redirect{}, "HOST:PORT:ADDR:PORT"},
		{"a bracket without its other", "[::1:443:b:1", Redirect{}, "in brackets"},
		{"text behind a bracket", "[::1]x:443:b:1", Redirect{}, "in brackets"},
		{"brackets around no address", "[b]:443:b:1", Redirect{}, `"b" is no IPv6 address`},
		{"a bracket within a name", "a[:443:b:1", Redirect{}, `"a[" is no host`},
		{"a URL", "https://a:443:b:1", Redirect{}, "HOST:PORT:ADDR:PORT"},
		{"a path", "a/b:443:b:1", Redirect{}, `"a/b" is no host`},
		{"a port by name", "a:https:b:1", Redirect{}, `"https" is no port`},
		{"a port that there is not", "a:443:b:65536", Redirect{}, `"65536" is no port`},
		{"port 0", "a:443:b:0", Redirect{}, `"0" is no port`},
		{"a port that is never equal to a URL's", "a:0443:b:1", Redirect{}, `"0443" is no port`},
	} {
		got, err := ParseRedirect(tt.text)
		switch {
		case tt.wrong == "" && (err != nil || got != tt.want):
			t.Errorf("%s: %q is %+v, %v", tt.why, tt.text, got, err)
		case tt.wrong == "" && got.String() != tt.text:
			t.Errorf("%s: %q is written %q", tt.why, tt.text, got)
		case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)):
			t.Errorf("%s: %q: %v, want %q", tt.why, tt.text, err, tt.wrong)
		}
	}
}

func FuzzRedirect(f *testing.F) {
	for _, s := range []string{"a:443:b:1", ":::", "[::1]:443:[fe80::1%eth0]:1", "[", "a:1:[::1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRedirect(text)
		if err != nil {
			return
		}
		if again, err := ParseRedirect(r.String()); err != nil || again != r {
			t.Errorf("%q is %+v, which is written %q, which is %+v, %v", text, r, r, again, err)
		}
	})
}

// TestRoute: where connections to an origin go.
func TestRoute(t *testing.T) {
	origin := exchange.Origin{Secure: true, Host: "a.example", Port: "443"}
	for _, tt := range []struct {
		why       string
		redirects []Redirect
		socket    string
		want      route
	}{
		{"nothing is asked for", nil, "", route{host: "a.example", port: "443"}},
		{"it is redirected", []Redirect{{"a.example", "443", "127.0.0.1", "1"}}, "", route{host: "127.0.0.1", port: "1"}},
		{"names have no case", []Redirect{{"A.Example", "", "127.0.0.1", ""}}, "", route{host: "127.0.0.1", port: "443"}},
		{"another host is", []Redirect{{"b.example", "443", "127.0.0.1", "1"}}, "", route{host: "a.example", port: "443"}},
		{"another port is", []Redirect{{"a.example", "80", "127.0.0.1", "1"}}, "", route{host: "a.example", port: "443"}},
		{"the port alone", []Redirect{{"", "443", "", "1"}}, "", route{host: "a.example", port: "1"}},
		{"the first that covers it", []Redirect{{"b.example", "", "c", "1"}, {"", "", "d", ""}, {"", "", "e", ""}}, "", route{host: "d", port: "443"}},
		{"an exception comes first", []Redirect{{"a.example", "", "", ""}, {"", "", "e", ""}}, "", route{host: "a.example", port: "443"}},
		{"a unix socket", nil, "/run/s", route{socket: "/run/s"}},
	} {
		cfg := Config{ConnectTo: tt.redirects, UnixSocket: tt.socket}
		if got := cfg.route(origin); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.why, got, tt.want)
		}
	}
}
