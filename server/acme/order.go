package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// orderTimeout is one order, with what the authority and the hook take for it.
const orderTimeout = 5 * time.Minute

// What proves that a name is ours: see [Settings].
const (
	ByAny  = "auto"
	ByTLS  = acme.ChallengeTypeTLSALPN01
	ByHTTP = acme.ChallengeTypeHTTP01
	ByDNS  = acme.ChallengeTypeDNS01
)

// solvers are what can answer a challenge for a name. A wildcard can be proven by
// DNS alone.
func (m *Manager) solvers(s Settings, name string) map[string]acmez.Solver {
	here := boardSolver{m.board, storageOf(s), name}
	hook := hookSolver{s.DNSHook, m.log}
	switch {
	case strings.HasPrefix(name, "*."), s.Challenge == ByDNS:
		if s.DNSHook == "" {
			return nil
		}
		return map[string]acmez.Solver{ByDNS: hook}
	case s.Challenge == ByTLS, s.Challenge == ByAny && !s.HTTP:
		return map[string]acmez.Solver{ByTLS: here}
	case s.Challenge == ByHTTP:
		return map[string]acmez.Solver{ByHTTP: here}
	}
	return map[string]acmez.Solver{ByTLS: here, ByHTTP: here}
}

// order obtains a certificate for a name, and stores it. replaces is the one whose
// place it takes; nil: none.
func (m *Manager) order(ctx context.Context, s Settings, name string, replaces *x509.Certificate) error {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	client, closeIdle, err := newClient(s, m.log)
	if err != nil {
		return err
	}
	defer closeIdle()
	client.ChallengeSolvers = m.solvers(s, name)
	if err := storageOf(s).room(); err != nil {
		return err // before anything counts at the authority
	}
	account, err := accountOf(ctx, client, s)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	request, err := acmez.NewCSR(key, []string{name})
	if err != nil {
		return fmt.Errorf("making a request for a certificate: %w", err)
	}
	parameters, err := acmez.OrderParametersFromCSR(account, request)
	if err != nil {
		return fmt.Errorf("making a request for a certificate: %w", err)
	}
	parameters.Replaces = replaces
	chains, err := client.ObtainCertificate(ctx, parameters)
	if err != nil {
		return forget(s, fmt.Errorf("ordering a certificate: %w", err))
	}
	if len(chains) == 0 {
		return fmt.Errorf("ordering a certificate: the authority has sent none")
	}
	text, err := pemOf(key, chains[0].ChainPEM)
	if err != nil {
		return err
	}
	if err := usable(text, name); err != nil {
		return fmt.Errorf("the certificate that the authority has sent: %w", err)
	}
	if err := write(storageOf(s).certificate(name), text); err != nil {
		return fmt.Errorf("a certificate was issued, and is lost: %v", err) // not %w: it did cost something at the authority
	}
	return nil
}

// usable says what is wrong with a key and its chain, before they take the place of
// those that are stored.
func usable(text []byte, name string) error {
	pair, err := tls.X509KeyPair(text, text)
	switch {
	case err != nil:
		return err
	case !slices.Contains(pair.Leaf.DNSNames, name):
		return fmt.Errorf("is for %q, not %s", pair.Leaf.DNSNames, name)
	case time.Now().After(pair.Leaf.NotAfter):
		return fmt.Errorf("has ended at %v", pair.Leaf.NotAfter.UTC())
	}
	return nil
}

// askTimeout is for the authority's word on when to renew: without it, a third of
// the life counts.
const askTimeout = 30 * time.Second

// renewalInfo is what the authority says about when a certificate is to be renewed
// (RFC 9773).
func (m *Manager) renewalInfo(ctx context.Context, s Settings, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	client, closeIdle, err := newClient(s, m.log)
	if err != nil {
		return acme.RenewalInfo{}, err // an order would fail for it, and say so
	}
	defer closeIdle()
	return client.GetRenewalInfo(ctx, leaf)
}
