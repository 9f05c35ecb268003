// Package config holds every setting of the server.
//
// The table in settings.go is their definition: name, default, unit, meaning of
// zero, what is allowed, and a sentence of help. From it come the command-line
// flag (-cache-bytes), the environment variable (HOTPATH_CACHE_BYTES), the key
// in the YAML file (cache-bytes), the text of -h and docs/configuration.md.
// If a setting is set more than once, the flag wins over the environment, the
// environment over the file, and the file over the default.
//
// What the server serves is in [Config.Sites]: the sites of the file, each with
// settings of its own from the table in sitesettings.go, or the one that root and
// upstream make.
//
// No value is guessed: an unknown flag, variable or key, a value that is not
// allowed and a file that cannot be read are each an [*Error] of one line that
// names the key, the value, where it was set, what is allowed and, if it can be
// guessed, what was meant. All of them are reported at once, as [Mistakes]. A value
// is checked even if another source overrides it. What is allowed and does not
// do anything is one of [Config.Warnings].
//
// [Load] and [Config.Validate] touch nothing but their arguments.
// [LoadChecked] and [Check] read the files that the settings name.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// Config is the value of every setting, in its own type. Start from [Default] or
// [Load]: the zero Config is not valid. Sizes are in bytes.
type Config struct {
	File      string        // the YAML file, "" for none
	FileWatch time.Duration // how often it is looked at, 0: never

	Listen string // host:port of the public listener
	Admin  string // host:port of the admin listener, "" for none

	ReusePort bool   // others may listen at the same addresses
	PIDFile   string // has the number of the process that serves, "" for none

	// What an Admin that other machines can reach needs, one of them.
	AdminTokenFile string // file with the token that its clients show, "" for none
	AdminInsecure  bool   // who reaches it may see it

	// CapacityFile is a report of the load generator on this machine, "" for none;
	// see [ReadCapacity].
	CapacityFile string

	ProxyProtocolFrom []netip.Prefix // balancers whose connections begin with a PROXY header

	Cert string // PEM file with the certificate chain; "" with Key: self-signed
	Key  string // PEM file with the private key
	// CertDir is a directory of further certificates, "" for none; see
	// [ListPairs].
	CertDir string
	// TicketKeysFile is a file of keys for session tickets, "" for keys that
	// are this process's own; see [ReadTicketKeys].
	TicketKeysFile string
	// ECHKeysFile is a file of keys for Encrypted Client Hello, "" for none; see
	// [ReadECHKeys].
	ECHKeysFile string
	// HTTP3 is whether HTTP/3 is served at Listen: on, off. HTTP3Port is the port that
	// clients find it at, 0: that of Listen.
	HTTP3     string
	HTTP3Port int
	// HTTPAddr is host:port of the plain HTTP listener, "" for none.
	HTTPAddr string
	// ACME is how certificates are obtained; see [Config.ACMENames].
	ACME ACME
	// What the one site of a configuration without sites serves: one of
	// them, or neither for the demo site. Sites has it too.
	Root      string   // directory
	Upstreams []string // URLs, see [Site.Upstreams]

	// Sites are what is served, and to which hosts: at least one.
	Sites []Site

	CacheEntries int   // stored responses
	CacheBytes   int64 // keys, fields and bodies of all stored responses
	CacheShards  int   // 0: by the number of cores
	MaxStored    int64 // largest body that is kept in the cache
	Compressors  int   // stored contents that are compressed at once

	MaxConns      int // public connections open at once
	MaxHandshakes int // TLS handshakes in progress
	MaxFetches    int // misses being fetched from the origin

	MaxStreams       int   // concurrent streams per HTTP/2 connection
	MaxHeaderBytes   int64 // header list of a request (RFC 9113 §10.5.1)
	MaxHeaderFields  int   // fields of a request, cookie crumbs counted one by one
	MaxContinuations int   // CONTINUATION frames per field block
	MaxBody          int64 // content of a request

	MaxResets     int // streams reset early, per connection, before refill
	ResetRefill   int // early resets forgiven per second
	ControlBudget int // cost of useless frames, per connection, before refill
	ControlRefill int // cost of useless frames forgiven per second
	MaxControl    int // control frames waiting to be sent, per connection

	MaxOutput    int64 // output waiting to be written, per connection
	MinWriteRate int64 // bytes per second that a reading client takes at least

	// What one client may do; 0 for no limit.
	LimitConnections int            // open at once
	LimitHandshakes  int            // in a second
	LimitRequests    int            // in a second
	LimitBurst       int            // requests at once, 0: as many as in a second
	LimitBy          string         // of requests: [LimitByAddress] or a field's name in lower case
	LimitIPv4        int            // bits of an address that tell clients apart
	LimitIPv6        int            // and of IPv6
	LimitExempt      []netip.Prefix // clients without limits
	LimitMode        string         // refuse or [LimitDryRun]
	LimitClients     int            // told apart at once

	HelloTimeout     time.Duration // from accept to the end of the ClientHello
	HandshakeTimeout time.Duration // from accept to the end of the TLS handshake
	HeadTimeout      time.Duration // from the first byte of a request head to its last
	IdleTimeout      time.Duration // connection without a request
	WriteTimeout     time.Duration // output slower than MinWriteRate
	DrainDelay       time.Duration // from the signal to stop to the end of accepting
	DrainTimeout     time.Duration // from there to the exit

	AccessLog       string   // which requests: off, errors, sampled, all
	AccessLogSample int      // of how many one is logged, when sampled
	AccessLogFormat string   // common, combined, json
	AccessLogFields []string // members of a JSON line, see [LogFields]
	AccessLogFile   string   // "-": standard output
	AccessLogRate   int64    // bytes per second, 0 for no limit

	OTLPEndpoint string         // URL of the collector of traces, "" for none
	TraceSample  float64        // share of requests that are traced
	TraceTrust   []netip.Prefix // clients whose traceparent decides

	TLSBuffers  string // whether crypto/tls's buffers are used directly: auto, off
	MemoryLimit int64  // Go's soft memory limit, 0: what the other settings allow
	LogFormat   string
	LogLevel    slog.Level

	// where is the place of each setting that was set, by name.
	where map[string]string
}

const (
	LimitByAddress = "address" // a LimitBy
	LimitDryRun    = "dry-run" // a LimitMode
)

// Default returns the documented defaults.
func Default() Config {
	var c Config
	for _, k := range settings(&c) {
		if err := k.value.set(k.def); err != nil {
			panic("config: default of " + k.name + ": " + err.Error())
		}
	}
	c.Sites = []Site{c.flagSite()}
	return c
}

// at is the place where a setting was set; its name if it has its default, or c
// was not loaded.
func (c *Config) at(name string) string {
	if where := c.where[name]; where != "" {
		return where
	}
	return name
}

// Validate reports, as [Mistakes], all values that are not allowed, alone or
// beside others. It reads no file.
func (c Config) Validate() error {
	return c.validate(nil).orNil()
}

// validate is Validate, but for the settings in wrong, among them "sites[0].…":
// their mistakes are known, and what they have is none of their values.
func (c *Config) validate(wrong map[string]bool) Mistakes {
	var all Mistakes
	for _, k := range settings(c) {
		if wrong[k.name] {
			continue
		}
		if err := k.value.check(); err != nil {
			all = append(all, &Error{c.at(k.name), k.name, k.value.String(), err.Error(), k.value.allowed()})
			if wrong == nil {
				wrong = make(map[string]bool)
			}
			wrong[k.name] = true
		}
	}
	return append(append(all, c.contradictions(wrong)...), c.validateSites(wrong)...)
}

// adminExposed reports whether the admin listener can be reached from another
// machine.
func (c Config) adminExposed() bool {
	if c.Admin == "" {
		return false
	}
	host, _, err := net.SplitHostPort(c.Admin)
	if err != nil || host == "localhost" {
		return false
	}
	ip := net.ParseIP(host)
	return ip == nil || !ip.IsLoopback()
}
