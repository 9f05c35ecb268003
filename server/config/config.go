// Package config holds every knob of the server, each defined once.
//
// The table in knobs.go is that definition: name, default, unit, meaning of
// zero, what is allowed, and a sentence of help. From it come the command-line
// flag (-cache-bytes), the environment variable (HOTPATH_CACHE_BYTES), the key
// in the YAML file (cache-bytes), the text of -h and docs/configuration.md.
// Where a knob is set more than once, the flag wins over the environment, the
// environment over the file, and the file over the default.
//
// Nothing is guessed: an unknown flag, variable or key, a value that is not
// allowed and a file that cannot be read are all an [*Error] of one line that
// names the key, the value, where it was set and what is allowed. A value is
// checked even where another source overrides it.
//
// [Load] and [Config.Validate] touch nothing but their arguments.
// [Config.CheckFiles] and [Check] read the files that the knobs name. All of
// it runs once, at start, on one goroutine.
package config

import (
	"log/slog"
	"net"
	"strings"
	"time"
)

// Config is the value of every knob, in its own type. Start from [Default] or
// [Load]: the zero Config is not valid. Sizes are in bytes.
type Config struct {
	File string // the YAML file, "" for none

	Listen string // host:port of the public listener
	Admin  string // host:port of the admin listener, "" for none
	// What an Admin that other machines can reach needs, one of them.
	AdminTokenFile string // file with the token that its clients show, "" for none
	AdminInsecure  bool   // who reaches it may see it

	Cert string // PEM file with the certificate chain; "" with Key: self-signed
	Key  string // PEM file with the private key
	Root string // directory that is served, "" for the demo site

	CacheEntries int   // stored responses
	CacheBytes   int64 // keys, fields and bodies of all stored responses
	CacheShards  int   // 0: by the number of cores
	MaxStored    int64 // largest body that is kept in the cache

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

	HelloTimeout     time.Duration // from accept to the end of the ClientHello
	HandshakeTimeout time.Duration // from accept to the end of the TLS handshake
	HeadTimeout      time.Duration // from the first byte of a request head to its last
	IdleTimeout      time.Duration // connection without a request
	WriteTimeout     time.Duration // output slower than MinWriteRate
	DrainDelay       time.Duration // from the signal to stop to the end of accepting
	DrainTimeout     time.Duration // from there to the exit

	AccessLog       string // which requests: off, errors, sampled, all
	AccessLogSample int    // of how many one is logged, when sampled
	AccessLogFormat string // common, combined, json
	AccessLogFile   string // "-": standard output
	AccessLogRate   int64  // bytes per second, 0 for no limit

	TLSBuffers  string // whether crypto/tls's buffers are used directly: auto, off
	MemoryLimit int64  // Go's soft memory limit, 0 for none
	LogFormat   string
	LogLevel    slog.Level
}

// Default returns the documented defaults.
func Default() Config {
	var c Config
	for _, k := range knobs(&c) {
		if err := k.value.set(k.def); err != nil {
			panic("config: default of " + k.name + ": " + err.Error())
		}
	}
	return c
}

// Validate reports the first knob whose value is not allowed, alone or beside
// another knob, as an [*Error]. It reads no file.
func (c Config) Validate() error {
	return c.validate(nil)
}

// validate is Validate with the place where each knob was set, by name; a knob
// that is not in set has its default.
func (c Config) validate(set map[string]string) error {
	fail := func(key, value, problem, allowed string) error {
		where := set[key]
		if where == "" {
			where = key
		}
		return &Error{Where: where, Key: key, Value: value, Problem: problem, Allowed: allowed}
	}
	for _, k := range knobs(&c) {
		if err := k.value.check(); err != nil {
			return fail(k.name, k.value.String(), err.Error(), k.value.allowed())
		}
	}
	switch {
	case c.Cert != "" && c.Key == "":
		return fail("cert", c.Cert, "there is no key to it", "cert and key together, or neither")
	case c.Key != "" && c.Cert == "":
		return fail("key", c.Key, "there is no cert to it", "cert and key together, or neither")
	case c.Admin != "" && c.Admin == c.Listen && !strings.HasSuffix(c.Admin, ":0"):
		return fail("admin", c.Admin, "is the address of listen", "an address of its own, or off")
	case c.adminExposed() && c.AdminTokenFile == "" && !c.AdminInsecure:
		return fail("admin", c.Admin, "can be reached from other machines by anybody", "a loopback address; another with admin-token-file, or with admin-insecure")
	}
	return nil
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
