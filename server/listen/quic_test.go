package listen

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestTicketKeysOfQUIC: keys of session tickets that are read again hold for HTTP/3,
// whether or not the name has a site that asks for certificates.
func TestTicketKeysOfQUIC(t *testing.T) {
	const asks = "asks.test"
	id := testkit.NewIdentity("plain.test", asks)
	old, next := [32]byte{1}, [32]byte{2}
	withKey := func(key [32]byte) *tls.Config {
		c := &tls.Config{Certificates: []tls.Certificate{id.TLS}}
		c.SetSessionTicketKeys([][32]byte{key})
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if hello.ServerName != asks {
				return nil, nil
			}
			return &tls.Config{Certificates: c.Certificates, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: id.Pool()}, nil
		}
		return c
	}
	for _, name := range []string{"plain.test", asks} {
		t.Run(name, func(t *testing.T) {
			base := withKey(old)
			changed, another := quicTLS(base), quicTLS(withKey(next))
			base.SetSessionTicketKeys([][32]byte{next})
			client := &tls.Config{RootCAs: id.Pool(), ServerName: name, NextProtos: []string{protocolH3}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			shake(t, changed, client)
			if !shake(t, another, client).DidResume {
				t.Error("the ticket has a key of before")
			}
		})
	}
}

// TestQUICAsksForCertificates: what a name's site asks of clients holds for HTTP/3.
func TestQUICAsksForCertificates(t *testing.T) {
	id := testkit.NewIdentity()
	c := &tls.Config{Certificates: []tls.Certificate{id.TLS}}
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: id.Pool()}, nil
	}
	asked := false
	shake(t, quicTLS(c), &tls.Config{RootCAs: id.Pool(), ServerName: "localhost", NextProtos: []string{protocolH3},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return new(tls.Certificate), nil
		}})
	if !asked {
		t.Error("the client is asked for nothing")
	}
}

// shake shakes hands without QUIC, whose packets are of no matter here, and returns
// what the client has of it, its ticket included.
func shake(t *testing.T, server, client *tls.Config) tls.ConnectionState {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		_, _ = tls.Server(far, server).Write([]byte{0}) // the client's error says more
	}()
	c := tls.Client(near, client)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState()
}
