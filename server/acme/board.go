package acme

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// board has the challenges that are answered here. Each is in a file as well: the
// authority's request may reach another instance.
type board struct {
	mu   sync.Mutex
	open map[string]acme.Challenge // by name
}

// boardSolver puts challenges for one name on the board.
type boardSolver struct {
	board *board
	store storage
	name  string
}

// Present implements acmez.Solver.
func (s boardSolver) Present(_ context.Context, c acme.Challenge) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding a challenge: %w", err)
	}
	s.board.mu.Lock()
	s.board.open[s.name] = c
	s.board.mu.Unlock()
	return write(s.store.challenge(s.name), text)
}

// CleanUp implements acmez.Solver.
func (s boardSolver) CleanUp(context.Context, acme.Challenge) error {
	s.board.mu.Lock()
	delete(s.board.open, s.name)
	s.board.mu.Unlock()
	if err := os.Remove(s.store.challenge(s.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing a challenge: %w", err)
	}
	return nil
}

// challenge is the open challenge for a name, of this instance or, if the name is
// one of ours, of another.
func (m *Manager) challenge(name, kind string) (acme.Challenge, bool) {
	name = strings.ToLower(name)
	m.board.mu.Lock()
	c, ok := m.board.open[name]
	m.board.mu.Unlock()
	if !ok {
		store, managed := m.managed(name)
		if !managed {
			return c, false // whatever strangers ask for costs a look into a map
		}
		select {
		case m.reads <- struct{}{}:
		default:
			return c, false // the authority asks again
		}
		text, err := config.ReadRegular(store.challenge(name))
		<-m.reads
		if err != nil || json.Unmarshal(text, &c) != nil {
			return c, false
		}
	}
	return c, c.Type == kind
}

// Protocol is what is agreed on by a handshake that is an answer to a challenge,
// and no connection (RFC 8737 §4).
const Protocol = acmez.ACMETLS1Protocol

// IsChallenge reports whether a handshake asks for the answer to a challenge.
func IsChallenge(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == Protocol
}

// Answer is what a handshake for which [IsChallenge] is true gets; nil: what all
// others get, which do not agree on [Protocol].
func (m *Manager) Answer(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c, ok := m.challenge(hello.ServerName, ByTLS)
	if !ok {
		return nil, nil
	}
	certificate, err := acmez.TLSALPN01ChallengeCert(c)
	if err != nil {
		return nil, fmt.Errorf("answering a challenge: %w", err)
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{Protocol},
		Certificates:           []tls.Certificate{*certificate},
		SessionTicketsDisabled: true,
	}, nil
}

// challengePath is the path that answers are asked at (RFC 8555 §8.3).
const challengePath = "/.well-known/acme-challenge/"

// ServeHTTP answers a challenge by HTTP, and reports whether the request was one.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) bool {
	token, ok := strings.CutPrefix(r.URL.Path, challengePath)
	if !ok || r.Method != http.MethodGet {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	c, ok := m.challenge(host, ByHTTP)
	if !ok || c.Token != token {
		return false
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write([]byte(c.KeyAuthorization)) // the authority asks again
	return true
}
