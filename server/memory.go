package main

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/memory"
)

// What clients can make the server hold beside what counts within cache-bytes; the
// sums of docs/operations.md. Each is the bound of a budget, not what is usual.
const (
	// programBytes is the program itself with its tables, the buffers of
	// turns, the access log's and the live page's: 64 MiB on 16 cores.
	programBytes = 64 << 20

	// readingBytes is what files being read take, which the origin bounds to
	// as much, or one file.
	readingBytes = 64 << 20

	// handshakeBytes is a handshake in progress: its ClientHello, a stack of
	// 16 KiB, keys and certificates.
	handshakeBytes = 48 << 10

	// idleBytes is a connection that does nothing.
	idleBytes = 11 << 10

	// partBytes is a TLS record and an HTTP/2 frame of which parts have come,
	// each of 16 KiB with what its protocol adds.
	partBytes = 2 * 18 << 10

	// tableBytes is both HPACK tables of 4 KiB with their indexes, and the
	// requests that are remembered.
	tableBytes = 24 << 10

	// aboutBytes is the requests that wait for their records, if there is an
	// access log.
	aboutBytes = 64 << 10

	// placeBytes is the places of one stream in a connection's tables, with a
	// request of its for the log that is cut short.
	placeBytes = 64 + 256
)

// bound is the most memory that clients can make the server use.
type bound struct {
	base       int64 // without connections
	connection int64 // for each
	counted    int64 // within cache-bytes, and the twentieth part that counts miss
	total      int64
}

func boundOf(cfg *config.Config, conns int) bound {
	b := bound{
		base:    programBytes + max(readingBytes, cfg.MaxStored) + int64(cfg.MaxHandshakes)*handshakeBytes,
		counted: saturated(1.05 * float64(cfg.CacheBytes)),
	}
	// A header block may be twice as long as the list, in a buffer that grew
	// by quarters.
	block := 2 * cfg.MaxHeaderBytes * 5 / 4
	b.connection = idleBytes + partBytes + tableBytes + block + int64(cfg.MaxStreams)*placeBytes
	if cfg.AccessLog != string(access.Off) {
		b.connection += aboutBytes
	}
	b.total = saturated(float64(b.base) + float64(conns)*float64(b.connection) + float64(b.counted))
	return b
}

// saturated is n in bytes, or the largest number there is.
func saturated(n float64) int64 {
	if n >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(n)
}

// boundMemory says what the bound is, and has the garbage collector keep to it:
// else garbage could be as much again. A limit that is set already, by the
// setting or by GOMEMLIMIT, stays.
func boundMemory(cfg *config.Config, conns int, log *slog.Logger) {
	b := boundOf(cfg, conns)
	limit := b.total
	if cfg.MemoryLimit > 0 {
		limit = cfg.MemoryLimit
	} else if os.Getenv("GOMEMLIMIT") != "" {
		limit = debug.SetMemoryLimit(-1) // which asks
	}
	debug.SetMemoryLimit(limit)
	log.Info("memory: the most that clients can make it use", "bytes", b.total,
		"base", b.base, "connections", conns, "each", b.connection, "cache", b.counted, "limit", limit)
}

// backlogs has what sockets do not take count in the ledger.
type backlogs struct{ ledger *memory.Ledger }

// Join implements wire.Budget.
func (b backlogs) Join(cut func()) wire.Share { return b.ledger.Join(cutter(cut), nil, time.Now()) }

// cutter is a function as a memory.Sender.
type cutter func()

// Cut implements memory.Sender.
func (c cutter) Cut(*memory.Ticket) { c() }

// shortages are what the log says of a lack of memory, by its cause.
var shortages = [...]string{
	memory.Cut:       "memory: cache-bytes is reached; responses to the slowest clients were cut",
	memory.Full:      "memory: cache-bytes is reached; something was refused for lack of it",
	memory.Exchanges: "memory: requests in progress take half of cache-bytes; more were refused",
}

// watchMemory logs what a lack of memory leads to, each cause once a second.
func watchMemory(l *memory.Ledger, log *slog.Logger) {
	perSecond := new(limit.PerSecond)
	l.Watch(func(c memory.Cause) {
		if withheld, ok := perSecond.Allow(shortages[c], time.Now()); ok {
			log.Warn(shortages[c], "withheld", withheld)
		}
	})
}

func memoryStats(l *memory.Ledger, stored int64) metrics.MemoryStats {
	s := l.Stats()
	return metrics.MemoryStats{
		Bytes: [4]int64{
			metrics.MemoryStored:   stored,
			metrics.MemoryArriving: s.Arriving,
			metrics.MemorySending:  s.Lingering,
			metrics.MemoryBuffered: s.Buffered,
		},
		Cuts: s.Cuts,
	}
}
