package h1

import (
	"log/slog"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
	"github.com/e0ac7cd4/hotpath/server/stream"
)

// Config is what all connections share. It must not change while one lives. All
// fields but Access, Client, Ledger, PerClient and Crew are required.
type Config struct {
	Source  message.Source  // the fast path
	Handler message.Handler // the second
	Metrics *metrics.Hotpath
	Log     *slog.Logger
	Access  *access.Recorder   // nil: no access log
	Client  message.ClientFunc // the client of a request
	Ledger  *memory.Ledger     // nil: memory is not counted

	HeaderBytes  int           // of a request head, or of a trailer section
	HeaderFields int           // in one of them
	BodyBytes    int64         // of a request's content
	OutputBytes  int           // encrypted and not taken by the peer: then we stop reading
	Head         time.Duration // for a whole request head
	Idle         time.Duration // without a request
	BodyTimeout  time.Duration // for Quantum bytes of a request's content
	Quantum      int           // bytes
	TunnelIdle   time.Duration // without a byte in either direction of a tunnel

	// PerClient limits the requests of a client, on all its connections
	// together; nil: it does not.
	PerClient *perclient.Requests

	// Crew has the goroutines of handlers; nil: each has a new one.
	Crew *stream.Crew
}

// env is what handlers share.
func (cfg *Config) env() stream.Env {
	return stream.Env{Handler: cfg.Handler, Metrics: cfg.Metrics, Log: cfg.Log}
}

const (
	// inlineBody is how large a stored body may be to be appended in one
	// piece to a batch, in bytes.
	inlineBody = 16 << 10

	// turnBytes is how much content a turn sends before other connections
	// have theirs.
	turnBytes = 256 << 10

	// maxUnread is how much of a request's content is held for a handler that
	// has not read it: as much as it may write ahead of the peer, and four
	// records.
	maxUnread = 64 << 10

	// readAhead is how much is read behind a request that is being answered.
	// To read at all shows that the client is gone; a few requests that wait
	// fit in.
	readAhead = 4 << 10

	// freshTime is how long a connection that was just opened may wait for its
	// first request in a drain, and usedTime how long another may since its last:
	// some round trips, and what a client that is busy takes between two. After a
	// quarter of a second, POST requests of a client on a busy machine crossed with
	// the end of their connection.
	freshTime = time.Second
	usedTime  = time.Second

	// drainTime and drainBytes bound what is read, and dropped, of a content
	// that was not wanted, so that the connection can go on: as much as
	// net/http reads for that. A larger rest costs more than a new connection.
	drainTime  = time.Second
	drainBytes = 256 << 10
)
