package main

import (
	"io"
	"log/slog"
	"net"
	"runtime"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/h1"
	"github.com/e0ac7cd4/hotpath/server/h2"
	"github.com/e0ac7cd4/hotpath/server/h3"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/live"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/perclient"
	"github.com/e0ac7cd4/hotpath/server/store"
	"github.com/e0ac7cd4/hotpath/server/stream"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// newLogger logs to w what level lets through, and lets the journal see it.
func newLogger(cfg config.Config, w io.Writer, level slog.Leveler, journal *live.Journal) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: access.EscapeAttr}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if cfg.LogFormat == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(journal.Watch(h))
}

func newRecorder(cfg config.Config, t *traces.Tracer, m *metrics.Hotpath, log *slog.Logger) (*access.Recorder, error) {
	return access.New(access.Config{
		Mode:    access.Mode(cfg.AccessLog),
		Sample:  cfg.AccessLogSample,
		Format:  access.Format(cfg.AccessLogFormat),
		Fields:  cfg.AccessLogFields,
		File:    cfg.AccessLogFile,
		Rate:    cfg.AccessLogRate,
		Metrics: m,
		Log:     log,
		Traces:  t,
	})
}

// tracing has a configuration's traces: what decides of requests that take the slow
// path, and what chooses hits.
func tracing(t *traces.Tracer, hits *access.Recorder) func(config.Config) {
	return func(cfg config.Config) {
		t.Set(traces.Config{Endpoint: cfg.Collector(), Sample: cfg.TraceSample, Trust: cfg.TraceTrust})
		hits.TraceRate()
	}
}

// newLimits makes the limits of a client.
func newLimits(cfg config.Config) *perclient.Limits {
	by := cfg.LimitBy
	if by == config.LimitByAddress {
		by = ""
	}
	return perclient.New(perclient.Config{
		Connections: cfg.LimitConnections,
		Handshakes:  cfg.LimitHandshakes,
		Requests:    cfg.LimitRequests,
		Burst:       cfg.LimitBurst,
		By:          by,
		IPv4:        cfg.LimitIPv4,
		IPv6:        cfg.LimitIPv6,
		Exempt:      cfg.LimitExempt,
		DryRun:      cfg.LimitMode == config.LimitDryRun,
		Clients:     cfg.LimitClients,
	})
}

// connMaker has what all connections share, whatever the configuration.
type connMaker struct {
	edge      *edge.Edge
	ledger    *memory.Ledger
	crew      *stream.Crew
	accessLog *access.Recorder
	clients   *perclient.Requests
	metrics   *metrics.Hotpath
	log       *slog.Logger
	wire      wire.Options // but for what the configuration says
}

// conns are the engines of new connections, and their limits.
func (c *connMaker) conns(cfg config.Config) listen.Conns {
	options := c.wire
	options.WriteTimeout, options.WriteQuantum = cfg.WriteTimeout, quantum(&cfg)
	return listen.Conns{
		H2: &h2.Config{
			Source:    c.edge,
			Handler:   c.edge,
			Metrics:   c.metrics,
			Log:       c.log,
			Access:    c.accessLog,
			Client:    c.edge.Client,
			PerClient: c.clients,
			Ledger:    c.ledger,
			Limits:    h2Limits(&cfg),
			Crew:      c.crew,
		},
		H1: &h1.Config{
			Source:       c.edge,
			Handler:      c.edge,
			Metrics:      c.metrics,
			Log:          c.log,
			Access:       c.accessLog,
			Client:       c.edge.Client,
			PerClient:    c.clients,
			Ledger:       c.ledger,
			HeaderBytes:  int(cfg.MaxHeaderBytes),
			HeaderFields: cfg.MaxHeaderFields,
			BodyBytes:    cfg.MaxBody,
			OutputBytes:  int(cfg.MaxOutput),
			Head:         cfg.HeadTimeout,
			Idle:         cfg.IdleTimeout,
			BodyTimeout:  cfg.WriteTimeout,
			Quantum:      quantum(&cfg),
			TunnelIdle:   tunnelIdle,
			Crew:         c.crew,
		},
		H3: &h3.Config{
			Source:    c.edge,
			Handler:   c.edge,
			Metrics:   c.metrics,
			Log:       c.log,
			Access:    c.accessLog,
			Client:    c.edge.Client,
			PerClient: c.clients,
			Ledger:    c.ledger,
			Limits:    h3Limits(&cfg),
			Crew:      c.crew,
		},
		Wire:             &options,
		HelloTimeout:     cfg.HelloTimeout,
		HandshakeTimeout: cfg.HandshakeTimeout,
	}
}

// h2Limits are the limits of HTTP/2 connections.
func h2Limits(cfg *config.Config) h2.Limits {
	return h2.Limits{
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
		Quantum:       quantum(cfg),
		TunnelIdle:    tunnelIdle,
	}
}

// h3Limits are the limits of HTTP/3 connections.
func h3Limits(cfg *config.Config) h3.Limits {
	return h3.Limits{
		Streams:       cfg.MaxStreams,
		HeaderBytes:   int(cfg.MaxHeaderBytes),
		HeaderFields:  cfg.MaxHeaderFields,
		BodyBytes:     cfg.MaxBody,
		Resets:        cfg.MaxResets,
		ResetsPerSec:  cfg.ResetRefill,
		Control:       cfg.ControlBudget,
		ControlPerSec: cfg.ControlRefill,
		Head:          cfg.HeadTimeout,
		Idle:          cfg.IdleTimeout,
		Progress:      cfg.WriteTimeout,
		Quantum:       quantum(cfg),
		TunnelIdle:    tunnelIdle,
	}
}

// quantum is what a peer has to take, or send, within the time for it, in bytes.
func quantum(cfg *config.Config) int {
	return max(1, int(cfg.WriteTimeout.Seconds()*float64(cfg.MinWriteRate)))
}

// tunnelIdle is how long a tunnel may carry nothing either way: WebSocket
// clients send a ping every minute or so, and the upstream's side has the same.
const tunnelIdle = 10 * time.Minute

// tlsBuffers reports whether crypto/tls's buffers are used directly, and shows it
// to operators.
func tlsBuffers(cfg config.Config, m *metrics.Hotpath, log *slog.Logger) bool {
	why := wire.TLSBuffers()
	switch {
	case cfg.TLSBuffers == "off":
		log.Info("TLS buffers: crypto/tls reads records itself", "because", "tls-buffers is off")
		return false
	case why != nil:
		log.Warn("TLS buffers: crypto/tls reads records itself, with more garbage and memory", "because", why)
		return false
	}
	m.TLSDirect.Set(1)
	log.Info("TLS buffers: records are put into them directly", "go", runtime.Version())
	return true
}

func cacheStats(c *cache.Cache[*store.Entry]) metrics.CacheStats {
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

// reasons are the names of all decisions of caching, for a metric's label.
func reasons() []string {
	all := make([]string, rfc9111.Reasons)
	for r := range rfc9111.Reasons {
		all[r] = r.String()
	}
	return all
}

// reachable is an address to type: the wildcard address becomes localhost.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && (host == "" || ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return a.String()
}
