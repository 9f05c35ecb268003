package listen

import (
	"crypto/tls"
	"errors"
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
			changed, another := quicTLS(base, nil, unexpected(t)), quicTLS(withKey(next), nil, unexpected(t))
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
	shake(t, quicTLS(c, nil, unexpected(t)), &tls.Config{RootCAs: id.Pool(), ServerName: "localhost", NextProtos: []string{protocolH3},
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
				shake(t, quicTLS(c, gate, unexpected(t)), &tls.Config{RootCAs: id.Pool(), ServerName: "localhost", NextProtos: []string{protocolH3}})
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

// unexpected fails a test for a panic.
func unexpected(t *testing.T) func(p any) {
	return func(p any) { t.Errorf("a panic: %v", p) }
}

// TestQUICSurvivesPanics: a panic of whatever a handshake calls is noted, and fails that
// handshake alone.
func TestQUICSurvivesPanics(t *testing.T) {
	id := testkit.NewIdentity()
	l, err := net.Listen("tcp", "127.0.0.1:0") // not a pipe: both ends write at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for call, c := range map[string]*tls.Config{
		"GetCertificate": {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("a test's") }},
		"GetConfigForClient": {Certificates: []tls.Certificate{id.TLS},
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { panic("a test's") }},
		"GetEncryptedClientHelloKeys": {Certificates: []tls.Certificate{id.TLS},
			GetEncryptedClientHelloKeys: func(*tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) { panic("a test's") }},
		"VerifyConnection of a site's": {Certificates: []tls.Certificate{id.TLS},
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				return &tls.Config{VerifyConnection: func(tls.ConnectionState) error { panic("a test's") }}, nil
			}},
	} {
		go func() {
			c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: id.Pool(), ServerName: "localhost", NextProtos: []string{protocolH3}})
			if err == nil { // it may be over for the client before it fails
				_ = c.Close()
			}
		}()
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		var noted []any
		err = tls.Server(far, quicTLS(c, nil, func(p any) { noted = append(noted, p) })).Handshake()
		_ = far.Close()
		if !errors.Is(err, errPanicked) || len(noted) != 1 || noted[0] != "a test's" {
			t.Errorf("%s: %v, noted is %v", call, err, noted)
		}
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
