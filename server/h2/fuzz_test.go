package h2

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/nethttp"
)

// sessions are what clients send after their preface and SETTINGS.
func sessions() [][]byte {
	b := string(block(pseudo("GET", "/")...))
	return [][]byte{
		get(1, "/"),
		bytes.Join([][]byte{get(1, "/"), get(3, "/"), get(5, "/"), get(7, "/miss"), headers(9, true, pseudo("HEAD", "/")...)}, nil),
		bytes.Join([][]byte{post(1, "/echo", "content-length", "4"), data(1, "bo", false), data(1, "dy", true)}, nil),
		bytes.Join([][]byte{post(1, "/echo", "expect", "100-continue"), data(1, "body", false), headers(1, true, "a", "b")}, nil),
		bytes.Join([][]byte{post(1, "/early"), raw(frame.Data, frame.FlagPadded, 1, "\x02ab\x00\x00"), data(1, "", true)}, nil),
		bytes.Join([][]byte{frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: 1}, frame.Setting{ID: frame.HeaderTableSize, Value: 0}), get(1, "/large"), frame.AppendWindowUpdate(nil, 1, 70_000), frame.AppendRSTStream(nil, 1, frame.Cancel)}, nil),
		bytes.Join([][]byte{raw(frame.Headers, frame.FlagEndStream, 1, b[:3]), raw(frame.Continuation, frame.FlagEndHeaders, 1, b[3:])}, nil),
		bytes.Join([][]byte{get(1, "/panic"), frame.AppendPing(nil, false, []byte("12345678")), frame.AppendGoAway(nil, 0, frame.NoError, "")}, nil),
		bytes.Join([][]byte{post(1, "/", "content-length", "99999"), data(1, "x", true), get(3, "/", "a", strings.Repeat("~", 2000)), raw(frame.Priority, 0, 5, "\x00\x00\x00\x05\x00")}, nil),
	}
}

// fuzzHandler takes every way that a handler can go, but a panic of its own.
func fuzzHandler(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/echo":
		_, _ = io.Copy(w, r.Body)
	case "/early":
		w.WriteHeader(http.StatusEarlyHints)
	case "/large":
		_, _ = w.Write(make([]byte, 200_000))
		w.Header().Set(http.TrailerPrefix+"A", "b")
	case "/panic":
		panic(http.ErrAbortHandler)
	default:
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, r.URL.Path)
	}
}

// FuzzConn: whatever a client sends, in whatever parts, nothing panics, the
// connection ends within its timeouts, no window that we grant or keep to is less
// than nothing, and what was reserved is given back.
func FuzzConn(f *testing.F) {
	for i, s := range sessions() {
		f.Add(s, uint16(0), true)
		f.Add(s, uint16(1+i), true)
		f.Add(append([]byte(frame.Preface), append(frame.AppendSettings(nil), s...)...), uint16(50), false)
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint16(0), false)
	source := stored("/", "hit", "/large", strings.Repeat("x", 200_000))
	f.Fuzz(func(t *testing.T, session []byte, part uint16, greet bool) {
		if len(session) > 64<<10 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			m := metrics.NewHotpath(metrics.Options{Stripes: 1})
			cfg := &Config{
				Source:  source,
				Handler: nethttp.Handler(http.HandlerFunc(fuzzHandler)),
				Metrics: m,
				Log:     slog.New(slog.DiscardHandler),
				Ledger:  ledger(t),
				Limits:  filled(Limits{Streams: 5, HeaderBytes: 1000, BodyBytes: 1000, OutputBytes: 50_000}),
			}
			c := NewConn(cfg, wire.New(server, nil, &wire.Options{Metrics: wire.ServerMetrics(m), WriteTimeout: time.Second, WriteQuantum: 1 << 10}))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				c.Serve()
			}()
			go func() { _, _ = io.Copy(io.Discard, client) }()
			if greet {
				session = append(append([]byte(frame.Preface), frame.AppendSettings(nil)...), session...)
			}
			size := int(part)
			if size == 0 || len(session)/size > 200 {
				size = max(1, len(session))
			}
			for part := range slices.Chunk(session, size) {
				if _, err := client.Write(part); err != nil {
					break // it has hung up
				}
			}
			time.Sleep(time.Second)
			client.Close()
			<-ended
			synctest.Wait()
			if n := m.Panics.Value(); n != 0 {
				t.Errorf("%d panics", n)
			}
			if n := m.StreamsOpen.Value(); n != 0 {
				t.Errorf("%d streams open after the connection's end", n)
			}
			if left := cfg.Ledger.Stats(); left != (memory.Stats{Aside: left.Aside, Cuts: left.Cuts}) {
				t.Errorf("after the connection's end there is left %+v", left)
			}
			if c.window < 0 || c.credit.Room() > connWindow {
				t.Errorf("the connection may send %d bytes, and receive %d", c.window, c.credit.Room())
			}
		})
	})
}
