package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Error is why an upstream could not answer, or not in full.
type Error struct {
	// Status is what a client is to be answered if no head was passed on:
	// 502, 503 or 504; 400 if the request itself cannot be forwarded.
	Status int

	// ProxyStatus is the proxy error type (RFC 9209 §2.3): the parameter of
	// a Proxy-Status field and a metric's label.
	ProxyStatus string

	// Upstream is the upstream's URL as configured, "" if none was tried.
	Upstream string

	// Cause is what happened. It may quote the upstream: it is for logs, not
	// for clients.
	Cause error
}

func (e *Error) Error() string {
	text := strings.ReplaceAll(e.ProxyStatus, "_", " ")
	if e.Upstream != "" {
		text = "upstream " + e.Upstream + ": " + text
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

// Full reports whether nothing was sent because a limit of ours is reached.
func (e *Error) Full() bool { return e.ProxyStatus == connectionLimitReached }

// Proxy error types of RFC 9209 §2.3, each with the status that it recommends.
const (
	dnsTimeout              = "dns_timeout"                        // 504
	dnsError                = "dns_error"                          // 502
	destinationUnavailable  = "destination_unavailable"            // 503
	destinationUnroutable   = "destination_ip_unroutable"          // 502
	connectionRefused       = "connection_refused"                 // 502
	connectionTerminated    = "connection_terminated"              // 502
	connectionTimeout       = "connection_timeout"                 // 504
	connectionReadTimeout   = "connection_read_timeout"            // 504
	connectionWriteTimeout  = "connection_write_timeout"           // 504
	connectionLimitReached  = "connection_limit_reached"           // 503
	tlsProtocolError        = "tls_protocol_error"                 // 502
	tlsCertificateError     = "tls_certificate_error"              // 502
	tlsAlertReceived        = "tls_alert_received"                 // 502
	httpRequestError        = "http_request_error"                 // 400
	httpResponseIncomplete  = "http_response_incomplete"           // 502
	httpResponseHeadSize    = "http_response_header_section_size"  // 502
	httpResponseTrailerSize = "http_response_trailer_section_size" // 502
	httpTransferCoding      = "http_response_transfer_coding"      // 502
	httpResponseTimeout     = "http_response_timeout"              // 504
	httpUpgradeFailed       = "http_upgrade_failed"                // 502
	httpProtocolError       = "http_protocol_error"                // 502
	proxyLoopDetected       = "proxy_loop_detected"                // 502
)

// statusOf is the status that RFC 9209 §2.3 recommends for a type.
func statusOf(kind string) int {
	switch kind {
	case dnsTimeout, connectionTimeout, connectionReadTimeout, connectionWriteTimeout, httpResponseTimeout:
		return 504
	case destinationUnavailable, connectionLimitReached:
		return 503
	case httpRequestError:
		return 400
	}
	return 502
}

func newError(kind string, cause error) *Error {
	return &Error{Status: statusOf(kind), ProxyStatus: kind, Cause: cause}
}

// dialError marks that no connection came about: nothing was sent.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

// protocolError is a violation that the framer found.
type protocolError struct {
	kind string // a proxy error type
	what string
}

func (e *protocolError) Error() string { return e.what }

// classify names err, which an exchange ended with. began says that the head
// of the response had arrived.
func classify(err error, began bool) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var protocol *protocolError
	if errors.As(err, &protocol) {
		return newError(protocol.kind, err)
	}
	if began {
		return newError(httpResponseIncomplete, err)
	}
	var (
		dial    dialError
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		alert   tls.AlertError
		record  tls.RecordHeaderError
		network net.Error
	)
	dialing := errors.As(err, &dial)
	timeout := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &network) && network.Timeout()
	switch {
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return newError(dnsTimeout, err)
		}
		return newError(dnsError, err)
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return newError(tlsCertificateError, err)
	case errors.As(err, &record):
		return newError(tlsProtocolError, err)
	case errors.As(err, &alert), isRemoteAlert(err):
		return newError(tlsAlertReceived, err)
	case dialing && timeout:
		return newError(connectionTimeout, err)
	case errors.Is(err, syscall.ECONNREFUSED), dialing && errors.Is(err, os.ErrNotExist):
		return newError(connectionRefused, err)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return newError(destinationUnroutable, err)
	case dialing && strings.Contains(err.Error(), "tls: "):
		return newError(tlsProtocolError, err)
	case dialing:
		return newError(destinationUnavailable, err)
	case timeout:
		return newError(httpResponseTimeout, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		strings.Contains(err.Error(), "server closed idle connection"),
		strings.Contains(err.Error(), "client connection lost"):
		return newError(connectionTerminated, err)
	case strings.Contains(err.Error(), "response header"):
		return newError(httpResponseHeadSize, err) // HTTP/2: an unexported error of net/http
	}
	return newError(httpProtocolError, err)
}

// isRemoteAlert reports whether the peer ended a handshake with an alert, for
// which crypto/tls has no exported type.
func isRemoteAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// configError is a setting that cannot be used.
func configError(key string, value any, allowed string) error {
	return fmt.Errorf("proxy: %s %q cannot be used; allowed: %s", key, fmt.Sprint(value), allowed)
}
