package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/acme"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// security is the TLS of the public listener.
type security struct {
	config   *tls.Config
	identify func(*tls.ConnectionState) *message.Identity // what a client has shown of itself

	// configure takes the certificates of another configuration, all or none.
	configure func(config.Config) error

	// obtain has those obtained that a configuration asks an authority for: the
	// listeners must be open, by which it proves that names are ours.
	obtain func(config.Config)
	acme   *acme.Manager
	keeper *certs.Keeper
}

// newSecurity makes the TLS of the public listener, which follows the files that
// it comes from until stop is called. find finds the site of a host.
func newSecurity(cfg config.Config, find func(host string) *site.Site, m *metrics.Hotpath, log *slog.Logger) (s security, stop func(), err error) {
	keeper, err := certs.New(certificateSources(cfg), m, log)
	if err != nil {
		return s, nil, err
	}
	s.keeper = keeper
	s.acme = acme.New(keeper.Look, m, log)
	var ech atomic.Pointer[[]tls.EncryptedClientHelloKey]
	base := func() *tls.Config {
		c := listen.TLSConfig(keeper.Certificate)
		if cfg.ECHKeysFile != "" {
			c.GetEncryptedClientHelloKeys = func(*tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) { return *ech.Load(), nil }
		}
		return c
	}
	authority := func(name string) *certs.Authority {
		if site := find(name); site != nil {
			return site.Clients
		}
		return nil
	}
	s.config = base()
	s.config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if acme.IsChallenge(hello) {
			return s.acme.Answer(hello)
		}
		if a := authority(hello.ServerName); a != nil {
			return a.TLS(base), nil
		}
		return nil, nil // as it is
	}
	s.identify = func(state *tls.ConnectionState) *message.Identity {
		return certs.Identify(state, authority(state.ServerName))
	}
	s.obtain = func(cfg config.Config) { s.acme.Configure(acmeSettings(&cfg), cfg.ACMENames()) }
	s.configure = func(cfg config.Config) error {
		err := keeper.Configure(certificateSources(cfg))
		if err == nil {
			s.obtain(cfg)
		}
		return err
	}
	if err := errors.Join(
		follow(keeper, "ech-keys-file", cfg.ECHKeysFile, config.ReadECHKeys, func(keys []tls.EncryptedClientHelloKey) { ech.Store(&keys) }),
		follow(keeper, "ticket-keys-file", cfg.TicketKeysFile, config.ReadTicketKeys, s.config.SetSessionTicketKeys),
	); err != nil {
		return s, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { keeper.Run(ctx) })
	return s, func() {
		s.acme.Stop()
		cancel()
		running.Wait()
	}, nil
}

// follow has use take what is in the file of a setting, now and whenever it has
// changed; nothing if there is none.
func follow[T any](k *certs.Keeper, setting, file string, read func(name string) (T, error), use func(T)) error {
	if file == "" {
		return nil
	}
	return k.Follow(setting, file, func(name string) error {
		content, err := read(name)
		if err == nil {
			use(content)
		}
		return err
	})
}

// certificateSources are where a configuration has its certificates: the one
// outside of sites first, which is the default then, those of sites, a directory,
// and those that are obtained.
func certificateSources(cfg config.Config) certs.Sources {
	s := certs.Sources{Dir: cfg.CertDir}
	if cfg.Cert != "" {
		s.Pairs = append(s.Pairs, certs.Listed{Pair: config.Pair{Cert: cfg.Cert, Key: cfg.Key}})
	}
	for i := range cfg.Sites {
		if site := &cfg.Sites[i]; site.Cert != "" {
			s.Pairs = append(s.Pairs, certs.Listed{Pair: config.Pair{Cert: site.Cert, Key: site.Key}, Hosts: site.Hosts})
		}
	}
	settings := acmeSettings(&cfg)
	for _, name := range cfg.ACMENames() {
		file := acme.CertificateFile(settings, name)
		s.Expected = append(s.Expected, certs.Listed{Pair: config.Pair{Cert: file, Key: file}, Hosts: []string{name}})
	}
	return s
}

// acmeSettings are how a configuration has certificates obtained.
func acmeSettings(cfg *config.Config) acme.Settings {
	return acme.Settings{
		Directory:  cfg.ACME.Directory,
		Email:      cfg.ACME.Email,
		CAFile:     cfg.ACME.CAFile,
		Storage:    cfg.ACME.Storage,
		Challenge:  cfg.ACME.Challenge,
		HTTP:       cfg.HTTPAddr != "",
		DNSHook:    cfg.ACME.DNSHook,
		EABKeyID:   cfg.ACME.EABKeyID,
		EABKeyFile: cfg.ACME.EABKeyFile,
	}
}
