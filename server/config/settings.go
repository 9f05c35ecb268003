package config

import (
	"math"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
)

// envPrefix begins every environment variable that is ours.
const envPrefix = "HOTPATH_"

// setting is the one definition of a setting: all that is said of it comes from here.
type setting struct {
	group string // heading in the help and the documentation
	name  string // of the flag and the YAML key
	def   string // default, as a user would write it
	value value  // field, unit, meaning of zero and what is allowed
	help  string // what it does, and what happens at the limit
}

// env is the name of the setting's environment variable.
func (k setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, "-", "_"))
}

// configKey is the name of the only setting that cannot stand in the file.
const configKey = "config"

const (
	groupListen = "Listening"
	groupACME   = "Certificates by ACME"
	groupServe  = "What is served"
	groupCache  = "Cache"
	groupConns  = "Connections"
	groupReqs   = "Requests"
	groupAbuse  = "Misuse of a connection"
	groupClient = "Limits of a client"
	groupTime   = "Time"
	groupAccess = "Access log"
	groupTrace  = "Traces"
	groupProc   = "Process"
)

// Bounds that are not a matter of taste.
const (
	// Counts are kept in 32 bits by the protocol (SETTINGS values) and by
	// the kernel (descriptors).
	maxCount = math.MaxInt32

	// A TLS record has 16 KiB of content at most (RFC 8446 §5.1), and
	// output is sealed in whole records.
	minOutput = 16 << 10

	// What a browser sends for a page with a few cookies; below it ordinary
	// requests fail. Above the upper bound a connection's read buffer would
	// be larger than what all other limits let it hold.
	minHeaderBytes = 1 << 10
	maxHeaderBytes = 1 << 20

	// Go's runtime and the embedded site need about this much; a lower soft
	// limit keeps the garbage collector running all the time.
	minMemory = 32 << 20

	// minCache has room for 32 requests in progress.
	minCache = 1 << 20

	// Less than a line a second is no log.
	minLogRate = 1 << 10

	// More requests in a second from one client than a server answers is no
	// limit.
	maxPerSecond = 1_000_000

	// More than cores are of no use.
	maxCompressors = 256

	// Clients of limits: a set of the table, and 512 MiB.
	minClients = 8
	maxClients = 1 << 24

	// A shorter prefix than registries give to a provider makes clients of
	// whole countries.
	minPrefix4, maxPrefix4 = 8, 32
	minPrefix6, maxPrefix6 = 16, 128

	// Timers are checked in steps of milliseconds, and a longer time than a
	// day is a mistake in the unit.
	minTime = time.Millisecond

	// A file is looked at with a system call, which may wait for a network.
	minWatch = 100 * time.Millisecond

	maxTime = 24 * time.Hour
)

// settings is the table, bound to the fields of c. The order is that of the help.
func settings(c *Config) []setting {
	return []setting{
		{groupListen, "listen", ":8443", &address{p: &c.Listen},
			"Address of the public listener, HTTPS with HTTP/2 and HTTP/1.1."},
		{groupListen, "admin", "127.0.0.1:9180", &address{p: &c.Admin, off: true},
			"Address of the admin listener: live page, metrics, health, profiles. One that other machines can reach needs admin-token-file or admin-insecure beside it."},
		{groupListen, "reuse-port", "false", &toggle{p: &c.ReusePort},
			"Whether other servers may listen at the same addresses (SO_REUSEPORT): the system divides connections among them."},
		{groupListen, "admin-token-file", "", &text{p: &c.AdminTokenFile, what: wantToken, empty: "no token"},
			"Token that the admin listener asks for, as a bearer token or a password, on all paths but /healthz and /readyz. It is read once, at start."},
		{groupListen, "admin-insecure", "false", &toggle{p: &c.AdminInsecure},
			"Let the admin listener have an address that other machines can reach without a token: it belongs behind a firewall."},
		{groupListen, "capacity-file", "", &text{p: &c.CapacityFile, what: wantCapacity, empty: "the page says nothing of it"},
			"What a load test has shown this machine to serve, for the live page. It is read at start and with each reload."},
		{groupListen, "proxy-protocol-from", "", prefixes(&c.ProxyProtocolFrom),
			"Balancers that begin each connection with a PROXY header, version 1 or 2: its client's address is trusted. A connection from one of them without the header is closed, and so is one from any other address with it."},
		{groupListen, "cert", "", &text{p: &c.Cert, what: "a PEM file with the certificate and its chain", empty: "self-signed, made at start"},
			"Certificate to present to clients that ask for no name that another one has. It needs the key beside it. Both are read again when they change, as all certificates are."},
		{groupListen, "key", "", &text{p: &c.Key, what: "a PEM file with the private key", empty: "self-signed, made at start"},
			"Private key of the certificate."},
		{groupListen, "cert-dir", "", &text{p: &c.CertDir, what: "a directory with NAME.crt beside NAME.key, or NAME.pem with both in it", empty: "no further certificates"},
			"Further certificates, each for the names that stand in it, by the name that a client asks for (SNI). Without cert, the pair called default is presented to the others, else the first. It is looked at every 2 s."},
		{groupListen, "ticket-keys-file", "", &text{p: &c.TicketKeysFile, what: wantTicketKeys, empty: "keys of this process alone, new every day"},
			"Keys of session tickets, so that a session of one instance is resumed by another with the same file. The first encrypts, all decrypt. It is looked at every 2 s, so that to write it rotates the keys."},
		{groupListen, "ech-keys-file", "", &text{p: &c.ECHKeysFile, what: wantECHKeys, empty: "no Encrypted Client Hello"},
			"Keys for Encrypted Client Hello (RFC 9849), in the form of RFC 9934: the name that a client asks for is not sent in the clear. The first key's configuration is the one to publish in DNS. It is looked at every 2 s."},

		{groupListen, "http3", "off", &choice{p: &c.HTTP3, of: []string{"off", "on"}},
			"Whether HTTP/3 is served, over QUIC at the UDP port of listen, and named to clients of HTTP/1.1 and HTTP/2 in Alt-Svc."},
		{groupListen, "http3-port", "0", &count{p: &c.HTTP3Port, zero: "that of listen", min: 1, max: math.MaxUint16},
			"UDP port that Alt-Svc names, if something before the server passes another one on to that of listen."},
		{groupListen, "http-addr", "off", &address{p: &c.HTTPAddr, off: true},
			"Address of a plain HTTP listener, such as `:80`: it redirects to https, and answers the challenges of acme-directory."},

		{groupACME, "acme-directory", "", &directoryURL{p: &c.ACME.Directory},
			"Authority that certificates are obtained from, for the hosts of all sites that have none of their own and no `acme: false`. To set it is to agree to the authority's terms."},
		{groupACME, "acme-email", "", &email{p: &c.ACME.Email},
			"Where the authority sends its notices to."},
		{groupACME, "acme-storage", "", &text{p: &c.ACME.Storage, what: "a directory, which is made if its parent is there", empty: "acme-directory needs one"},
			"Where the account and the certificates are kept. Instances that share it, on a file system with locks, obtain each certificate once."},
		{groupACME, "acme-ca-file", "", &text{p: &c.ACME.CAFile, what: "a PEM file of certificates", empty: "those that the system trusts"},
			"Certificates that are trusted to sign that of the authority's server."},
		{groupACME, "acme-challenge", "auto", &choice{p: &c.ACME.Challenge, of: []string{"auto", "tls-alpn-01", "http-01", "dns-01"}},
			"How a host is proven. auto: by TLS on port 443, or by HTTP on port 80 if there is http-addr. Patterns such as `*.example.com` are proven by DNS in any case."},
		{groupACME, "acme-dns-hook", "", &text{p: &c.ACME.DNSHook, what: "a program", empty: "nothing is proven by DNS"},
			"Program that adds and removes TXT records: it is called with `add` or `remove`, the record's name and its value, ends with status 0 when the authority can see the change, and is killed after 2m."},
		{groupACME, "acme-eab-key-id", "", &text{p: &c.ACME.EABKeyID, what: "a key's name", empty: "the authority needs none"},
			"External account binding (RFC 8555 §7.3.4): the key's name. It needs acme-eab-key-file beside it."},
		{groupACME, "acme-eab-key-file", "", &text{p: &c.ACME.EABKeyFile, what: wantEABKey, empty: "the authority needs none"},
			"The key of acme-eab-key-id, read when the account is made."},

		{groupServe, "root", "", &text{p: &c.Root, what: "a directory", empty: "the built-in demo site"},
			"Directory to serve. Nothing outside of it is reachable, by a symbolic link either."},
		{groupServe, "upstream", "", upstreams(&c.Upstreams),
			"Server in front of which to stand, in place of root. The flag may be given again, the variable and the file's value have commas between, and the file's may be a list."},

		{groupCache, "cache-entries", "1024", &count{p: &c.CacheEntries, min: 1, max: maxCount},
			"Stored responses. Those that are asked for once leave before those that are asked for again."},
		{groupCache, "cache-bytes", "256MiB", &size{p: &c.CacheBytes, min: minCache, max: math.MaxInt64},
			"Memory for stored responses, keys and fields counted, for what arrives, for what clients and handlers have yet to take, and for garbage. Half of it at most for what waits, and half for requests in progress, of 12 KiB each, which connections share."},
		{groupCache, "cache-shards", "0", &count{p: &c.CacheShards, zero: "by the number of cores", min: 1, max: cache.MaxShards, powerOfTwo: true},
			"Independent parts of the cache, each with its own lock. What leaves first does not depend on it."},
		{groupCache, "max-stored", "8MiB", &size{p: &c.MaxStored, min: 1, max: math.MaxInt64},
			"Largest body that is kept in the cache, a quarter of cache-bytes at most; a larger one is streamed from the origin for every request."},

		{groupCache, "compressors", "1", &count{p: &c.Compressors, zero: "nothing is compressed", min: 1, max: maxCompressors},
			"Stored contents that are compressed at once, each by a goroutine behind hits, for the sites that say so. Their memory is part of cache-bytes. 256 wait; what is beyond that is compressed later."},

		{groupConns, "max-conns", "25000", &count{p: &c.MaxConns, min: 1, max: maxCount},
			"Open connections; further ones are closed at once. Lowered at start, with a warning, if RLIMIT_NOFILE does not do for all settings."},
		{groupConns, "max-handshakes", "512", &count{p: &c.MaxHandshakes, min: 1, max: maxCount},
			"TLS handshakes in progress, counted from the client's first message; further connections wait their turn within the handshake timeout, or take the place of one whose client has not gone on for 1s."},
		{groupConns, "max-fetches", "256", &count{p: &c.MaxFetches, min: 1, max: maxCount},
			"Files being fetched at once; hits are not affected. Lowered at start, with a warning, if RLIMIT_NOFILE does not do for all settings."},
		{groupConns, "max-output", "256KiB", &size{p: &c.MaxOutput, min: minOutput, max: 1 << 30},
			"Output buffered per connection; at the limit the connection's requests are not read until the client has taken some of it."},

		{groupReqs, "max-streams", "250", &count{p: &c.MaxStreams, min: 1, max: maxCount},
			"Concurrent streams per HTTP/2 connection; further ones are refused with REFUSED_STREAM."},
		{groupReqs, "max-header-bytes", "16KiB", &size{p: &c.MaxHeaderBytes, min: minHeaderBytes, max: maxHeaderBytes},
			"Header list of a request, counted as in RFC 9113 §10.5.1; a larger one is answered 431, one of twice the size ends the connection."},
		{groupReqs, "max-header-fields", "128", &count{p: &c.MaxHeaderFields, min: 1, max: maxCount},
			"Fields of a request, each crumb of a cookie counted; more are answered 431, twice as many end the connection."},
		{groupReqs, "max-continuations", "8", &count{p: &c.MaxContinuations, min: 1, max: maxCount},
			"CONTINUATION frames per field block; more end the connection with ENHANCE_YOUR_CALM."},
		{groupReqs, "max-body", "16MiB", &size{p: &c.MaxBody, min: 1, max: math.MaxInt64},
			"Content of a request; more is answered 413."},

		{groupAbuse, "max-resets", "200", &count{p: &c.MaxResets, min: 1, max: maxCount},
			"Streams reset before they were answered, by the client or because of it; more end the connection with ENHANCE_YOUR_CALM."},
		{groupAbuse, "reset-refill", "33/s", &rate{p: &c.ResetRefill, min: 1, max: maxCount},
			"Early resets forgiven with time."},
		{groupAbuse, "control-budget", "1000", &count{p: &c.ControlBudget, min: 1, max: maxCount},
			"Cost of PING, SETTINGS, empty DATA, WINDOW_UPDATE and PRIORITY frames that serve no purpose; more ends the connection with ENHANCE_YOUR_CALM."},
		{groupAbuse, "control-refill", "100/s", &rate{p: &c.ControlRefill, min: 1, max: maxCount},
			"Cost of such frames forgiven with time."},
		{groupAbuse, "max-control", "1000", &count{p: &c.MaxControl, min: 1, max: maxCount},
			"Control frames waiting to be sent per connection: answers to PING and SETTINGS, resets. At the limit the connection is not read, then closed."},

		{groupClient, "limit-connections", "0", &count{p: &c.LimitConnections, zero: "no limit", min: 1, max: maxCount},
			"Open connections of one client; further ones are closed before TLS."},
		{groupClient, "limit-handshakes", "0/s", &rate{p: &c.LimitHandshakes, zero: "no limit", min: 1, max: maxPerSecond},
			"TLS handshakes of one client in a second, and as many at once; for further ones the connection is closed."},
		{groupClient, "limit-requests", "0/s", &rate{p: &c.LimitRequests, zero: "no limit", min: 1, max: maxPerSecond},
			"Requests of one client in a second, on all its connections together; further ones are answered 429."},
		{groupClient, "limit-burst", "0", &count{p: &c.LimitBurst, zero: "as many as in a second", min: 1, max: 1_000_000_000},
			"Requests that a client which has been quiet may send at once."},
		{groupClient, "limit-by", "address", &limitBy{p: &c.LimitBy},
			"What tells clients apart for limit-requests. A field helps only if something before the server has checked its value: else each value is another client."},
		{groupClient, "limit-ipv4-prefix", "32", &count{p: &c.LimitIPv4, min: minPrefix4, max: maxPrefix4},
			"Bits of an IPv4 address that tell clients apart."},
		{groupClient, "limit-ipv6-prefix", "64", &count{p: &c.LimitIPv6, min: minPrefix6, max: maxPrefix6},
			"Bits of an IPv6 address that tell clients apart: a home has 64 or fewer of its own."},
		{groupClient, "limit-exempt", "", prefixes(&c.LimitExempt),
			"Clients that have no limits. Proxies of trusted-proxies belong here for limit-connections and limit-handshakes; for requests, whom they name counts."},
		{groupClient, "limit-mode", "refuse", &choice{p: &c.LimitMode, of: []string{"refuse", LimitDryRun}},
			"What becomes of what is beyond a limit. dry-run: it is counted, marked in the access log, and let pass."},
		{groupClient, "limit-clients", "1048576", &count{p: &c.LimitClients, min: minClients, max: maxClients},
			"Clients whose requests and handshakes are told apart at once, with 32 to 64 bytes of memory for each. With more, those that have done the least count as new."},

		{groupTime, "hello-timeout", "3s", &span{p: &c.HelloTimeout, min: minTime, max: maxTime},
			"From accept to the last byte of the client's first message, of 16 KiB at most; then the connection is closed. A client without it takes no place among max-handshakes. The default leaves room for one packet that is lost and sent again."},
		{groupTime, "handshake-timeout", "5s", &span{p: &c.HandshakeTimeout, min: minTime, max: maxTime},
			"From accept to the end of the TLS handshake; then the connection is closed."},
		{groupTime, "head-timeout", "10s", &span{p: &c.HeadTimeout, min: minTime, max: maxTime},
			"For a whole request head, however slowly its bytes come; then the connection is closed."},
		{groupTime, "idle-timeout", "1m", &span{p: &c.IdleTimeout, min: minTime, max: maxTime},
			"For a connection without a request; then it is closed, with GOAWAY on HTTP/2."},
		{groupTime, "write-timeout", "30s", &span{p: &c.WriteTimeout, min: minTime, max: maxTime},
			"For a client that takes its response slower than min-write-rate; then the connection is closed."},
		{groupTime, "min-write-rate", "1KiB/s", &size{p: &c.MinWriteRate, perSecond: true, min: 1, max: 1 << 30},
			"Rate below which a client counts as not reading."},
		{groupTime, "drain-delay", "0s", &span{p: &c.DrainDelay, zero: "at once", min: minTime, max: maxTime},
			"After SIGTERM or SIGINT, how long connections are still accepted while `/readyz` says draining: longer than a balancer takes to see it."},
		{groupTime, "drain-timeout", "30s", &span{p: &c.DrainTimeout, zero: "no wait", min: minTime, max: maxTime},
			"For requests in flight after SIGTERM or SIGINT and drain-delay; then what is left is closed. HTTP/2 takes 250ms at least."},

		{groupAccess, "access-log", "off", &choice{p: &c.AccessLog, of: []string{"off", "errors", "sampled", "all"}},
			"Which requests are logged. errors: those answered with 4xx or 5xx, or ended before their end. sampled: these, and one of so many others. all: all."},
		{groupAccess, "access-log-sample", "100", &count{p: &c.AccessLogSample, min: 1, max: maxCount},
			"Of how many requests one is logged with `access-log: sampled`, chosen by chance."},
		{groupAccess, "access-log-format", "combined", &choice{p: &c.AccessLogFormat, of: []string{"common", "combined", "json"}},
			"Form of a line: the Common or the Combined Log Format, or a JSON object."},
		{groupAccess, "access-log-fields", UsualFields, newLogFields(&c.AccessLogFields),
			"Members of a line with `access-log-format: json`, in this order. Those that a request has nothing for are left out. `usual, trace_id` adds one to those of the default."},
		{groupAccess, "access-log-file", "-", &file{p: &c.AccessLogFile},
			"File that lines are appended to. SIGUSR1 opens it again, after it was renamed."},
		{groupAccess, "access-log-rate", "8MiB/s", &size{p: &c.AccessLogRate, perSecond: true, zero: "no limit", min: minLogRate, max: math.MaxInt64},
			"How fast the access log may grow, after a burst of ten seconds' worth; further lines are dropped and counted."},

		{groupTrace, "otlp-endpoint", "", &endpoint{p: &c.OTLPEndpoint},
			"Collector that traces are sent to, by OTLP over HTTP in protobuf. Without a path /v1/traces is meant."},
		{groupTrace, "trace-sample", "0.001", &share{p: &c.TraceSample},
			"Share of requests that are traced, chosen by chance."},
		{groupTrace, "trace-trust", "", prefixes(&c.TraceTrust),
			"Clients whose traceparent decides: their requests are traced if it says sampled, within that trace, and not if it says otherwise. The client is the one of the access log: a proxy that makes traces for all clients needs `0.0.0.0/0, ::/0`, if nothing else reaches the server. A stranger's trace is linked."},

		{groupProc, "memory-limit", "0", &size{p: &c.MemoryLimit, zero: "the most that the other settings allow, as the log says at the start", min: minMemory, max: math.MaxInt64},
			"Soft limit on the memory of the Go runtime: the garbage collector works harder near it."},
		{groupProc, "tls-buffers", "auto", &choice{p: &c.TLSBuffers, of: []string{"auto", "off"}},
			"Whether TLS records are put into the buffers of Go's crypto/tls directly, which saves an allocation for each record and 5 KiB for each connection. auto: with the releases of Go that this was tested with. off: never."},
		{groupProc, "pid-file", "", &text{p: &c.PIDFile, what: "a file", empty: "none"},
			"File with the number of the process that serves: after an upgrade it is the successor's."},
		{groupProc, "log-format", "text", &choice{p: &c.LogFormat, of: []string{"text", "json"}},
			"Form of the log on standard error."},
		{groupProc, "log-level", "info", &level{p: &c.LogLevel},
			"Least important messages that are logged."},
		{groupProc, configKey, "", &text{p: &c.File, what: "a YAML file of at most 1 MiB", empty: "none"},
			"File with further settings, one `key: value` a line. Not a key of the file itself."},
		{groupProc, "config-watch", "0s", &span{p: &c.FileWatch, zero: "never", min: minWatch, max: maxTime},
			"How often the file is looked at; one that has changed, and then stayed as it is from one look to the next, is loaded as by SIGHUP."},
	}
}
