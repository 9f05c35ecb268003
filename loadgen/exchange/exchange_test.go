package exchange

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestRequest(t *testing.T) {
	field := func(name, value string) hpack.Field { return hpack.Field{Name: name, Value: value} }
	for _, tt := range []struct {
		name   string
		target vegeta.Target
		origin Origin
		fields []hpack.Field
		head   string
	}{
		{
			"plain",
			vegeta.Target{Method: "GET", URL: "https://example.com/a?b=c#d"},
			Origin{true, "example.com", "443"},
			[]hpack.Field{field(":method", "GET"), field(":scheme", "https"), field(":authority", "example.com"), field(":path", "/a?b=c"), field("user-agent", UserAgent)},
			"GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nUser-Agent: " + UserAgent + "\r\n\r\n",
		},
		{
			"port, no path, host",
			vegeta.Target{Method: "HEAD", URL: "http://127.0.0.1:8080", Header: http.Header{"host": {"other"}, "user-agent": {"me"}}},
			Origin{false, "127.0.0.1", "8080"},
			[]hpack.Field{field(":method", "HEAD"), field(":scheme", "http"), field(":authority", "other"), field(":path", "/"), field("user-agent", "me")},
			"HEAD / HTTP/1.1\r\nHost: other\r\nuser-agent: me\r\n\r\n",
		},
		{
			"body, fields in order, IPv6",
			vegeta.Target{Method: "POST", URL: "https://[::1]/", Body: []byte("hello"), Header: http.Header{"X-b": {"2", "3"}, "X-A": {"1"}, "User-Agent": {"me"}}},
			Origin{true, "::1", "443"},
			[]hpack.Field{field(":method", "POST"), field(":scheme", "https"), field(":authority", "[::1]"), field(":path", "/"),
				field("user-agent", "me"), field("x-a", "1"), field("x-b", "2"), field("x-b", "3"), field("content-length", "5")},
			"POST / HTTP/1.1\r\nHost: [::1]\r\nUser-Agent: me\r\nX-A: 1\r\nX-b: 2\r\nX-b: 3\r\nContent-Length: 5\r\n\r\n",
		},
		{
			"user and password",
			vegeta.Target{Method: "GET", URL: "http://Aladdin:open%20sesame@a.example/", Header: http.Header{"User-Agent": {"me"}}},
			Origin{false, "a.example", "80"},
			[]hpack.Field{field(":method", "GET"), field(":scheme", "http"), field(":authority", "a.example"), field(":path", "/"),
				field("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), field("user-agent", "me")}, // RFC 7617 §2
			"GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nUser-Agent: me\r\n\r\n",
		},
		{
			"a user, and an authorization of the target's own",
			vegeta.Target{Method: "GET", URL: "http://a:b@a.example/", Header: http.Header{"User-Agent": {"me"}, "authorization": {"Bearer x"}}},
			Origin{false, "a.example", "80"},
			[]hpack.Field{field(":method", "GET"), field(":scheme", "http"), field(":authority", "a.example"), field(":path", "/"),
				field("user-agent", "me"), field("authorization", "Bearer x")},
			"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: me\r\nauthorization: Bearer x\r\n\r\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := NewRequest(7, &tt.target)
			if err != nil {
				t.Fatal(err)
			}
			if r.Target != 7 || r.Origin != tt.origin || r.HeadOnly() != (tt.target.Method == "HEAD") {
				t.Errorf("%+v", r)
			}
			if !slices.Equal(r.Fields, tt.fields) {
				t.Errorf("fields %v, want %v", r.Fields, tt.fields)
			}
			if string(r.Head) != tt.head {
				t.Errorf("head %q, want %q", r.Head, tt.head)
			}
		})
	}
	if got := (Origin{true, "::1", "443"}).Address(); got != "[::1]:443" {
		t.Errorf("address %s", got)
	}
}

// TestRefusedCertificate: what a server says of the client's certificate is a failure
// of TLS with the reason, in the handshake or behind it; other alerts behind it are
// the connection's end.
func TestRefusedCertificate(t *testing.T) {
	const refused = "the server refused the client's certificate: "
	for _, tt := range []struct {
		alert, want string
		kind        Kind // behind the handshake
	}{
		{"tls: certificate required", "the server demands a client's certificate (-cert FILE -key FILE shows one)", TLS},
		{"tls: unknown certificate authority", refused + "unknown certificate authority", TLS},
		{"tls: expired certificate", refused + "expired certificate", TLS},
		{"tls: revoked certificate", refused + "revoked certificate", TLS},
		{"tls: unsupported certificate", refused + "unsupported certificate", TLS},
		{"tls: access denied", refused + "access denied", TLS},
		{"tls: internal error", "internal error", Closed},
	} {
		if got := CloseFailure(fmt.Errorf("reading: %w", remote(tt.alert))); got.Kind != tt.kind || !strings.HasSuffix(got.Detail, tt.want) {
			t.Errorf("%s behind the handshake is %v", tt.alert, got)
		}
		if got := ConnectFailure(remote(tt.alert), true); got.Kind != TLS || !strings.HasSuffix(got.Detail, tt.want) {
			t.Errorf("%s in the handshake is %v", tt.alert, got)
		}
	}
}

// TestUnderRequest: what is in order on an idle connection is not under a request; what
// is not stays as it is.
func TestUnderRequest(t *testing.T) {
	for _, tt := range []struct {
		why     string
		f       *Failure
		want    string
		orderly bool
	}{
		{"the server closed it", CloseFailure(io.EOF), "closed: by the server, under a request", false},
		{"it said GOAWAY before, and did not keep its word", &Failure{Kind: GoAway, Detail: "NO_ERROR"}, "goaway: NO_ERROR, under a request", false},
		{"an error has its own word", &Failure{Kind: GoAway, Detail: "ENHANCE_YOUR_CALM"}, "goaway: ENHANCE_YOUR_CALM", false},
		{"a reset is none that was in order", CloseFailure(syscall.ECONNRESET), "closed: connection reset by peer", false},
		{"the attack was stopped: that is this side's", WasStopped, "interrupted", true},
		{"a request's time was up, too", NeverSent, "timeout: never sent", true},
	} {
		if got := tt.f.UnderRequest(); got.Error() != tt.want || got.Orderly() != tt.orderly {
			t.Errorf("%s: %q, in order: %v", tt.why, got, got.Orderly())
		}
	}
}

// TestByProxy: what a proxy is sent.
func TestByProxy(t *testing.T) {
	for _, tt := range []struct{ why, url, authorization, want string }{
		{"absolute form", "http://a.example/b?c", "", "GET http://a.example/b?c HTTP/1.1\r\nHost: a.example\r\nUser-Agent: me\r\n\r\n"},
		{"a port", "http://a.example:8080", "", "GET http://a.example:8080/ HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: me\r\n\r\n"},
		{"credentials of the proxy, and of the server", "http://u:p@a.example/", "Basic x", "GET http://a.example/ HTTP/1.1\r\nProxy-Authorization: Basic x\r\nHost: a.example\r\nAuthorization: Basic dTpw\r\nUser-Agent: me\r\n\r\n"},
		{"an address with a zone", "http://[fe80::1%25eth0]/", "", "GET http://[fe80::1]/ HTTP/1.1\r\nHost: [fe80::1]\r\nUser-Agent: me\r\n\r\n"},
	} {
		r, err := NewRequest(0, &vegeta.Target{Method: "GET", URL: tt.url, Header: http.Header{"User-Agent": {"me"}}})
		if err != nil {
			t.Fatal(err)
		}
		if r.ByProxy(tt.authorization); string(r.Head) != tt.want {
			t.Errorf("%s: %q, want %q", tt.why, r.Head, tt.want)
		}
	}
}

// TestShownURL: neither reports nor errors have a user or a password.
func TestShownURL(t *testing.T) {
	for _, tt := range []struct{ why, text, want string }{
		{"there is none", "https://a.example/@b?c@d", "https://a.example/@b?c@d"},
		{"a user", "https://u@a.example/", "https://a.example/"},
		{"both", "https://u:secret@a.example:8443/b?c", "https://a.example:8443/b?c"},
		{"a password with the sign", "https://u:s@cret@a.example", "https://a.example"},
		{"no scheme", "u:secret@a.example/", "a.example/"},
		{"nothing", "", ""},
	} {
		if got := ShownURL(tt.text); got != tt.want {
			t.Errorf("%s: %q is shown as %q, want %q", tt.why, tt.text, got, tt.want)
		}
		if r, err := NewRequest(0, &vegeta.Target{Method: "GET", URL: tt.text}); err == nil && r.URL != tt.want {
			t.Errorf("%s: the request shows %q", tt.why, r.URL)
		}
	}
	for _, text := range []string{"ftp://u:secret@a/", "https://u:secret@/", "https://u:secret %@a/", "https://u:secret/x@a/", "u:secret@a", "https://u%3a:secret@a/"} {
		if _, err := NewRequest(0, &vegeta.Target{Method: "GET", URL: text}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// remote is the error of crypto/tls for an alert of the peer.
func remote(text string) error { return &net.OpError{Op: remoteAlert, Err: errors.New(text)} }

func TestFailures(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, tt := range []struct {
		err       error
		handshake bool
		kind      Kind
		text      string // in the failure's
	}{
		{refused, false, Connect, "connection refused"},
		{&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, false, Connect, "no such host"},
		{&net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}, false, Connect, "could not be looked up"},
		{os.ErrDeadlineExceeded, false, Connect, "no answer in time"},
		{context.DeadlineExceeded, false, Connect, "no answer in time"},
		{os.ErrDeadlineExceeded, true, TLS, "took too long"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true, TLS, "-insecure"},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{Host: "x", Certificate: new(x509.Certificate)}}, true, TLS, "another host"},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, true, TLS, "expired"},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}, true, TLS, "not valid"},
		{remote(noApplicationProtocol), true, ALPN, "does not speak"},
		{remote("tls: bad certificate"), true, TLS, "the server refused the client's certificate: bad certificate"},
		{remote("tls: handshake failure"), true, TLS, "handshake failure"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, true, TLS, "not TLS"},
		{io.EOF, true, TLS, "closed the connection"},
		{os.NewSyscallError("read", syscall.ECONNRESET), true, TLS, "closed the connection"},
		{os.NewSyscallError("connect", syscall.EADDRNOTAVAIL), false, Connect, "in TIME_WAIT for a minute: the load generator's limit"},
		{os.NewSyscallError("socket", syscall.EMFILE), false, Connect, "too many open files: the load generator's limit"},
		{errors.New("something else"), false, Connect, "failed"},
	} {
		if got := ConnectFailure(fmt.Errorf("wrapped: %w", tt.err), tt.handshake); got.Kind != tt.kind || !strings.Contains(got.Error(), tt.text) {
			t.Errorf("%v (handshake %v) is %v, want %v and %q", tt.err, tt.handshake, got, tt.kind, tt.text)
		}
	}
	for _, tt := range []struct {
		err  error
		text string
	}{
		{nil, "by the server"},
		{io.EOF, "by the server"},
		{os.NewSyscallError("read", syscall.ECONNRESET), "connection reset by peer"},
		{os.ErrDeadlineExceeded, "does not read"},
		{remote("tls: bad record MAC"), "bad record MAC"},
		{net.ErrClosed, "failed"},
	} {
		if got := CloseFailure(tt.err); got.Kind != Closed || !strings.Contains(got.Error(), tt.text) {
			t.Errorf("%v is %v, want %q", tt.err, got, tt.text)
		}
	}
	if len(Kinds()) != int(kinds) || slices.Contains(Kinds(), "") {
		t.Errorf("kinds %q", Kinds())
	}
}

func TestDigests(t *testing.T) {
	a, b := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	for _, spec := range []string{"", DigestOff} {
		if d, err := NewDigests(spec, 1); d != nil || err != nil {
			t.Errorf("%q: %v, %v", spec, d, err)
		}
	}
	given, err := NewDigests(hex.EncodeToString(a[:]), 2)
	if err != nil || !given.Check(0, a) || given.Check(1, b) {
		t.Errorf("a sum that is given: %v", err)
	}
	first, err := NewDigests(DigestFirst, 2)
	if err != nil || !first.Check(0, a) || !first.Check(1, b) || first.Check(0, b) || !first.Check(1, b) || !first.Check(0, a) {
		t.Errorf("the first sum of each target: %v", err)
	}
	for _, bad := range []string{"last", "00", strings.Repeat("0", 63) + "g", strings.Repeat("0", 66)} {
		if _, err := NewDigests(bad, 1); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestDigestsAgree: of many goroutines that come first with different sums, one
// is right.
func TestDigestsAgree(t *testing.T) {
	d, err := NewDigests(DigestFirst, 1)
	if err != nil {
		t.Fatal(err)
	}
	right := make(chan byte, 100)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			if d.Check(0, [sha256.Size]byte{byte(i % 10)}) {
				right <- byte(i % 10)
			}
		})
	}
	all.Wait()
	close(right)
	seen := make(map[byte]int)
	for sum := range right {
		seen[sum]++
	}
	if len(seen) != 1 {
		t.Errorf("sums that were right, by how many: %v", seen)
	}
}

// TestEnds: every outcome has one end, by what is known of it.
func TestEnds(t *testing.T) {
	failed := func(k Kind) *Failure { return &Failure{Kind: k} }
	for _, tt := range []struct {
		why  string
		o    Outcome
		want End
	}{
		{"a success", Outcome{Sent: 1, Status: 204}, Succeeded},
		{"a redirect is a success, as vegeta has it", Outcome{Sent: 1, Status: 301}, Succeeded},
		{"404 is an answer", Outcome{Sent: 1, Status: 404}, Declined},
		{"200 whose content is short is none", Outcome{Sent: 1, Status: 200, Failure: failed(Length)}, Broken},
		{"a connection that ended under it", Outcome{Sent: 1, Failure: failed(Closed)}, Broken},
		{"GOAWAY in the middle of the answer", Outcome{Sent: 1, Status: 200, Failure: failed(GoAway)}, Broken},
		{"GOAWAY before the server looked at it", Outcome{Sent: 1, Failure: &Failure{Kind: GoAway, Unprocessed: true}}, Unprocessed},
		{"no connection", Outcome{Failure: failed(Connect)}, Unprocessed},
		{"no agreement on TLS", Outcome{Failure: failed(TLS)}, Unprocessed},
		{"an answer of which half came in time", Outcome{Sent: 1, Status: 200, Failure: failed(Timeout)}, Cut},
		{"no answer in time", Outcome{Sent: 1, Failure: failed(Timeout)}, Cut},
		{"no connection was free for it in time", Outcome{Failure: NeverSent}, Unsent},
		{"Ctrl-C", Outcome{Sent: 1, Failure: WasStopped}, Stopped},
		{"an agent that is gone", Outcome{Failure: failed(Lost)}, Stopped},
	} {
		got := tt.o.End()
		if got != tt.want {
			t.Errorf("%s: %v, want %v", tt.why, got, tt.want)
		}
		if tt.o.Succeeded() != (got == Succeeded) || got.Answered() != (tt.o.Failure == nil) {
			t.Errorf("%s: succeeded, answered and %v disagree", tt.why, got)
		}
	}
	for e := range Ends {
		if e.String() == "" {
			t.Errorf("end %d has no name", e)
		}
	}
}

// TestAuthority: what Host and :authority have.
func TestAuthority(t *testing.T) {
	for _, tt := range []struct{ url, host, want string }{
		{"http://a.example:8080/", "", "a.example:8080"},
		{"http://a.example/", "b.example", "b.example"},
		{"http://[fe80::1%25eth0]:80/", "", "[fe80::1]:80"},
		{"http://a.example/", "a\r\nX: y", ""},
		{"http://a.example/", "a b", ""},
		{"http://a.example/", "a/b", ""},
	} {
		target := vegeta.Target{Method: "GET", URL: tt.url}
		if tt.host != "" {
			target.Header = http.Header{"host": {tt.host}}
		}
		r, err := NewRequest(0, &target)
		switch {
		case tt.want == "" && err == nil:
			t.Errorf("%s, host %q: no error", tt.url, tt.host)
		case tt.want != "" && (err != nil || r.Fields[2].Value != tt.want || !strings.Contains(string(r.Head), "\r\nHost: "+tt.want+"\r\n")):
			t.Errorf("%s, host %q: %v, %+v", tt.url, tt.host, err, r)
		}
	}
}

// TestTrailersAreTaken: te may be sent with trailers alone (RFC 9113 §8.2.2).
func TestTrailersAreTaken(t *testing.T) {
	for value, allowed := range map[string]bool{"trailers": true, "gzip": false, "trailers, deflate": false} {
		r, err := NewRequest(0, &vegeta.Target{Method: "GET", URL: "http://a.example/", Header: http.Header{"TE": {value}}})
		if (err == nil) != allowed {
			t.Errorf("te: %s: %v", value, err)
		}
		if allowed && (r.Fields[len(r.Fields)-1].Value != "trailers" || !strings.Contains(string(r.Head), "\r\nTE: trailers\r\nConnection: TE\r\n")) {
			t.Errorf("te: %s: %+v\n%s", value, r.Fields, r.Head)
		}
	}
}
