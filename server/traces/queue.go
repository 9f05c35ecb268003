package traces

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
)

const (
	// maxWaiting is how many spans wait for the collector: those of some
	// hundred requests a second, for as long as sendTimeout.
	maxWaiting = 1024

	// maxBatch is how many are sent at once: a body below 1 MiB.
	maxBatch = 256

	// linger is how long a span waits for others.
	linger = time.Second

	// sendTimeout is how long a batch may take, from connecting to the end of
	// the answer. The specification's default is twice that, for collectors
	// that are far away.
	sendTimeout = 5 * time.Second

	// SpanBytes is about the most that a span takes, with its events; and
	// QueueBytes what all that wait or are being sent take.
	SpanBytes  = 4 << 10
	QueueBytes = (maxWaiting + 2*maxBatch) * SpanBytes
)

// queue is the bounded memory between requests and the collector. It implements
// sdktrace.SpanProcessor; the SDK's own has no count of what it drops and cannot
// change its exporter.
type queue struct {
	spans     chan sdktrace.ReadOnlySpan
	exporter  *otlptrace.Exporter
	collector *collector
	metrics   *metrics.Hotpath
	log       *slog.Logger
	failed    limit.PerSecond

	sending context.Context // of all that is sent
	giveUp  context.CancelFunc
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	lost    int // valid when stopped is closed
}

var _ sdktrace.SpanProcessor = (*queue)(nil)

func newQueue(m *metrics.Hotpath, log *slog.Logger) *queue {
	c := newCollector()
	q := &queue{
		spans:    make(chan sdktrace.ReadOnlySpan, maxWaiting),
		exporter: otlptrace.NewUnstarted(c), collector: c,
		metrics: m, log: log,
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	q.sending, q.giveUp = context.WithCancel(context.Background())
	go q.run()
	return q
}

// OnStart implements sdktrace.SpanProcessor.
func (q *queue) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor. It never waits.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	select {
	case q.spans <- s:
	default:
		q.count(metrics.SpanDropped, 1)
	}
}

// Shutdown implements sdktrace.SpanProcessor.
func (q *queue) Shutdown(ctx context.Context) error { q.close(ctx); return nil }

// ForceFlush implements sdktrace.SpanProcessor; nothing here calls it.
func (q *queue) ForceFlush(context.Context) error { return nil }

// close sends what waits until ctx ends, and returns how many spans are lost for
// want of time. What ends afterwards is dropped.
func (q *queue) close(ctx context.Context) (lost int) {
	defer context.AfterFunc(ctx, q.giveUp)()
	q.once.Do(func() { close(q.stop) })
	<-q.stopped
	return q.lost
}

// run is the goroutine that sends.
func (q *queue) run() {
	defer close(q.stopped)
	defer q.collector.close()
	defer q.giveUp()
	batch := make([]sdktrace.ReadOnlySpan, 0, maxBatch)
	for {
		var due <-chan time.Time
		for len(batch) < maxBatch {
			select {
			case s := <-q.spans:
				batch = append(batch, s)
				if due == nil {
					due = time.After(linger)
				}
				continue
			case <-due:
			case <-q.stop:
				q.flush(batch)
				return
			}
			break
		}
		batch, _ = q.send(batch)
	}
}

// flush sends batch and all that waits, until there is no time left or one fails: a
// stop waits for no collector that does not answer.
func (q *queue) flush(batch []sdktrace.ReadOnlySpan) {
	for failed := false; ; {
		for len(batch) < maxBatch && len(q.spans) > 0 {
			batch = append(batch, <-q.spans)
		}
		if len(batch) == 0 {
			return
		}
		if q.sending.Err() != nil || failed {
			q.lost = len(batch) + len(q.spans)
			q.count(metrics.SpanDropped, uint64(q.lost))
			return
		}
		batch, failed = q.send(batch)
	}
}

// send sends a batch once, and returns its memory and whether it has failed: spans are a sample, and those
// that would wait for another try would cost the next ones their place.
func (q *queue) send(batch []sdktrace.ReadOnlySpan) (free []sdktrace.ReadOnlySpan, failed bool) {
	ctx, cancel := context.WithTimeout(q.sending, sendTimeout)
	defer cancel()
	n := uint64(len(batch))
	err := q.exporter.ExportSpans(ctx, batch)
	if err != nil {
		q.count(metrics.SpanFailed, n)
		if withheld, ok := q.failed.Allow(causeOf(err), time.Now()); ok {
			q.log.Warn("sending traces to the collector", "err", err, "spans", n, "withheld", withheld)
		}
	} else {
		q.count(metrics.SpanExported, n)
	}
	clear(batch)
	return batch[:0], err != nil
}

func (q *queue) count(outcome metrics.SpanOutcome, n uint64) {
	q.metrics.TraceSpans.Add(q.metrics.Stripe(), outcome, n)
}
