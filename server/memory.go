package main

import (
	"log/slog"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
)

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
