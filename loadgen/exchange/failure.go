package exchange

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/e0ac7cd4/hotpath/internal/frame"
)

// Kind is what went wrong with an exchange.
type Kind uint8

// The kinds, in the order of an exchange's life.
const (
	Connect     Kind = iota // no connection: refused, unreachable, no such host
	TLS                     // no agreement: a certificate that is not trusted, no common version
	ALPN                    // the server does not speak the protocol that was asked for
	Closed                  // the connection ended under the request
	GoAway                  // the server sent GOAWAY and has not processed the request
	Reset                   // the server reset the stream
	Malformed               // what came is not the protocol
	Length                  // content-length and content differ
	Digest                  // the content is not what it should be
	Timeout                 // no whole response in time, from the moment the request was due
	Interrupted             // the attack was ended before its time
	Lost                    // the agent that had it to send is gone
	kinds
)

var kindNames = [kinds]string{
	"connect", "tls", "alpn", "closed", "goaway", "reset", "malformed", "length", "digest", "timeout", "interrupted", "lost",
}

func (k Kind) String() string { return kindNames[k] }

// Kinds are the names of all kinds, in the order of the constants.
func Kinds() []string { return kindNames[:] }

// Failure is why an exchange has no whole response. Detail comes from a small
// set, never from the peer's words, so that failures can be counted by text.
type Failure struct {
	Kind        Kind
	Detail      string
	Unprocessed bool // the server says that it has not worked on the request (RFC 9113 §8.7)
}

func (f *Failure) Error() string {
	if f.Detail == "" {
		return f.Kind.String()
	}
	return f.Kind.String() + ": " + f.Detail
}

// byServer is the Detail of a connection that the server closed.
const byServer = "by the server"

// UsedUp is why a connection ends on which as many requests were sent as HTTP/2
// has stream identifiers for.
var UsedUp = &Failure{Kind: Closed, Detail: "all stream identifiers are used up"}

// HadOne is why a connection ends that was to have one request.
var HadOne = &Failure{Kind: Closed, Detail: "one request a connection was asked for"}

// Orderly reports whether a connection may end so without anything being wrong:
// the server closed it, with GOAWAY or without, or this side has. One that ended under
// a request has another failure, see UnderRequest.
func (f *Failure) Orderly() bool {
	switch f.Kind {
	case Closed:
		return f.Detail == byServer || *f == *UsedUp || *f == *HadOne
	case GoAway:
		return f.Detail == frame.NoError.String()
	case Timeout, Interrupted:
		return true // the request's time was up, or the attack's
	}
	return false
}

// UnderRequest is the failure of a connection that ended so while it had a request to
// answer: what would be in order on one that is idle (RFC 9112 §9.5, RFC 9113 §6.8) is
// not there. The request has f itself.
func (f *Failure) UnderRequest() *Failure {
	if f.Kind != Closed && f.Kind != GoAway || !f.Orderly() {
		return f
	}
	return &Failure{Kind: f.Kind, Detail: f.Detail + ", under a request"}
}

// Failures that engines and attack have in common.
var (
	NeverSent  = &Failure{Kind: Timeout, Detail: "never sent"}
	NotAgain   = &Failure{Kind: Timeout, Detail: "without a whole answer, and not sent again in time"}
	NeverRead  = &Failure{Kind: Timeout, Detail: "never sent, as no target was read in time"}
	WasStopped = &Failure{Kind: Interrupted}
	NoHTTP2    = &Failure{Kind: ALPN, Detail: "the server answered HTTP/2 in HTTP/1.1 (-http1 asks for that)"}
)

// ConnectFailure is why a connection was not made; with handshake TCP was
// connected, and TLS was not agreed on.
func ConnectFailure(err error, handshake bool) *Failure {
	var (
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		host        x509.HostnameError
		invalid     x509.CertificateInvalidError
		remote      *net.OpError
		dns         *net.DNSError
	)
	switch {
	case errors.As(err, &host):
		return &Failure{Kind: TLS, Detail: "the certificate is for another host"}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &Failure{Kind: TLS, Detail: "the certificate has expired or is not yet valid"}
	case errors.As(err, &authority):
		return &Failure{Kind: TLS, Detail: "the certificate is not trusted (-cacert FILE trusts it, -insecure does not look)"}
	case errors.As(err, &certificate), errors.As(err, &invalid):
		return &Failure{Kind: TLS, Detail: "the certificate is not valid"}
	case errors.As(err, &remote) && remote.Op == remoteAlert:
		if remote.Err.Error() == noApplicationProtocol {
			return &Failure{Kind: ALPN, Detail: "the server does not speak the protocol that was asked for"}
		}
		detail := refusedCertificate(remote.Err.Error())
		return &Failure{Kind: TLS, Detail: cmp.Or(detail, "the server refused: "+remote.Err.Error())}
	case errors.As(err, &dns) && dns.IsNotFound:
		return &Failure{Kind: Connect, Detail: "no such host"}
	case errors.As(err, &dns):
		return &Failure{Kind: Connect, Detail: "the host's name could not be looked up"}
	case handshake && isTimeout(err):
		return &Failure{Kind: TLS, Detail: "the handshake took too long"}
	case isTimeout(err):
		return &Failure{Kind: Connect, Detail: "no answer in time"}
	case handshake && !closed(err):
		return &Failure{Kind: TLS, Detail: "the handshake failed: not TLS, or no common version"}
	case handshake:
		return &Failure{Kind: TLS, Detail: "the server closed the connection during the handshake"}
	}
	return &Failure{Kind: Connect, Detail: exhausted(err)}
}

// ErrNoHTTP is what a proxy's answer is that is no HTTP/1.1.
var ErrNoHTTP = errors.New("the answer is not HTTP/1.1")

// ProxyFailure is why no connection was made by way of a proxy: err is that of
// connecting to it, or of its answer to CONNECT.
func ProxyFailure(err error) *Failure {
	detail := ConnectFailure(err, false).Detail
	switch {
	case errors.Is(err, ErrNoHTTP):
		detail = err.Error()
	case closed(err):
		detail = "it closed the connection"
	}
	return &Failure{Kind: Connect, Detail: "by the proxy: " + detail}
}

// ProxyRefusal is the same if it answers CONNECT with a status that is no success.
func ProxyRefusal(status int) *Failure {
	detail := "by the proxy: it answered CONNECT with " + strconv.Itoa(status)
	if status == http.StatusProxyAuthRequired {
		detail += ", for user and password (http://USER:PASSWORD@HOST:PORT)"
	}
	return &Failure{Kind: Connect, Detail: detail}
}

// What failures of this machine's limits say of them, which say nothing about the
// server.
const (
	NoPort       = "no local port is free, as those of closed connections are in TIME_WAIT for a minute: the load generator's limit (fewer connections a second, or several machines)"
	NoDescriptor = "the load generator's limit (ulimit -n)"
)

// OwnLimit is NoPort or NoDescriptor if the text of a failure has it, else "".
func OwnLimit(text string) string {
	for _, own := range []string{NoPort, NoDescriptor} {
		if strings.Contains(text, own) { // an address may follow
			return own
		}
	}
	return ""
}

// exhausted is the system's word for an error, and what to do about those that are
// this machine's limits.
func exhausted(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return NoPort
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return errno(err) + ": " + NoDescriptor
	}
	return errno(err)
}

// crypto/tls marks an alert of the peer by nothing but these texts.
const (
	remoteAlert           = "remote error"
	noApplicationProtocol = "tls: no application protocol" // RFC 7301 §3.2
)

// CloseFailure is why a connection ended; err is that of reading or writing,
// nil or io.EOF if the server closed it.
func CloseFailure(err error) *Failure {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Failure{Kind: Closed, Detail: byServer}
	case isTimeout(err):
		return &Failure{Kind: Closed, Detail: "the server does not read"}
	}
	if remote := new(net.OpError); errors.As(err, &remote) && remote.Op == remoteAlert {
		// In TLS 1.3 the server looks at the client's when the handshake is over
		// for the client (RFC 8446 §4.4.2.4).
		if detail := refusedCertificate(remote.Err.Error()); detail != "" {
			return &Failure{Kind: TLS, Detail: detail}
		}
		return &Failure{Kind: Closed, Detail: "by the server, with the alert " + remote.Err.Error()}
	}
	return &Failure{Kind: Closed, Detail: errno(err)}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

func closed(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) || HungUp(err) }

// HungUp reports whether err is the server's end of the connection, as against one
// that breaks TLS or does not read.
func HungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// refusedCertificate is what an alert of the server says of the client's
// certificate; "": nothing.
func refusedCertificate(alert string) string {
	text := strings.TrimPrefix(alert, "tls: ")
	switch {
	case text == "certificate required":
		return "the server demands a client's certificate (-cert FILE -key FILE shows one)"
	case strings.Contains(text, "certificate"), text == "access denied": // RFC 8446 §6.2
		return "the server refused the client's certificate: " + text
	}
	return ""
}

// errno is the system's word for an error, or "failed" if it has none.
func errno(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return "failed"
}
