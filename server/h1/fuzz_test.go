package h1

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/server/memory"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// fuzzServe takes every way that a handler can go.
func fuzzServe(ctx context.Context, x *message.Exchange) {
	switch x.Path {
	case "/unread":
		answerWith(x, 200, "x")
	case "/large":
		answerWith(x, 200, strings.Repeat("x", 100_000))
	case "/short":
		_ = x.Reply.Head(message.Head{Status: 200, Length: 10})
		_, _ = io.WriteString(x.Reply, "half")
	case "/unknown":
		_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
		_, _ = io.WriteString(x.Reply, "part")
		_ = x.Reply.End(nil)
	case "/nothing":
	default:
		echo(ctx, x)
	}
}

// FuzzConn: whatever a client sends, in whatever parts, nothing panics, the
// connection ends within its timeouts, and what it had reserved is given back.
func FuzzConn(f *testing.F) {
	for i, s := range []string{
		get("/hit") + get("/hit", "Range: bytes=1-2") + get("/miss"),
		get("/hit", "Range: bytes=0-1,3-4", "If-Range: \"tag\"") + "HEAD /hit HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody" + get("/large"),
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nA: b\r\n\r\n" + get("/short"),
		"POST /unread HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 400000\r\n\r\nbody",
		"POST /nothing HTTP/1.0\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nb" + get("/unknown", "Connection: close"),
		"GET /unknown HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x01x",
		"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "GET / HTTP/1.1\r\n", "\r\n\r\n" + get("/hit"),
	} {
		f.Add([]byte(s), uint16(0))
		f.Add([]byte(s), uint16(1+7*i))
	}
	f.Fuzz(func(t *testing.T, session []byte, part uint16) {
		if len(session) > 64<<10 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := storing("/hit", "content")
			s.serve = fuzzServe
			cfg, cached := counted(t, s, 16*mib)
			cfg.BodyBytes = 1000
			client, server := net.Pipe()
			c := NewConn(cfg, wire.New(server, nil, &wire.Options{Metrics: wire.ServerMetrics(cfg.Metrics), WriteTimeout: time.Second, WriteQuantum: 1 << 10}))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				c.Serve()
			}()
			go func() { _, _ = io.Copy(io.Discard, client) }()
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
			if n := cfg.Metrics.Panics.Value(); n != 0 {
				t.Errorf("%d panics", n)
			}
			if left := cached.Ledger().Stats(); left != (memory.Stats{Aside: left.Aside, Cuts: left.Cuts}) {
				t.Errorf("after the connection's end there is left %+v", left)
			}
		})
	})
}
