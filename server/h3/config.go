package h3

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

	// Crew has the goroutines of streams and handlers; nil: each has a new one.
	Crew   *relay.Crew
	Ledger *memory.Ledger // nil: memory is not counted
}

// env is what handlers share.
func (cfg *Config) env() relay.Env {
	return relay.Env{Handler: cfg.Handler, Metrics: cfg.Metrics, Log: cfg.Log}
}

// Limits are the budgets of one peer. All are required.
type Limits struct {
	Streams       int           // concurrent requests, until their handlers have returned
	HeaderBytes   int           // of a decoded field section, RFC 9114 §4.2.2
	HeaderFields  int           // in a field section, cookie crumbs counted
	BodyBytes     int64         // of a request's body
	Resets        int           // streams that end early because of the peer
	ResetsPerSec  int           // and how fast that is given back
	Control       int           // frames and streams that serve no request
	ControlPerSec int           // and how fast that is given back
	Head          time.Duration // for a whole head
	Idle          time.Duration // without a request
	Progress      time.Duration // for Quantum bytes of a body, in or out
	TunnelIdle    time.Duration // of a tunnel without a byte either way
	Quantum       int           // bytes that the peer has to move in each Progress, or all that there is
}

// rate is the least at which bodies have to move.
func (l *Limits) rate() limit.Rate { return limit.Rate{Within: l.Progress, Quantum: l.Quantum} }

// What a peer may send before a handler has read it, for the parameters of QUIC
// (RFC 9000 §4): the first windows are the memory that it can make us hold for
// content without a look at the ledger. What is more counts there, see
// [Conn.Grow]; the most is that of package h2.
const (
	FirstStreamWindow = 32 << 10
	FirstConnWindow   = 64 << 10
	MaxStreamWindow   = 128 << 10
	MaxConnWindow     = 256 << 10

	// UniStreams is how many unidirectional streams a peer may have open: its
	// control stream, two of QPACK, and some that it opens to see whether we
	// ignore them (RFC 9114 §6.2.3).
	UniStreams = 8

	// HeadsAtOnce is how many heads are read at once on a connection: the streams
	// behind wait in quic-go, which has no more for them than the connection's
	// window. Heads mostly come whole, and each takes microseconds then.
	HeadsAtOnce = 8

	// FlightFrom is what a connection may have in flight before that counts, in
	// bytes: the first congestion window, 32 packets, which a small answer does not
	// exceed.
	FlightFrom = 64 << 10
)

const (
	// maxData is how much of a body is sent as one frame: what fits many packets,
	// and is no wait of the others.
	maxData = 16 << 10

	// headerBlockFactor bounds an encoded field section by the decoded limit, as in
	// package h2.
	headerBlockFactor = 2

	// readBuffer is what a stream reads at once: a head, but for large ones.
	readBuffer = 4 << 10

	// atOnce is what quic-go takes from a stream at once, in bytes, whatever its peer
	// has acknowledged: a packet's worth. For more a write may wait.
	atOnce = 1452

	// streamBytes is what a stream counts for in the ledger whose answer takes a
	// while, beside its head: its goroutine with 4 KiB of stack, quic-go's two
	// halves, a frame that is being filled, and what it reads into.
	streamBytes = 8<<10 + readBuffer

	// lateBody and lateTime are how much of a request's content may come after its
	// answer, in bytes and time, before we ask for an end of it (RFC 9114 §4.1):
	// small uploads are over by then, and large ones are not carried on for nothing.
	lateBody = 1 << 20
	lateTime = time.Second

	// maxUnknown is the longest frame of a type that we do not know. Those that
	// are sent to see whether we ignore them (RFC 9114 §7.2.8) are short.
	maxUnknown = 4 << 10
)
