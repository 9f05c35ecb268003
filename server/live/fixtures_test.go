package live

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	hotpath "github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// newMetrics are instruments with the reasons that there are.
func newMetrics(o hotpath.Options) *hotpath.Hotpath {
	for r := range rfc9111.Reasons {
		o.Reasons = append(o.Reasons, r.String())
	}
	return hotpath.NewHotpath(o)
}

// newConfig is that of a server that has done nothing.
func newConfig() Config {
	return Config{
		Metrics: newMetrics(hotpath.Options{Stripes: 4}),
		Cache: func() hotpath.CacheStats {
			return hotpath.CacheStats{Entries: 3, LimitEntries: 1024, Bytes: 7000, LimitBytes: 1 << 20}
		},
		HotKeys: func(int) []access.HotKey { return nil },
		Sites:   func() []Site { return nil },
		Misses:  func(int) []missed.Path { return nil },
		Slowest: func(int) []missed.SlowPath { return nil },
		Broken:  func() []certs.Broken { return nil },
		Memory:  func() hotpath.MemoryStats { return hotpath.MemoryStats{} },
		Clients: func() hotpath.LimitStats { return hotpath.LimitStats{} },
		Ready:   func() error { return nil },
		Journal: new(Journal),
		Version: "v1.2.3",
	}
}

func newRecorder(t testing.TB, cfg Config) *Recorder {
	t.Helper()
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run lets a recorder record until stop, or the test's end.
func run(t *testing.T, r *Recorder) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return stop
}

// serve serves a recorder on fake connections.
func serve(t *testing.T, r *Recorder) *testkit.Pipes {
	t.Helper()
	l := testkit.NewPipes()
	server := http.Server{Handler: r, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn)}
	ended := make(chan struct{})
	go func() { _ = server.Serve(l); close(ended) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return l
}

// reader reads a stream.
type reader struct {
	t        *testing.T
	close    func() error
	response *http.Response
	lines    *bufio.Scanner
}

func open(t *testing.T, l *testkit.Pipes, header ...string) *reader {
	t.Helper()
	conn := l.Dial()
	request := "GET /live HTTP/1.1\r\nHost: a\r\n"
	for i := 0; i+1 < len(header); i += 2 {
		request += header[i] + ": " + header[i+1] + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &reader{t, conn.Close, response, bufio.NewScanner(response.Body)}
}

// message is an event as a page has it.
type message struct{ event, id, data string }

// next waits for the next event; there is none if the stream has ended.
func (r *reader) next() (m message, ok bool) {
	r.t.Helper()
	for r.lines.Scan() {
		field, value, _ := strings.Cut(r.lines.Text(), ": ")
		switch field {
		case "event":
			m.event = value
		case "id":
			m.id = value
		case "data":
			m.data = value
		case "":
			if m.data != "" {
				return m, true
			}
		}
	}
	return m, false
}

// sample waits for the next sample.
func (r *reader) sample() (s struct {
	T         int64
	State     string
	Rate      float64
	Mean, P99 *float64
}) {
	r.t.Helper()
	for {
		m, ok := r.next()
		if !ok {
			r.t.Fatal("the stream has ended")
		}
		if m.event != "sample" {
			continue
		}
		if err := json.Unmarshal([]byte(m.data), &s); err != nil {
			r.t.Fatal(err)
		}
		return s
	}
}
