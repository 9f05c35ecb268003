package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"runtime"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/h1"
	"github.com/e0ac7cd4/hotpath/server/h2"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/live"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// newLogger logs to w, and lets the journal see it.
func newLogger(cfg config.Config, w io.Writer, journal *live.Journal) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel, ReplaceAttr: access.EscapeAttr}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if cfg.LogFormat == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(journal.Watch(h))
}

func newRecorder(cfg config.Config, m *metrics.Hotpath, log *slog.Logger) (*access.Recorder, error) {
	return access.New(access.Config{
		Mode:    access.Mode(cfg.AccessLog),
		Sample:  cfg.AccessLogSample,
		Format:  access.Format(cfg.AccessLogFormat),
		File:    cfg.AccessLogFile,
		Rate:    cfg.AccessLogRate,
		Metrics: m,
		Log:     log,
	})
}

func newOrigin(cfg config.Config, log *slog.Logger) (origin.Origin, error) {
	if cfg.Root == "" {
		return origin.NewDemo()
	}
	return origin.NewDirectory(cfg.Root, origin.DirectoryConfig{MaxStored: cfg.MaxStored, Log: log})
}

// newServer wires the public side: listener, engines, edge.
func newServer(cfg config.Config, maxConns int, e *edge.Edge, accessLog *access.Recorder, m *metrics.Hotpath, log *slog.Logger) (*listen.Server, error) {
	certificate, err := loadCertificate(cfg, log)
	if err != nil {
		return nil, err
	}
	m.CertificateExpiry.Set(certificate.Leaf.NotAfter.Unix())
	quantum := max(1, int(cfg.WriteTimeout.Seconds()*float64(cfg.MinWriteRate)))
	return listen.New(listen.Config{
		TLS: listen.TLSConfig(certificate),
		H2: h2.Config{
			Source:  e,
			Handler: e,
			Metrics: m,
			Log:     log,
			Access:  accessLog,
			Limits: h2.Limits{
				Streams:       cfg.MaxStreams,
				HeaderBytes:   int(cfg.MaxHeaderBytes),
				HeaderFields:  cfg.MaxHeaderFields,
				Continuations: cfg.MaxContinuations,
				BodyBytes:     cfg.MaxBody,
				OutputBytes:   int(cfg.MaxOutput),
				Resets:        cfg.MaxResets,
				ResetsPerSec:  cfg.ResetRefill,
				Control:       cfg.ControlBudget,
				ControlPerSec: cfg.ControlRefill,
				ControlQueue:  cfg.MaxControl,
				Head:          cfg.HeadTimeout,
				Idle:          cfg.IdleTimeout,
				Progress:      cfg.WriteTimeout,
				Quantum:       quantum,
			},
		}.WithDefaults(),
		H1: &h1.Config{
			Source:       e,
			Fetcher:      e,
			Metrics:      m,
			Log:          log,
			Access:       accessLog,
			HeaderBytes:  int(cfg.MaxHeaderBytes),
			HeaderFields: cfg.MaxHeaderFields,
			OutputBytes:  int(cfg.MaxOutput),
			Head:         cfg.HeadTimeout,
			Idle:         cfg.IdleTimeout,
		},
		Handler: e,
		Wire: &wire.Options{
			Metrics:      wire.ServerMetrics(m),
			WriteTimeout: cfg.WriteTimeout,
			WriteQuantum: quantum,
			Gate:         wire.NewGate(runtime.GOMAXPROCS(0)),
		},
		Metrics:          m,
		Log:              log,
		Access:           accessLog,
		MaxConns:         maxConns,
		MaxHandshakes:    cfg.MaxHandshakes,
		HandshakeTimeout: cfg.HandshakeTimeout,
		HeadTimeout:      cfg.HeadTimeout,
		IdleTimeout:      cfg.IdleTimeout,
		BodyTimeout:      cfg.WriteTimeout,
		HeaderBytes:      int(cfg.MaxHeaderBytes),
		BodyBytes:        cfg.MaxBody,
	}), nil
}

func loadCertificate(cfg config.Config, log *slog.Logger) (tls.Certificate, error) {
	if cfg.Cert != "" {
		return listen.LoadCertificate(cfg.Cert, cfg.Key)
	}
	certificate, fingerprint, err := listen.SelfSigned()
	if err == nil {
		log.Info("no certificate given: made a self-signed one", "sha256", fingerprint)
	}
	return certificate, err
}

func cacheStats(c *cache.Cache[*edge.Entry]) metrics.CacheStats {
	s := c.Stats()
	entries, bytes := c.Limits()
	return metrics.CacheStats{
		Entries: s.Entries, LimitEntries: entries,
		Bytes: s.Bytes, LimitBytes: bytes,
		Hits: s.Hits, Misses: s.Misses,
		Expired:  s.Evicted[cache.Expired],
		Rejected: s.Rejected,
		Evicted: [4]uint64{
			metrics.EvictCapacity: s.Evicted[cache.Capacity],
			metrics.EvictBytes:    s.Evicted[cache.Bytes],
			metrics.EvictReplaced: s.Evicted[cache.Replaced],
			metrics.EvictRemoved:  s.Evicted[cache.Removed],
		},
	}
}

// reachable is an address to type: the wildcard address becomes localhost.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && (host == "" || ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return a.String()
}
