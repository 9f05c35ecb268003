package main

import (
	"fmt"
	"log/slog"
	"math"
	"math/bits"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/acme"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/h3"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/redirect"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// Parts of the bound. If one is a constant of a package that does not export it,
// TestBoundsAreThoseOfTheCode compares both.
const (
	// idleConnection is the goal of the row "idle" in docs/benchmarks.md,
	// which measures 11 to 12.6 KiB.
	idleConnection = 14 << 10

	// idleQUIC is the same of QUIC: 57 KiB measured, most of it quic-go's.
	idleQUIC = 64 << 10

	// quicPackets are packets that have come for a connection and are not read yet:
	// quic-go keeps 256, in buffers of 1,452 bytes.
	quicPackets = 256 * 1452

	// headBytes is what a stream takes whose head is being read, beside the head: its
	// goroutine, a buffer of 4 KiB, quic-go's two halves.
	headBytes = 16 << 10

	// lastBytes is what quic-go keeps of a stream until its last packet is
	// acknowledged.
	lastBytes = 4 << 10

	// programBytes is the program with its tables and what rests: 15 MiB
	// measured as resident before the first connection; the stacks of 256
	// handlers that rest, and the live page's samples.
	programBytes = 24 << 20

	// uncounted is the part of the program that the runtime's limit does not
	// count: the file that it was started from, 11 MiB of it in memory, and
	// what that limit, a soft one, is exceeded by.
	uncounted = 20 << 20

	// quicFragment is what quic-go keeps of a frame of one byte that came out of
	// order: its place in a map that grows by doubling, and the byte.
	quicFragment = 125

	// quicMessage is what quic-go takes of messages of TLS before they are complete,
	// at each level of encryption: in the handshake there are two, then one.
	quicMessage = 16 << 10

	// turnBytes are the buffers of a turn, one for each core.
	turnBytes = 320 << 10

	// recordBytes is a buffer of the access log, if there is one. There is a
	// power of two of them that is enough for the cores, and one more:
	// recordBuffers at most.
	recordBytes   = 1 << 20
	recordBuffers = 9

	// readingBytes is what files that are being read take at most, or one
	// file of each site.
	readingBytes = 64 << 20

	// handshakeBytes is a handshake in progress: its ClientHello of 16 KiB, or
	// another message in a buffer of twice that, a stack of 16 KiB, keys and
	// certificates.
	handshakeBytes = 64 << 10

	// upstreamBytes is what a request at an upstream takes beside what counts:
	// a response head of 64 KiB, twice, each in a buffer that grew by quarters:
	// as it came, and as net/http reads it into fields or, for Expect, is to
	// get it whole; three goroutines with stacks of 8 KiB, and two buffers of
	// 4 KiB.
	upstreamBytes = (2*88 + 24 + 8) << 10

	// partBytes is a TLS record (RFC 8446 §5.2) and an HTTP/2 frame (RFC 9113
	// §4.2), of which parts have come, each in a buffer with a quarter to spare.
	partBytes = (16<<10 + 256 + 5 + 16<<10 + 9) * 5 / 4

	// tableBytes is both HPACK tables of 4 KiB, with a word for each 32 bytes
	// (RFC 7541 §4.1), and four requests that are remembered, of 512 bytes,
	// with their replies.
	tableBytes = 16 << 10

	// aboutBytes and aboutShort are the requests that wait for their records,
	// if there is an access log: in full, and then cut for each stream.
	aboutBytes = 64 << 10
	aboutShort = 256

	// certificateBytes are the certificates of a client, if one is asked for, the
	// message of 16 KiB that they were in, and the subject's text.
	certificateBytes = certs.MaxHeld + 16<<10 + certs.MaxSubject

	// placeBytes is a stream's places in a connection's tables: the map, the
	// queue, the ring of resets.
	placeBytes = 64
)

// row is one part of a sum.
type row struct {
	what  string
	bytes int64
}

// bound is the most memory that clients can make the server use.
type bound struct {
	connection []row
	quic       []row // a connection of HTTP/3, instead; nil: there is none
	base       []row // without connections
	conns      int
	counted    int64 // what counts in cache-bytes, and what counting misses
}

// readingOf is how many bytes of files each site with a root may read at once: a
// small cache has no use for many.
func readingOf(cfg *config.Config, roots int) int64 {
	return max(min(readingBytes, cfg.CacheBytes/4)/int64(roots), cfg.LargestStored())
}

// boundOf adds up the limits of a configuration, with the descriptors and the cores
// that there are.
func boundOf(cfg *config.Config, d *descriptors, cores int) bound {
	roots, upstreams := parts(cfg)
	reading := int64(0)
	if roots > 0 {
		reading = int64(roots) * readingOf(cfg, roots)
	}
	streams := int64(cfg.MaxStreams)
	b := bound{
		conns: d.conns,
		connection: []row{
			{"idle: TLS state, engine, goroutine", idleConnection},
			{"part of a record, part of a frame", partBytes},
			{"a header block that is not complete: 2 × `max-header-bytes`, in a buffer that grew by quarters", 2 * cfg.MaxHeaderBytes * 5 / 4},
			{"HPACK's tables, and requests that are remembered", tableBytes},
			{"places of streams in tables: `max-streams`", streams * placeBytes},
			{"requests that wait for their record in the access log or in a trace", aboutBytes + streams*aboutShort},
		},
		base: []row{
			{"the program", programBytes},
			{"buffers of turns, by cores", int64(cores) * turnBytes},
			{"files being read into memory: 64 MiB, or a quarter of `cache-bytes`, or one of `max-stored` for each site", reading},
			{"handshakes: `max-handshakes`", int64(cfg.MaxHandshakes) * handshakeBytes},
			{"requests at upstreams: 512 each", int64(upstreams) * int64(d.upstream) * upstreamBytes},
		},
		// Beside what counts are the headers of objects, and what the
		// allocator rounds up.
		counted: saturated(1.05 * float64(cfg.CacheBytes)),
	}
	if cfg.HTTPAddr != "" {
		b.base = append(b.base, row{"connections to `http-addr`", redirect.MaxConns * redirect.ConnBytes})
	}
	if cfg.ACME.Directory != "" {
		b.base = append(b.base, row{"orders of certificates: `acme-directory`", acme.Bytes})
	}
	if cfg.HasPages() {
		b.base = append(b.base, row{"pages of errors, those before a reload too: `errors.pages`", 2 * config.MaxPages})
	}
	if cfg.LimitRequests > 0 || cfg.LimitHandshakes > 0 {
		b.base = append(b.base, row{"the table of limits: `limit-clients`", limit.TableBytes(cfg.LimitClients)})
	}
	if cfg.HTTP3 == "on" {
		b.quic = quicRows(cfg)
		b.base = append(b.base, row{"handshakes of QUIC: `max-handshakes`", int64(cfg.MaxHandshakes) * (handshakeBytes + 2*quicMessage*quicFragment)})
	}
	if cfg.AccessLog == string(access.Off) && cfg.OTLPEndpoint == "" {
		b.connection = b.connection[:len(b.connection)-1]
		b.quic = b.quic[:max(0, len(b.quic)-1)]
	}
	if cfg.AccessLog != string(access.Off) {
		buffers := min(1<<bits.Len(uint(cores-1)), recordBuffers-1) + 1
		b.base = append(b.base, row{"buffers of the access log", int64(buffers) * recordBytes})
	}
	if cfg.OTLPEndpoint != "" {
		b.base = append(b.base, row{"spans that wait for the collector", traces.QueueBytes})
	}
	for i := range cfg.Sites {
		if cfg.Sites[i].ClientCA != "" {
			certificates := row{"certificates of the client: `client-ca`", certificateBytes}
			b.connection = append(b.connection, certificates)
			if b.quic != nil {
				b.quic = append(b.quic, certificates)
			}
			break
		}
	}
	return b
}

// each is the most of one connection.
func (b *bound) each() int64 { return max(sum(b.connection), sum(b.quic)) }

// quicRows are what a connection of HTTP/3 may hold beside what counts.
func quicRows(cfg *config.Config) []row {
	streams := int64(cfg.MaxStreams)
	return []row{
		{"idle: TLS state, QUIC's, engine, goroutines", idleQUIC},
		{"packets that are not read yet", quicPackets},
		{"content, before more of it counts, and a message of TLS: in frames of one byte, out of order", (h3.FirstConnWindow + quicMessage) * quicFragment},
		{"what is sent and not acknowledged, before more of it counts", h3.FlightFrom},
		{"heads that are being read, 8 at once: 2 × `max-header-bytes`, in a buffer that grew by quarters", h3.HeadsAtOnce * (headBytes + 2*cfg.MaxHeaderBytes*5/4)},
		{"streams whose end is not acknowledged: `max-streams`", streams * lastBytes},
		{"requests that wait for their record in the access log or in a trace", streams * access.MaxRequest},
	}
}

func sum(rows []row) (n int64) {
	for _, r := range rows {
		n += r.bytes
	}
	return n
}

// total is the bound in bytes.
func (b *bound) total() int64 {
	return saturated(float64(b.conns)*float64(b.each()) + float64(sum(b.base)) + float64(b.counted))
}

// saturated is n in bytes, or the largest number there is.
func saturated(n float64) int64 {
	if n >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(n)
}

// bounds keep the process to what its configuration allows.
type bounds struct {
	ledger *memory.Ledger
	log    *slog.Logger
	total  int64
	end    func()
}

func newBounds(cfg config.Config, d *descriptors, ledger *memory.Ledger, log *slog.Logger) *bounds {
	b := &bounds{ledger: ledger, log: log, end: func() {}}
	b.change(cfg, d)
	return b
}

// change bounds the memory anew if a configuration allows more or less, and says
// if its limit is less.
func (b *bounds) change(cfg config.Config, d *descriptors) {
	of := boundOf(&cfg, d, runtime.GOMAXPROCS(0))
	if total := of.total(); total != b.total {
		b.end()
		b.total = total
		boundMemory(&cfg, &of, b.log)
		b.end = memory.LimitGarbage(b.ledger)
	}
	if w := of.warning(&cfg); w != nil {
		b.log.Warn("memory: memory-limit is less than clients can make it use", "setting", w.Error())
	}
}

// boundMemory says what the bound is, and has the garbage collector keep to it,
// however much garbage it lets be otherwise. A limit that is set already, by the
// setting or by GOMEMLIMIT, stays.
func boundMemory(cfg *config.Config, b *bound, log *slog.Logger) {
	limit := b.total() - uncounted
	if cfg.MemoryLimit > 0 {
		limit = cfg.MemoryLimit
	} else if os.Getenv("GOMEMLIMIT") != "" {
		limit = debug.SetMemoryLimit(-1) // which only reads it
	}
	debug.SetMemoryLimit(limit)
	log.Info("memory: the most that clients can make it use", "bytes", b.total(),
		"base", sum(b.base), "connections", b.conns, "each", b.each(), "cache", b.counted, "limit", limit)
}

// warning is that memory-limit is less than what it counts of the bound: the
// garbage collector would run all the time before clients have all that they may
// have. nil: it is not, or there is no limit.
func (b *bound) warning(cfg *config.Config) *config.Error {
	counted := b.total() - uncounted
	if cfg.MemoryLimit == 0 || cfg.MemoryLimit >= counted {
		return nil
	}
	allowed := fmt.Sprintf("%s, or a smaller max-conns, now %d, or cache-bytes, now %s", mebibytes(counted), cfg.MaxConns, mebibytes(cfg.CacheBytes))
	if fit := (cfg.MemoryLimit + uncounted - sum(b.base) - b.counted) / b.each(); fit >= leastConns {
		allowed += fmt.Sprintf(" (did you mean max-conns %d?)", fit)
	}
	return cfg.About("memory-limit", fmt.Sprintf("is less than the %s that clients can make the Go runtime use, of %s for the process", mebibytes(counted), mebibytes(b.total())), allowed)
}

// mebibytes is n as a setting has it, rounded up.
func mebibytes(n int64) string { return fmt.Sprintf("%dMiB", -(-n >> 20)) }

// memoryWarning is the warning about a configuration that is not started, with the
// descriptors that the start would divide.
func memoryWarning(cfg config.Config) *config.Error {
	files, err := listen.RaiseFileLimit()
	if err != nil {
		files = math.MaxUint64
	}
	d, err := divide(files, &cfg)
	if err != nil {
		return nil // the start fails, and no client makes it use anything
	}
	b := boundOf(&cfg, &d, runtime.GOMAXPROCS(0))
	return b.warning(&cfg)
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
		Bytes: [5]int64{
			metrics.MemoryStored:   stored,
			metrics.MemoryArriving: s.Arriving,
			metrics.MemorySending:  s.Lingering,
			metrics.MemoryBuffered: s.Buffered,
			metrics.MemoryAside:    s.Aside,
		},
		Cuts: s.Cuts,
	}
}
