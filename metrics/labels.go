package metrics

// What a response was answered with, in three labels.
type (
	// Protocol is what carried a request.
	Protocol uint8
	// Class is the class of a response's status (RFC 9110 §15).
	Class uint8
	// CacheResult is how the cache took part in an answer.
	CacheResult uint8
)

const (
	H1 Protocol = iota // HTTP/1.x
	H2                 // HTTP/2
	H3                 // HTTP/3
)

const (
	Class1xx Class = iota
	Class2xx
	Class3xx
	Class4xx
	Class5xx
)

// ClassOf returns the class of a status from 100 to 599; any other counts as
// the server's error that it is.
func ClassOf(status int) Class {
	if status < 100 || status > 599 {
		return Class5xx
	}
	return Class(status/100 - 1)
}

const (
	Hit    CacheResult = iota // answered from memory
	Miss                      // could have been, had it been stored
	Bypass                    // the store has no part in it: a POST, an upgrade, what is too large to store, a refusal of the engine
)

// String returns the label's value.
func (o FetchOutcome) String() string { return fetchLabel.Values[o] }

// String returns the label's value.
func (c Coding) String() string { return codingLabel.Values[c] }

// String returns the label's value.
func (l Limit) String() string { return limitLabel.Values[l] }

// String returns the label's value.
func (r RefuseReason) String() string { return refuseLabel.Values[r] }

// String returns the label's value.
func (k LimitedKind) String() string { return limitedLabel.Values[k] }

// String returns the label's value.
func (m LimitMode) String() string { return limitModeLabel.Values[m] }

// String returns the label's value.
func (f PurgeForm) String() string { return purgeLabel.Values[f] }

// String returns the label's value.
func (o ReloadOutcome) String() string { return reloadLabel.Values[o] }

// String returns the label's value.
func (r CacheResult) String() string { return cacheLabel.Values[r] }

// ConnState is what a connection is doing.
type ConnState uint8

const (
	StateHandshake ConnState = iota // accepted, TLS not yet agreed
	StateH1                         // on the own HTTP/1.1 loop
	StateH2
	StateH3
)

// CloseReason is why a connection ended.
type CloseReason uint8

const (
	ClosePeer    CloseReason = iota // the peer closed it
	CloseIdle                       // nothing to do for the idle limit
	CloseTimeout                    // any other deadline
	CloseError                      // a read, write or protocol error
	CloseDrain                      // we are stopping
	CloseLimit                      // the peer broke a limit
)

// RefuseReason is why a connection was closed as soon as it was accepted.
type RefuseReason uint8

const (
	RefusePermits     RefuseReason = iota // all connection permits taken
	RefuseHandshakes                      // no place among the handshakes, or it was needed for others
	RefuseDescriptors                     // out of file descriptors
)

// ProxyOutcome is what came of a PROXY header, or of a missing one.
type ProxyOutcome uint8

const (
	ProxyNamed     ProxyOutcome = iota // it named the client
	ProxyLocal                         // it named none: the client is the peer
	ProxyMissing                       // a trusted peer began with something else
	ProxyMalformed                     // or with one that cannot be read
	ProxyStranger                      // a peer that is not trusted began with one
)

type (
	// TLSVersion is the version that a handshake agreed on.
	TLSVersion uint8
	// HandshakeOutcome is how a handshake ended.
	HandshakeOutcome uint8
)

const (
	TLSNone TLSVersion = iota // it ended before a version was agreed
	TLS12
	TLS13
)

const (
	HandshakeOK HandshakeOutcome = iota
	HandshakeTimeout
	HandshakeError
)

// Side is the end of the connection that did it.
type Side uint8

const (
	ByPeer Side = iota
	ByUs
)

type (
	// ErrorCode is an HTTP/2 error code; its values up to HTTP11Required
	// are those on the wire (RFC 9113 §7). Errors of HTTP/3 count as those that
	// say the same.
	ErrorCode uint8
	// Scope is what an HTTP/2 error ends (RFC 9113 §5.4).
	Scope uint8
)

const (
	NoError ErrorCode = iota
	ProtocolError
	InternalError
	FlowControlError
	SettingsTimeout
	StreamClosed
	FrameSizeError
	RefusedStream
	Cancel
	CompressionError
	ConnectError
	EnhanceYourCalm
	InadequateSecurity
	HTTP11Required
	UnknownError // any other code from a peer
)

// ErrorCodeOf returns the label of a code on the wire.
func ErrorCodeOf(wire uint32) ErrorCode {
	return ErrorCode(min(wire, uint32(UnknownError)))
}

const (
	ScopeStream Scope = iota
	ScopeConnection
)

// Limit is a budget that a peer used up.
type Limit uint8

const (
	LimitHeaderList Limit = iota
	LimitHeaderBlock
	LimitContinuation
	LimitEarlyReset
	LimitControlFrames
	LimitControlQueue
	LimitOutputBuffer
	LimitHandshakeTimeout
	LimitHeadTimeout
	LimitIdleTimeout
	LimitWriteTimeout
	LimitBodyTimeout
	LimitConcurrentStreams
	LimitBodySize
	LimitHelloTimeout // a ClientHello did not come, or not whole
	LimitHelloSize    // a ClientHello was too large
	LimitOutputMemory // no memory for what a connection does not read
	LimitBodyMemory   // no memory for a request's body that is not read yet
	LimitExchanges    // handlers of all connections
	LimitPasswords    // passwords that wait to be verified
	LimitRedirects    // connections to the plain HTTP listener
)

// LimitedKind is what a client did beyond its limit.
type LimitedKind uint8

const (
	LimitedConnections LimitedKind = iota
	LimitedHandshakes
	LimitedRequests
)

// LimitMode is what became of that.
type LimitMode uint8

const (
	LimitRefuse LimitMode = iota
	LimitDryRun           // it was let pass
)

// Eviction is why an entry left the cache, other than by expiry.
type Eviction uint8

const (
	EvictCapacity Eviction = iota // more entries than the limit
	EvictBytes                    // more bytes than the limit
	EvictReplaced                 // a newer value under the same key
	EvictRemoved                  // purged
)

// Memory is what bytes are held for, of those within one limit.
type Memory uint8

const (
	MemoryStored   Memory = iota // entries of the cache
	MemoryArriving               // bodies that are being received
	MemorySending                // bodies that left the cache and are still being sent
	MemoryBuffered               // output that waits for its peer
	MemoryAside                  // set aside for the runtime: garbage, tables
)

type (
	// FetchOutcome is how a fetch from the origin ended.
	FetchOutcome uint8
	// RevalidationOutcome is what asking the origin about a stale entry
	// showed.
	RevalidationOutcome uint8
)

const (
	FetchOK       FetchOutcome = iota
	FetchNotFound              // the origin answered that there is no such thing
	FetchRefused               // all fetch permits taken
	FetchTimeout
	FetchCanceled // no request waited for it any more
	FetchError
)

const (
	RevalidationSame RevalidationOutcome = iota
	RevalidationChanged
	RevalidationError
)

type (
	// Coding is a content coding that is made.
	Coding uint8
	// CompressionResult is what came of a content that was to be compressed.
	CompressionResult uint8
)

const (
	CodingBrotli Coding = iota
	CodingZstd
	CodingGzip
	CodingDcz // Zstandard with a dictionary
	CodingDcb // Brotli with one
)

const (
	CompressionMade    CompressionResult = iota // it is stored beside the content
	CompressionNoGain                           // it would be hardly smaller
	CompressionDropped                          // too many wait
	CompressionNoRoom                           // no memory for it
	CompressionGone                             // what is stored has left, or another is in its place
	CompressionFailed
)

// Reason is a decision about a request or the origin's answer to it, as numbered
// by [Options].Reasons.
type Reason uint8

// LogOutcome is what became of a record for the access log.
type LogOutcome uint8

const (
	LogWritten LogOutcome = iota
	LogDropped            // no room: the writer is behind, or the file grows as fast as it may
	LogFailed             // the file did not take it
)

// SpanOutcome is what became of a span of a trace.
type SpanOutcome uint8

const (
	SpanExported SpanOutcome = iota // the collector took it
	SpanDropped                     // no room: the collector is behind, or there was no time at the stop
	SpanFailed                      // the collector did not take it
)

// ReloadOutcome is what became of a reload.
type ReloadOutcome uint8

const (
	ReloadApplied ReloadOutcome = iota
	ReloadInvalid               // it cannot be read, or is not valid
	ReloadRestart               // a setting has changed that needs a restart
	ReloadRefused               // the server is starting, or draining
)

// PurgeForm is what a purge names.
type PurgeForm uint8

const (
	PurgeURL PurgeForm = iota
	PurgePrefix
	PurgeHost
	PurgeTag
	PurgeGroup // by an answer to an unsafe request (RFC 9875)
	PurgeAll
)

// ACMEOutcome is what became of an attempt to obtain a certificate.
type ACMEOutcome uint8

const (
	ACMEObtained    ACMEOutcome = iota
	ACMERenewed                 // there was one before
	ACMEUnreachable             // the authority is down, slow, or fails
	ACMELimited                 // the authority's rate limits
	ACMERefused                 // the authority certifies no such name
	ACMEUnproven                // it could not see that the name is ours
	ACMEAccount                 // it has something against the account
	ACMEHook                    // the program that changes DNS has failed
	ACMEFiles                   // the storage, or a file of the settings
	ACMEOther
)

// String is the label's value.
func (o ACMEOutcome) String() string { return acmeLabel.Values[o] }

// The labels, values in the order of the constants above.
var (
	protocolLabel     = Label{"protocol", []string{"h1", "h2", "h3"}}
	classLabel        = Label{"class", []string{"1xx", "2xx", "3xx", "4xx", "5xx"}}
	cacheLabel        = Label{"cache", []string{"hit", "miss", "bypass"}}
	stateLabel        = Label{"state", []string{"handshake", "h1", "h2", "h3"}}
	closeLabel        = Label{"reason", []string{"peer", "idle", "timeout", "error", "drain", "limit"}}
	refuseLabel       = Label{"reason", []string{"permits", "handshakes", "descriptors"}}
	proxyLabel        = Label{"outcome", []string{"named", "local", "missing", "malformed", "stranger"}}
	versionLabel      = Label{"version", []string{"none", "1.2", "1.3"}}
	handshakeLabel    = Label{"outcome", []string{"ok", "timeout", "error"}}
	sideLabel         = Label{"by", []string{"peer", "us"}}
	scopeLabel        = Label{"scope", []string{"stream", "connection"}}
	limitedLabel      = Label{"kind", []string{"connections", "handshakes", "requests"}}
	limitModeLabel    = Label{"mode", []string{"refuse", "dry_run"}}
	evictionLabel     = Label{"reason", []string{"capacity", "bytes", "replaced", "removed"}}
	memoryLabel       = Label{"kind", []string{"stored", "arriving", "sending", "buffered", "aside"}}
	lookupLabel       = Label{"result", []string{"hit", "miss"}}
	fetchLabel        = Label{"outcome", []string{"ok", "notfound", "refused", "timeout", "canceled", "error"}}
	revalidationLabel = Label{"outcome", []string{"same", "changed", "error"}}
	codingLabel       = Label{"coding", []string{"br", "zstd", "gzip", "dcz", "dcb"}}
	compressionLabel  = Label{"result", []string{"made", "no_gain", "dropped", "no_room", "gone", "failed"}}
	logLabel          = Label{"outcome", []string{"written", "dropped", "failed"}}
	spanLabel         = Label{"outcome", []string{"exported", "dropped", "failed"}}
	reloadLabel       = Label{"outcome", []string{"applied", "invalid", "restart", "refused"}}
	purgeLabel        = Label{"form", []string{"url", "prefix", "host", "tag", "group", "all"}}
	acmeLabel         = Label{"outcome", []string{"obtained", "renewed", "unreachable", "limited", "refused", "unproven", "account", "hook", "files", "other"}}
	codeLabel         = Label{"code", []string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
		"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
		"CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED", "UNKNOWN",
	}}
	limitLabel = Label{"limit", []string{
		"header_list", "header_block", "continuation", "early_reset", "control_frames",
		"control_queue", "output_buffer", "handshake_timeout", "head_timeout", "idle_timeout",
		"write_timeout", "body_timeout", "concurrent_streams", "body_size",
		"hello_timeout", "hello_size", "output_memory", "body_memory", "exchanges", "passwords",
		"redirect_connections",
	}}
)
