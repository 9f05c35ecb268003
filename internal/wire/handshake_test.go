package wire

import (
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A handshake whose peer does not take our flight, or does not answer it, leaves
// the gate to others, and says when it begins to wait.
func TestGateIsLeftToWait(t *testing.T) {
	for name, reads := range map[string]bool{"for the peer to read": false, "for its answer": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := newOptions()
				server, client := net.Pipe()
				first := New(server, serverTLS(), opt)
				answered := make(chan struct{})
				first.Answered = func() { close(answered) }
				failed := make(chan error, 1)
				go func() { failed <- first.Handshake(time.Now().Add(time.Hour)) }()
				if _, err := client.Write(clientHello(t)); err != nil {
					t.Fatal(err)
				}
				if reads {
					go client.Read(make([]byte, maxRecord))
				}
				<-answered
				synctest.Wait()

				began := time.Now()
				otherServer, otherClient := net.Pipe()
				other := New(otherServer, serverTLS(), opt)
				done := make(chan error, 1)
				go func() { done <- other.Handshake(time.Now().Add(time.Hour)) }()
				if err := tls.Client(otherClient, clientTLS()).Handshake(); err != nil {
					t.Error(err)
				}
				if err := <-done; err != nil || time.Since(began) != 0 {
					t.Errorf("it took %v: %v", time.Since(began), err)
				}
				client.Close()
				if err := <-failed; err == nil {
					t.Error("the handshake succeeded without its client")
				}
			})
		})
	}
}
