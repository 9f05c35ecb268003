package h2

import (
	"log/slog"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// Config is what all connections share. It must not change while one lives.
type Config struct {
	Source  message.Source  // the fast path
	Handler message.Handler // the second
	Metrics *metrics.Hotpath
	Log     *slog.Logger
	Access  *access.Recorder   // nil: no access log and no hottest keys
	Client  message.ClientFunc // the client of a request
	Limits  Limits

	// PerClient limits the requests of a client, on all its connections
	// together; nil: it does not.
	PerClient *perclient.Requests

	// Crew has the goroutines of handlers; nil: each has a new one.
	Crew   *relay.Crew
	Ledger *memory.Ledger // nil: memory is not counted
}

// env is what handlers share.
func (cfg *Config) env() relay.Env {
	return relay.Env{Handler: cfg.Handler, Metrics: cfg.Metrics, Log: cfg.Log}
}

// Limits are the budgets of one peer. All are required.
type Limits struct {
	Streams       int           // concurrent streams
	HeaderBytes   int           // of a decoded header list, RFC 9113 §6.5.2
	HeaderFields  int           // in a header list, cookie crumbs counted
	Continuations int           // CONTINUATION frames in a header block
	BodyBytes     int64         // of a request's body
	OutputBytes   int           // encrypted and not taken by the peer: then we stop reading
	Resets        int           // streams that end early because of the peer
	ResetsPerSec  int           // and how fast that is given back
	Control       int           // frames that serve no response, see useless
	ControlPerSec int           // and how fast that is given back
	ControlQueue  int           // answers to control frames kept for a peer that does not read
	Head          time.Duration // for a whole header block, or any other frame but DATA
	Idle          time.Duration // without a stream
	Progress      time.Duration // for Quantum bytes of a body, in or out
	TunnelIdle    time.Duration // of a tunnel without a byte either way
	Quantum       int           // bytes that the peer has to move in each Progress, or all that there is
}

const (
	// updateUnit is how much content of ours earns the peer a WINDOW_UPDATE for
	// the stream and one for the connection: Go's client sends both for every
	// 4 KiB that is read. A DATA frame that is shorter earns them too.
	updateUnit = 4 << 10

	// headerBlockFactor bounds a header block in HPACK by the decoded limit.
	// Huffman code is at most 30/8 as long as its text, but then no sane
	// encoder uses it.
	headerBlockFactor = 2

	// lateBody and lateTime are how much of a request's body may come after
	// its answer, in bytes and time, before we ask for an end of it: small
	// uploads are over by then, and large ones are not carried on for nothing.
	lateBody = 64 << 10
	lateTime = time.Second

	// connWindow is how much a peer may send on a connection before a handler
	// has read it, and streamWindow on a stream (RFC 9113 §6.9): the memory
	// that a peer can make us hold for bodies.
	connWindow   = 256 << 10
	streamWindow = 128 << 10

	// streamBytes is what a stream counts for in the ledger that outlives its
	// turn and has no handler: the stream with its ticket and its places in
	// tables, half of it, and the slices of several ranges.
	streamBytes = 1 << 10

	// pingAfter is how long a connection with open streams may be silent
	// before we send a PING, and pongWithin how long the peer has for an
	// answer.
	pingAfter  = 60 * time.Second
	pongWithin = 15 * time.Second
)

// rate is the least at which bodies have to move.
func (l *Limits) rate() limit.Rate { return limit.Rate{Within: l.Progress, Quantum: l.Quantum} }
