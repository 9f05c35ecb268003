package h2

import (
	"log/slog"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// Config is what all connections share. It must not change while one lives.
type Config struct {
	Source  message.Source  // the first door
	Handler message.Handler // the second
	Metrics *metrics.Hotpath
	Log     *slog.Logger
	Access  *access.Recorder // nil: no access log and no hottest keys
	Limits  Limits

	// Crew has the goroutines of handlers; nil: each has a new one.
	Crew   *relay.Crew
	Ledger *memory.Ledger // nil: memory is not counted
}

// env is what handlers share.
func (cfg *Config) env() relay.Env {
	return relay.Env{Handler: cfg.Handler, Metrics: cfg.Metrics, Log: cfg.Log, Ledger: cfg.Ledger}
}

// Limits are the budgets of one peer. Zero means the default, in brackets.
type Limits struct {
	Streams       int           // concurrent streams [250]
	HeaderBytes   int           // of a decoded header list, RFC 9113 §6.5.2 [16 KiB]
	HeaderFields  int           // in a header list, cookie crumbs counted [128]
	Continuations int           // CONTINUATION frames in a header block [8]
	BodyBytes     int64         // of a request's body [16 MiB]
	OutputBytes   int           // encrypted and not taken by the peer: then we stop reading [256 KiB]
	Resets        int           // streams that end early because of the peer [200]
	ResetsPerSec  int           // and how fast that is given back [33]
	Control       int           // frames that serve no response, see useless [1000]
	ControlPerSec int           // and how fast that is given back [100]
	ControlQueue  int           // answers to control frames kept for a peer that does not read [1000]
	Head          time.Duration // for a whole header block, or any other frame but DATA [10 s]
	Idle          time.Duration // without a stream [60 s]
	Progress      time.Duration // for Quantum bytes of a body, in or out [30 s]
	TunnelIdle    time.Duration // of a tunnel without a byte either way [10 min]
	Quantum       int           // bytes that the peer has to move in each Progress, or all that there is [30 KiB]
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
	// before we ask whether the peer lives, and pongWithin how long it has
	// for an answer.
	pingAfter  = 60 * time.Second
	pongWithin = 15 * time.Second
)

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	return Limits{
		Streams:       orDefault(l.Streams, 250),
		HeaderBytes:   orDefault(l.HeaderBytes, 16<<10),
		HeaderFields:  orDefault(l.HeaderFields, 128),
		Continuations: orDefault(l.Continuations, 8),
		BodyBytes:     orDefault(l.BodyBytes, 16<<20),
		OutputBytes:   orDefault(l.OutputBytes, 256<<10),
		Resets:        orDefault(l.Resets, 200),
		ResetsPerSec:  orDefault(l.ResetsPerSec, 33),
		Control:       orDefault(l.Control, 1000),
		ControlPerSec: orDefault(l.ControlPerSec, 100),
		ControlQueue:  orDefault(l.ControlQueue, 1000),
		Head:          orDefault(l.Head, 10*time.Second),
		Idle:          orDefault(l.Idle, 60*time.Second),
		Progress:      orDefault(l.Progress, 30*time.Second),
		TunnelIdle:    orDefault(l.TunnelIdle, 10*time.Minute),
		Quantum:       orDefault(l.Quantum, 30<<10),
	}
}

// rate is the least at which bodies have to move.
func (l *Limits) rate() limit.Rate { return limit.Rate{Within: l.Progress, Quantum: l.Quantum} }
