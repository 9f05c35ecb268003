package traces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
)

// maxAnswer is how much of a collector's answer is read: it is a few bytes, and
// its connection is used again if that is all.
const maxAnswer = 64 << 10

// collector sends spans by OTLP over HTTP, in protobuf. It implements
// otlptrace.Client. The SDK's own, otlptracehttp, has gRPC and its gateway in it
// for the types of one message, 10 MB of program, reads up to 64 MiB of an answer,
// and cannot change its endpoint.
//
// The message is an ExportTraceServiceRequest, which has the one field of
// TracesData, and so the same bytes.
type collector struct {
	endpoint  atomic.Pointer[string]
	client    http.Client
	transport *http.Transport
}

var _ otlptrace.Client = (*collector)(nil)

func newCollector() *collector {
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: sendTimeout}).DialContext,
		TLSHandshakeTimeout:    sendTimeout, // or one that hangs keeps the only place
		MaxConnsPerHost:        1,
		MaxResponseHeaderBytes: 16 << 10,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // an answer must not grow beyond what is read of it
		ForceAttemptHTTP2:      true,
	}
	return &collector{transport: transport, client: http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// move has the next batch go elsewhere; "" for nowhere.
func (c *collector) move(endpoint string) {
	if old := c.endpoint.Swap(&endpoint); old != nil && *old != endpoint {
		c.transport.CloseIdleConnections()
	}
}

func (c *collector) close() { c.transport.CloseIdleConnections() }

// Start implements otlptrace.Client; there is nothing to start.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client; the queue closes the collector.
func (c *collector) Stop(context.Context) error { return nil }

// Errors of a collector, by which they are logged once a second each.
var (
	errOff     = errors.New("otlp-endpoint is off by now")
	errRefused = errors.New("the collector refuses")
)

// UploadTraces implements otlptrace.Client: one request.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	endpoint := c.endpoint.Load()
	if endpoint == nil || *endpoint == "" {
		return errOff
	}
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encoding spans: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, *endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking %s: %w", *endpoint, err)
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("User-Agent", "hotpath/"+buildinfo.Version())
	answer, err := c.client.Do(r)
	if err != nil {
		return err // it names method and URL
	}
	defer answer.Body.Close()
	if _, err := io.CopyN(io.Discard, answer.Body, maxAnswer); err != nil && err != io.EOF {
		return fmt.Errorf("reading the answer of %s: %w", *endpoint, err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%w: %s answers %d", errRefused, *endpoint, answer.StatusCode)
	}
	return nil
}

// causeOf is one of a few causes of an error.
func causeOf(err error) string {
	switch {
	case errors.Is(err, errOff):
		return "off"
	case errors.Is(err, errRefused):
		return "refused"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "failed"
}
