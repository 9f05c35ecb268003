package listen

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
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
			changed, another := quicTLS(base, nil), quicTLS(withKey(next), nil)
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
	shake(t, quicTLS(c, nil), &tls.Config{RootCAs: id.Pool(), ServerName: "localhost", NextProtos: []string{protocolH3},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return new(tls.Certificate), nil
		}})
	if !asked {
		t.Error("the client is asked for nothing")
	}
}

// TestQUICPassesTheGate: handshakes of QUIC sign in turns with all others.
func TestQUICPassesTheGate(t *testing.T) {
	id := testkit.NewIdentity()
	for name, c := range map[string]*tls.Config{
		"a certificate": {Certificates: []tls.Certificate{id.TLS}},
		"one by name":   {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &id.TLS, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			gate := wire.NewGate(1)
			gate.Enter()
			done := make(chan struct{})
			go func() {
				defer close(done)
				shake(t, quicTLS(c, gate), &tls.Config{RootCAs: id.Pool(), ServerName: "localhost", NextProtos: []string{protocolH3}})
			}()
			select {
			case <-done:
				t.Error("a handshake does not wait for its turn")
			case <-time.After(100 * time.Millisecond):
			}
			gate.Leave()
			<-done
			if len(gate) != 0 {
				t.Error("it has not left the gate")
			}
		})
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
		t.Error(err)
	}
	return c.ConnectionState()
}
